"""Where the schema comes from: the migrations if there are any, else the models' metadata."""

from __future__ import annotations

import ast
import configparser
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from pytest_hermetic.adoption.sources import Project, Source

_BASES = frozenset(("sqlalchemy.orm.DeclarativeBase", "sqlalchemy.orm.DeclarativeBaseNoMeta"))
_MAKERS = frozenset(
    (
        "sqlalchemy.orm.declarative_base",
        "sqlalchemy.ext.declarative.declarative_base",
        "sqlalchemy.MetaData",
        "sqlalchemy.schema.MetaData",
        "sqlalchemy.orm.registry",
        "flask_sqlalchemy.SQLAlchemy",
    )
)
_SQLMODEL = ("sqlmodel.SQLModel", "sqlmodel.main.SQLModel")


@dataclass(frozen=True, slots=True)
class Schema:
    """What to write, and what else would do."""

    alembic: str = ""
    """The path of an alembic.ini that has migrations."""
    metadata: tuple[str, ...] = ()
    """`module:attribute` of each, such that importing them defines every table."""


def find(project: Project) -> Schema:
    """Look for migrations and for metadata."""
    return Schema(_alembic(project.root), tuple(_metadata(project)))


def _alembic(root: Path) -> str:
    for path in sorted((*root.glob("alembic.ini"), *root.glob("*/alembic.ini"))):
        parser = configparser.ConfigParser(interpolation=None)
        try:
            parser.read(path)
        except configparser.Error:
            continue
        location = parser.get("alembic", "script_location", fallback="")
        # A location is relative to the working folder, or says that it is not.
        folder = Path(location.replace("%(here)s", str(path.parent)))
        folder = folder if folder.is_absolute() else root / folder
        if any((folder / "versions").rglob("*.py")):
            return path.relative_to(root).as_posix()
    return ""


def _metadata(project: Project) -> Iterable[str]:
    """For each base the fewest modules that know it and bring all its tables along."""
    definitions = _definitions(project)
    reach = {source.module: _reach(project, source.module) for source in project.application}
    for base, tables in sorted(_tables(project, definitions).items()):
        holders = {
            source.module: name
            for source in project.application
            for name, meant in source.names.items()
            if project.resolve(meant) == base
        }
        home = base.rpartition(".")[0]
        missing = set(tables)
        while missing:
            best = max(
                sorted(holders),
                key=lambda module: (len(reach[module] & missing), module == home),
                default=None,
            )
            if best is None or not reach[best] & missing:
                break
            missing -= reach[best]
            yield f"{best}:{holders[best]}"


def _definitions(project: Project) -> frozenset[str]:
    """Each base or metadata object, by its dotted name."""
    found = {*_SQLMODEL}
    for source in project.application:
        for node in source.tree.body:
            match node:
                case ast.ClassDef(name=name, bases=bases):
                    if any(source.dotted(base) in _BASES for base in bases):
                        found.add(f"{source.module}.{name}")
                case ast.Assign(targets=[ast.Name(id=name)], value=ast.Call() as call):
                    if source.dotted(call.func) in _MAKERS:
                        found.add(f"{source.module}.{name}")
    return frozenset(found)


def _tables(project: Project, definitions: frozenset[str]) -> dict[str, set[str]]:
    """The modules that define tables of each base."""
    modules: dict[str, set[str]] = {}
    classes = {
        f"{source.module}.{node.name}": (source, node)
        for source in project.application
        for node in ast.walk(source.tree)
        if isinstance(node, ast.ClassDef)
    }
    for source, node in classes.values():
        base = _root(project, classes, definitions, source, node)
        is_table = any(keyword.arg == "table" for keyword in node.keywords) or "sqlmodel" not in (
            base or ""
        )
        if base and is_table and f"{source.module}.{node.name}" not in definitions:
            modules.setdefault(base, set()).add(source.module)
    for source in project.application:
        for name, call in source.calls():
            if name in ("sqlalchemy.Table", "sqlalchemy.schema.Table") and len(call.args) > 1:
                owner = call.args[1]
                if isinstance(owner, ast.Attribute) and owner.attr == "metadata":
                    owner = owner.value
                base = project.resolve(source.dotted(owner))
                if base in definitions:
                    modules.setdefault(base, set()).add(source.module)
    return modules


def _root(
    project: Project,
    classes: dict[str, tuple[Source, ast.ClassDef]],
    definitions: frozenset[str],
    source: Source,
    node: ast.ClassDef,
    depth: int = 0,
) -> str | None:
    """The declarative base that a class descends from."""
    for one in node.bases:
        name = source.dotted(one)
        if name.endswith(".Model"):
            name = name.removesuffix(".Model")  # Flask-SQLAlchemy's db.Model
        name = project.resolve(name)
        if name in definitions:
            return name
        if name in classes and depth < 8:
            found = _root(project, classes, definitions, *classes[name], depth + 1)
            if found:
                return found
    return None


def _reach(project: Project, start: str) -> set[str]:
    """Every module of the application that importing `start` imports."""
    known = {source.module: source for source in project.application}
    reached: set[str] = set()
    waiting = [start]
    seen = {start}
    while waiting:
        name = waiting.pop()
        parts = name.split(".")
        packages = {".".join(parts[:length]) for length in range(1, len(parts) + 1)}
        for module in packages & known.keys() - reached:
            reached.add(module)
            following = set(known[module].imports) - seen
            seen |= following
            waiting += following
    return reached
