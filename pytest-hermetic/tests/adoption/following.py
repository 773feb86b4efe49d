"""Do what `--hermetic-init` prints, as a person would who reads it."""

from __future__ import annotations

import re
import textwrap
from pathlib import Path


def follow(root: Path, printed: str) -> None:
    """Do to the project what the printed text says, and no more: it is all a reader has."""
    file, section, block = re.search(
        r"\nAdd to (?:the end of|\[.*\] of) (\S+)\n\n    \[(\S+)\]\n((?:    .*\n)+)", printed
    ).groups()
    path, header = root / file, f"[{section}]\n"
    added = textwrap.dedent(block)
    text = path.read_text() if path.exists() else ""
    path.write_text(
        text.replace(header, header + added, 1) if header in text else f"{text}\n{header}{added}"
    )
    edits: dict[str, list[tuple[int, int, list[str]]]] = {}
    pattern = r"\n  (\S+):(\d+)(?:-(\d+))?  .*\n      → (?:delete|replace): .*((?:\n      \|.*)*)"
    for place, first, last, new in re.findall(pattern, printed):
        lines = [line[len("      | ") :] for line in new.splitlines()[1:]]
        edits.setdefault(place, []).append((int(first), int(last or first), lines))
    for place, changes in edits.items():
        lines = (root / place).read_text().split("\n")
        for first, last, new in sorted(changes, reverse=True):
            lines[first - 1 : last] = new
        (root / place).write_text("\n".join(lines))
