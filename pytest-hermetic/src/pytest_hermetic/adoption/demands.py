"""What the application demands of its environment: settings classes and reads of `os.environ`."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from pytest_hermetic.adoption.names import keyword, literal
from pytest_hermetic.adoption.sources import Project, Source

_SETTINGS = ("pydantic_settings.BaseSettings", "pydantic.BaseSettings", "pydantic.v1.BaseSettings")
_READERS = frozenset(
    ("decouple.config", "starlette.config.Config", "environs.Env", "environ.Env", "environs.env")
)
_GETTERS = frozenset(("os.getenv", "os.environ.get"))


@dataclass(frozen=True, slots=True)
class Demand:
    """One variable the application reads."""

    name: str
    place: str
    is_required: bool
    """Whether the application does not start without it."""
    default: str | None = None
    """The text it has in the source when nothing is set."""
    kind: str = ""
    """Its annotation, as it is written."""


def find(project: Project) -> dict[str, Demand]:
    """Every variable by name; where it is read twice, the stricter reading counts."""
    found: dict[str, Demand] = {}
    for source in project.application:
        for demand in (*_of_settings(project, source), *_of_reads(source)):
            known = found.get(demand.name)
            if known is None or (demand.is_required and not known.is_required):
                found[demand.name] = demand
    return found


def _of_settings(project: Project, source: Source) -> Iterator[Demand]:
    for node in ast.walk(source.tree):
        if isinstance(node, ast.ClassDef) and _is_settings(project, source, node):
            prefix = _option(node, "env_prefix")
            for field in node.body:
                match field:
                    case ast.AnnAssign(target=ast.Name(id=name)) if not name.startswith("_"):
                        if name == "model_config" or "ClassVar" in ast.unparse(field.annotation):
                            continue
                        yield _field(source, field, name, prefix)


def _field(source: Source, field: ast.AnnAssign, name: str, prefix: str) -> Demand:
    value, alias = field.value, None
    if isinstance(value, ast.Call) and source.dotted(value.func).endswith(".Field"):
        alias = _alias(keyword(value, "validation_alias", "alias", "env"))
        made = keyword(value, "default", "default_factory")
        value = value.args[0] if value.args else made
    if isinstance(value, ast.Constant) and value.value is ...:
        value = None
    place = f"{source.place}:{field.lineno}"
    kind = ast.unparse(field.annotation)
    return Demand(alias or (prefix + name).upper(), place, value is None, literal(value), kind)


def _alias(node: ast.expr | None) -> str | None:
    if isinstance(node, ast.Call) and node.args:
        node = node.args[0]  # AliasChoices: the first is the one to use
    return literal(node)


def _is_settings(project: Project, source: Source, node: ast.ClassDef, depth: int = 0) -> bool:
    for base in node.bases:
        name = project.resolve(source.dotted(base))
        if name in _SETTINGS:
            return True
        module, _, last = name.rpartition(".")
        home = project.module(module)
        for parent in home.tree.body if home and depth < 5 else ():
            if isinstance(parent, ast.ClassDef) and parent.name == last and home:
                return _is_settings(project, home, parent, depth + 1)
    return False


def _option(node: ast.ClassDef, name: str) -> str:
    """An option of `model_config = SettingsConfigDict(…)`, of a dictionary or of `class Config`."""
    for one in ast.walk(node):
        match one:
            case ast.keyword(arg=arg, value=value) if arg == name:
                return literal(value) or ""
            case ast.Assign(targets=[ast.Name(id=arg)], value=value) if arg == name:
                return literal(value) or ""
            case ast.Dict(keys=keys, values=values):
                for key, value in zip(keys, values, strict=True):
                    if literal(key) == name:
                        return literal(value) or ""
    return ""


def _of_reads(source: Source) -> Iterator[Demand]:
    readers = _readers(source)
    for node in ast.walk(source.tree):
        match node:
            case ast.Subscript(value=value, slice=key, ctx=ast.Load()):
                if source.dotted(value) == "os.environ" and (name := literal(key)):
                    yield Demand(name, f"{source.place}:{node.lineno}", is_required=True)
            case ast.Call(func=function, args=[first, *rest]) if name := literal(first):
                called = source.dotted(function)
                place = f"{source.place}:{node.lineno}"
                if called in _GETTERS:
                    default = rest[0] if rest else keyword(node, "default")
                    yield Demand(name, place, False, literal(default))
                elif called in readers or called.rpartition(".")[0] in readers:
                    default = keyword(node, "default")
                    if default is None and called.startswith("environ"):
                        default = rest[0] if rest else None
                    cast = keyword(node, "cast")
                    kind = ast.unparse(cast) if cast else called.rpartition(".")[2]
                    yield Demand(name, place, default is None, literal(default), kind)


def _readers(source: Source) -> set[str]:
    """The names by which a file reads its environment through decouple, environs or Starlette."""
    readers = {"decouple.config"} if "decouple.config" in source.names.values() else set()
    for node in ast.walk(source.tree):
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=ast.Call(func=function)):
                if source.dotted(function) in _READERS:
                    readers.add(source.names.get(name, name))
    return readers
