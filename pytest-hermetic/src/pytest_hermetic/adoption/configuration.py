"""The configuration a project needs, in the format of its own file, each line with its reason."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pytest_hermetic.adoption import environment
from pytest_hermetic.adoption.environment import Line
from pytest_hermetic.adoption.schema import Schema
from pytest_hermetic.adoption.services import Found, Services
from pytest_hermetic.adoption.sources import Project


@dataclass(frozen=True, slots=True)
class Entry:
    """One setting to add."""

    name: str
    value: bool | str | tuple[str, ...]
    why: str


@dataclass(frozen=True, slots=True)
class Block:
    """The lines to add, where they go, and what could not be told."""

    file: str
    section: str
    is_new: bool
    """Whether the section is not in the file yet."""
    lines: tuple[str, ...]
    entries: tuple[Entry, ...]


def block(
    project: Project, inipath: Path | None, configured: Mapping[str, object], found: list[Entry]
) -> Block:
    """What is missing of `found`, for the file pytest reads now, else the likeliest one."""
    path = inipath or _likeliest(project.root)
    section = _section(path)
    missing = tuple(
        _added(entry, configured.get(entry.name))
        for entry in found
        if entry.name == "hermetic_env" or not configured.get(entry.name)
        # What `auto` finds out by itself need not be said by who has begun without it.
        if not (configured.get("hermetic") and entry.name in ("hermetic_db", "hermetic_redis"))
    )
    is_toml = path.suffix == ".toml"
    lines = [f"[{section}]"]
    for entry in missing:
        lines += (f"# {line}" for line in entry.why.splitlines())
        lines += _toml(entry) if is_toml else _ini(entry)
    file = (
        path.relative_to(project.root).as_posix()
        if path.is_relative_to(project.root)
        else str(path)
    )
    return Block(file, section, not _has(path, section), tuple(lines), missing)


def _added(entry: Entry, there: object) -> Entry:
    """The entry, with the lines that are there already."""
    if not isinstance(there, list) or not there or not isinstance(entry.value, tuple):
        return entry
    why = f"in the place of the {entry.name} that is there\n{entry.why}"
    return Entry(entry.name, (*map(str, there), *entry.value), why)


def entries(
    services: Services, schema: Schema, lines: list[Line], resets: list[str]
) -> list[Entry]:
    """Every setting the project needs."""
    found = [Entry("hermetic", True, "every test has a private world")]
    if services.apps:
        app = services.apps[0]
        found.append(Entry("hermetic_app", app.target, f"{app.place}: {app.name}"))
    if schema.alembic:
        found.append(
            Entry("hermetic_alembic", schema.alembic, "the schema comes from the migrations")
        )
    elif schema.metadata:
        why = "the tables every database is born with"
        found.append(Entry("hermetic_metadata", schema.metadata, why))
    if dialect := _dialect(services.engines):
        why = "every engine says so; one of another dialect is refused"
        found.append(Entry("hermetic_db", dialect, why))
    if services.redis:
        client = services.redis[0]
        found.append(Entry("hermetic_redis", "memory", f"{client.place}: {client.name}"))
    if lines:
        values = tuple(f"{line.name}={line.value}" for line in lines)
        why = "\n".join(f"{line.name}: {line.why}" for line in lines)
        found.append(Entry("hermetic_env", values, why))
    if resets:
        values = tuple(dict.fromkeys(resets))
        found.append(Entry("hermetic_reset", values, "what the tests emptied themselves"))
    return found


def extras(services: Services, lines: list[Line]) -> str:
    """The extras of the distribution that the project needs."""
    wanted = {
        "redis": bool(services.redis),
        "sql": bool(services.engines),
        "keys": any(line.value.startswith(("@pem", "@es", "@rs", "@ed")) for line in lines),
        "time": True,
        "http": bool(services.apps),
    }
    return ",".join(name for name, is_wanted in wanted.items() if is_wanted)


def _dialect(engines: tuple[Found, ...]) -> str:
    """The one dialect of all engines, if the source says it of each."""
    known = {(one.url or "?").partition(":")[0].partition("+")[0] for one in engines}
    found = {"postgresql": "postgres", "postgres": "postgres", "sqlite": "sqlite"}
    return found.get(known.pop(), "") if len(known) == 1 else ""


def _likeliest(root: Path) -> Path:
    pyproject = root / "pyproject.toml"
    return pyproject if pyproject.is_file() else root / "pytest.ini"


def _section(path: Path) -> str:
    if path.name == "pyproject.toml":
        return "tool.pytest" if _has(path, "tool.pytest") else "tool.pytest.ini_options"
    return "tool:pytest" if path.name == "setup.cfg" else "pytest"


def _has(path: Path, section: str) -> bool:
    """Whether a file has that section."""
    if not path.is_file():
        return False
    text = path.read_text("utf-8", "replace")
    if path.suffix != ".toml":
        return f"[{section}]" in text
    try:
        found: object = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return f"[{section}]" in text
    for part in section.split("."):
        found = found.get(part) if isinstance(found, dict) else None
    return isinstance(found, dict) and found.keys() != {"ini_options"}


def _toml(entry: Entry) -> list[str]:
    match entry.value:
        case tuple() as values:
            return [f"{entry.name} = [", *(f"  {json.dumps(one)}," for one in values), "]"]
        case value:
            return [f"{entry.name} = {json.dumps(value)}"]


def _ini(entry: Entry) -> list[str]:
    match entry.value:
        case tuple() as values:
            return [f"{entry.name} =", *(f"    {one}" for one in values)]
        case bool(value):
            return [f"{entry.name} = {str(value).lower()}"]
        case value:
            return [f"{entry.name} = {value}"]


def unknown(project: Project, services: Services, schema: Schema, lines: list[Line]) -> list[str]:
    """What the source does not tell, and a person has to decide."""
    found = [f"{line.name}={line.value} is a guess: {line.why}" for line in lines if line.is_guess]
    others = [app.target for app in services.apps[1:] if not app.target.endswith("()")]
    if others:
        found.append(f"hermetic_app: {services.apps[0].target} was taken, not {', '.join(others)}")
    if services.wsgi and not services.apps:
        app = services.wsgi[0]
        found.append(
            f"{app.place}: {app.name} is WSGI: hermetic_app is for ASGI; go on using its own client"
        )
    elif not services.apps:
        found.append("no ASGI application was found: set hermetic_app to use hermetic.client")
    if schema.alembic and schema.metadata:
        names = json.dumps(list(schema.metadata))
        found.append(f"instead of hermetic_alembic, hermetic_metadata = {names} would do")
    if services.engines and not schema.alembic and not schema.metadata:
        found.append("no tables were found: if the application does not create them, name them")
    if (project.root / "alembic.ini").is_file() and not schema.alembic:
        found.append("alembic.ini is there, but no migrations")
    if not environment.dependencies(project.root):
        found.append("no dependencies are declared: drivers are judged by the URLs alone")
    return found
