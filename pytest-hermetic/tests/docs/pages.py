"""A page of the documentation as a reader follows it: save each file, type each command."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from lean import lean

DOCS = Path(__file__).parents[2] / "docs"
_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_PATH = re.compile(r"# ([\w./-]+\.(?:py|toml|ini|cfg))(?: .*)?\n")
_KEPT = ("PATH", "HOME", "LANG", "TMPDIR", "VIRTUAL_ENV")


@dataclass(frozen=True, slots=True)
class Block:
    """One fenced block."""

    language: str
    text: str

    @property
    def path(self) -> str:
        """The file it is saved as: its first line says so. Empty for a block without a name."""
        named = _PATH.match(self.text)
        return named[1] if named else ""


def blocks(page: Path) -> list[Block]:
    """The fenced blocks of a page, in order."""
    return [Block(*found) for found in _BLOCK.findall(page.read_text())]


def follow(page: Path, folder: Path, cache: Path) -> int:
    """Do all a page says in an empty folder; each command must print what the page shows.

    Returns the number of commands that ran. `pip` is not run: all is installed here.
    """
    ran = 0
    for block in blocks(page):
        if block.language == "console":
            for command, expected in _commands(block.text):
                if not command.startswith("pip "):
                    _assert_prints(_run(command, folder, cache), expected, command)
                    ran += 1
        elif block.path:
            (folder / block.path).parent.mkdir(parents=True, exist_ok=True)
            (folder / block.path).write_text(block.text)
    return ran


def _commands(text: str) -> list[tuple[str, str]]:
    """The commands of a console block, each with the output that follows it."""
    parts = re.split(r"^\$ (.*)\n", text, flags=re.MULTILINE)
    return list(zip(parts[1::2], parts[2::2], strict=True))


def _run(command: str, folder: Path, cache: Path) -> str:
    left_out = lean(command, *(path.read_text() for path in folder.rglob("*.py")))
    program, *arguments = shlex.split(command)
    assert program == "pytest", f"the pages type pytest only, not {program}"
    environment = {name: os.environ[name] for name in _KEPT if name in os.environ}
    environment |= {
        "PYTEST_ADDOPTS": shlex.join([*left_out, "-p", "no:anyio", "--color=no"]),
        "PYTHONDONTWRITEBYTECODE": "1",
        "XDG_CACHE_HOME": str(cache),
    }
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
    )
    return done.stdout + ("" if done.returncode in (0, 1) else done.stderr)


def _assert_prints(actual: str, expected: str, command: str) -> None:
    """`…` in what is expected stands for anything, on a line of its own for any lines."""
    pattern = re.escape(_without_times(expected).strip())
    pattern = re.sub(r"^…(?=\\?$)", r"(?:.*\\n)*?.*", pattern, flags=re.MULTILINE).replace(
        "…", ".*"
    )
    found = _without_times(actual).strip()
    assert re.fullmatch(pattern, found), f"$ {command}\n{found}\n--- but the page says\n{expected}"


def _without_times(text: str) -> str:
    lines = (line.rstrip() for line in text.splitlines())
    return re.sub(r"in \d+\.\d+s( \([\d:]+\))?", "in …s", "\n".join(lines))
