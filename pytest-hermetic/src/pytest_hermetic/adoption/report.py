"""What `--hermetic-init` prints: what to add, what to delete, and what is not known."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from pytest_hermetic.adoption import (
    configuration,
    consequences,
    demands,
    environment,
    schema,
    services,
    sources,
    suite,
    uncovered,
)
from pytest_hermetic.adoption.configuration import Block
from pytest_hermetic.adoption.findings import Action, Finding

_TITLES: tuple[tuple[Action, str], ...] = (
    ("delete", "Delete"),
    ("replace", "Replace"),
    ("rewrite", "Rewrite by hand"),
    ("ask", "Decide: what these replace is not known, or is your own code"),
)


@dataclass(frozen=True, slots=True)
class Advice:
    """All that is to be said about a project."""

    read: str
    """What was read."""
    block: Block
    findings: tuple[Finding, ...]
    uncovered: tuple[str, ...]
    unknown: tuple[str, ...]
    broken: tuple[tuple[str, str], ...]
    extras: str

    @property
    def is_nothing(self) -> bool:
        """Whether the project is hermetic already."""
        return not self.block.entries and not self.findings


def advise(root: Path, inipath: Path | None, configured: Mapping[str, object]) -> Advice:
    """Read the project at `root`. `configured` are the pytest settings it has."""
    project = sources.read(
        root,
        pythonpath=_lines(configured.get("pythonpath")),
        testpaths=_lines(configured.get("testpaths")),
    )
    of_app, of_schema = services.find(project), schema.find(project)
    reading = suite.read(project)
    demanded = demands.find(project)
    said = (line.partition("=") for line in _lines(configured.get("env")))
    tested = reading.variables | {name.removeprefix("D:"): value for name, _, value in said}
    lines = environment.lines(project, demanded, tested)
    known = {line.partition("=")[0].strip() for line in _lines(configured.get("hermetic_env"))}
    lines = [line for line in lines if line.name not in known]
    entries = configuration.entries(of_app, of_schema, lines, reading.resets)
    if configured.get("hermetic_alembic") or configured.get("hermetic_metadata"):
        entries = [one for one in entries if one.name not in ("hermetic_alembic",)]
        entries = [one for one in entries if one.name not in ("hermetic_metadata",)]
    found = consequences.findings(reading, has_app=bool(of_app.apps))
    if inipath and _lines(configured.get("env")):
        found += _moved(root, inipath)
    counts = (len(project.application), len(project.tests))
    return Advice(
        read=f"{counts[0]} files of the application and {counts[1]} of the tests were read",
        block=configuration.block(project, inipath, configured, entries),
        findings=tuple(found),
        uncovered=tuple(uncovered.find(project)),
        unknown=(
            *configuration.unknown(project, of_app, of_schema, lines),
            *_left(reading, demanded),
            *uncovered.outside(project),
        ),
        broken=project.broken,
        extras=configuration.extras(of_app, lines),
    )


def text(advice: Advice) -> Iterator[str]:
    """The lines to print."""
    yield f"pytest-hermetic: {advice.read}; nothing was imported, nothing is changed."
    if advice.is_nothing:
        yield ""
        yield "This project is hermetic already: there is nothing to add and nothing to delete."
    if advice.block.entries:
        yield from _block(advice.block)
    for action, title in _TITLES:
        found = [one for one in advice.findings if one.action == action]
        if found:
            count = sum(one.last - one.first + 1 for one in found)
            yield ""
            yield f"{title} ({count} lines in {len({one.place for one in found})} files)"
            for one in found:
                yield from _finding(one)
    for title, lines in (
        ("Not covered in this project", advice.uncovered),
        ("Not known", advice.unknown),
        ("Not read", tuple(f"{place}: {why}" for place, why in advice.broken)),
    ):
        if lines:
            yield ""
            yield title
            yield from (f"  {line}" for line in lines)
    if not advice.is_nothing:
        yield ""
        yield f"Then: pip install 'pytest-hermetic[{advice.extras}]', and run pytest."


def _block(block: Block) -> Iterator[str]:
    yield ""
    where = "to the end of" if block.is_new else f"to [{block.section}] of"
    yield f"Add {where} {block.file}"
    yield ""
    yield from (f"    {line}" if line else "" for line in block.lines)


def _finding(one: Finding) -> Iterator[str]:
    lines = f"{one.first}" if one.first == one.last else f"{one.first}-{one.last}"
    yield f"  {one.place}:{lines}  {one.shown}"
    yield f"      → {one.action}: {one.why}"
    yield from (f"      | {line}" for line in one.text)


def _moved(root: Path, inipath: Path) -> Iterator[Finding]:
    """The lines of pytest-env, which are in `hermetic_env` now."""
    lines = inipath.read_text("utf-8", "replace").split("\n")
    for number, line in enumerate(lines, 1):
        if re.match(r"env\s*=", line):
            last = number
            while last < len(lines) and re.match(r"\s+\S|\]", lines[last]):
                last += 1
            place = inipath.relative_to(root).as_posix()
            why = "hermetic_env sets them, before anything is imported"
            yield Finding(place, number, last, line.strip(), "delete", why)


def _left(reading: suite.Reading, demanded: Mapping[str, object]) -> Iterator[str]:
    """Variables the tests set that nothing reads, or that make a mode of its own for tests."""
    for name in reading.variables:
        if name not in demanded:
            yield f"{name}, which the tests set, is read nowhere in the application"
        elif environment.is_switch(name):
            yield f"{name}, which the tests set, is left out: what runs in use is what is tested"


def _lines(value: object) -> list[str]:
    if isinstance(value, str):
        return [line.strip() for line in value.splitlines() if line.strip()]
    return [str(one) for one in value] if isinstance(value, list | tuple) else []
