"""A value for each variable the application demands: keys and secrets are made, not written."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from pytest_hermetic.adoption.demands import Demand
from pytest_hermetic.adoption.names import literal, words
from pytest_hermetic.adoption.services import variables
from pytest_hermetic.adoption.sources import Project

_EXAMPLES = (".env.example", ".env.sample", ".env.template", ".env.dist", "env.example")
_KEY_KINDS = {"RS": "rs256", "PS": "rs256", "ES": "es256", "Ed": "ed25519"}
_SERVICES = ("postgresql", "postgres", "sqlite", "redis", "rediss", "valkey", "valkeys", "unix")
_VAGUE = frozenset(("", "URL", "URI", "DSN", "HOST", "PORT"))
_SWITCHES = frozenset(("env", "environment", "testing", "stage", "mode"))
_PARTS = frozenset(("jwt", "private", "public", "key", "path", "file", "pem", "location", "rsa"))


@dataclass(frozen=True, slots=True)
class Line:
    """One line of `hermetic_env`."""

    name: str
    value: str
    why: str
    is_guess: bool = False


def lines(
    project: Project, demands: Mapping[str, Demand], set_by_tests: Mapping[str, str]
) -> list[Line]:
    """What `hermetic_env` must say for the application to start, and what its tests set.

    `set_by_tests` are the variables that the project's tests set themselves.
    """
    purposes = variables(project)
    kind = _key_kind(project)
    families = {_family(name) for name in demands if _is_key(name) == "pair"}
    secret = "@secret:64" if _says(project, r"HS(384|512)") else "@secret:32"
    examples = _examples(project.root)
    declared = dependencies(project.root)
    found = []
    for name, demand in sorted(demands.items(), key=lambda one: _position(one[1])):
        tested = set_by_tests.get(name)
        if not demand.is_required and tested is None:
            continue
        key = _key(name, kind, secret, families)
        if key is not None and (demand.is_required or tested is not None):
            assumed = key.lstrip("@").startswith(("rs256", "pemfile")) and not kind
            why = f"{demand.place} demands it" + ("; RS256 is assumed" if assumed else "")
            found.append(Line(name, key, why, is_guess=assumed))
        elif line := _known(demand, tested, examples.get(name), declared, _made(name, purposes)):
            found.append(line)
    return found


def is_switch(name: str) -> bool:
    """Whether a variable puts an application into a mode of its own for tests."""
    return bool(words(name) & _SWITCHES) and not words(name) & {"url", "path", "dsn"}


def dependencies(root: Path) -> str:
    """All that pyproject.toml and the requirements files say, to look for a package's name in."""
    files = (*root.glob("pyproject.toml"), *root.glob("setup.cfg"), *root.glob("*requirements*"))
    inner = root.glob("requirements/*")
    return "\n".join(
        path.read_text("utf-8", "replace").lower() for path in (*files, *inner) if path.is_file()
    )


def _position(demand: Demand) -> tuple[str, int]:
    file, _, line = demand.place.rpartition(":")
    return file, int(line)


def _made(name: str, purposes: Mapping[str, str]) -> str:
    """What is made from a variable; a prefix of its settings class is no part of the field."""
    if name in purposes:
        return purposes[name]
    ends = (one for one in purposes if one not in _VAGUE and name.endswith(f"_{one}"))
    return next((purposes[one] for one in ends), "")


def _known(
    demand: Demand, tested: str | None, example: str | None, declared: str, made: str
) -> Line | None:
    """A value that the project itself says, or else one that fits the annotation."""
    name, default = demand.name, demand.default
    if tested is not None and is_switch(name) and not demand.is_required:
        return None
    if default and _is_service(default) and (_has_driver(default, declared) or not tested):
        # What production speaks is what the tests should meet: it goes to a private one.
        return None
    if example and _is_service(example) and _has_driver(example, declared):
        return Line(name, example, f"{demand.place} demands it; the host is never reached")
    if tested is not None:
        return Line(name, tested, "the tests set it themselves until now")
    if example and not re.search(r"[<>]|change|your|xxx", example, re.IGNORECASE):
        return Line(name, example, f"{demand.place} demands it; the value of the example file")
    value = _guess(demand, declared, made)
    # The host of a URL that is redirected may be any.
    return Line(name, value, f"{demand.place} demands it", is_guess=made != "redis")


def _guess(demand: Demand, declared: str, made: str) -> str:
    named = words(demand.name)
    annotated = demand.kind.lower()
    host = demand.name.lower().replace("_", "-")
    if made == "redis" or "redis" in annotated or named & {"redis", "valkey"}:
        return "redis://redis.test:6379/0"
    if "postgres" in annotated and "postgresql" not in _database(declared):
        return "postgresql://app@db/app"
    if (
        made == "database"
        or "postgres" in annotated
        or named & {"database", "db", "sqlalchemy", "postgres"}
    ):
        return _database(declared)
    if "email" in annotated or (named & {"email", "mail", "sender"} and "host" not in named):
        return "nobody@example.com"
    if "url" in annotated or named & {"url", "uri", "origin", "issuer", "endpoint"}:
        return f"https://{host}.test"
    for word, value in (("bool", "false"), ("int", "1"), ("float", "1"), ("list", "[]")):
        if word in annotated:
            return value
    return f"{host}.test" if "host" in named else "test"


def _database(declared: str) -> str:
    for driver, dialect in (
        ("asyncpg", "postgresql+asyncpg://app@db/app"),
        ("psycopg2", "postgresql+psycopg2://app@db/app"),
        ("psycopg", "postgresql+psycopg://app@db/app"),
    ):
        if driver in declared:
            return dialect
    return "sqlite+aiosqlite:///./app.db" if "aiosqlite" in declared else "sqlite:///./app.db"


def _key(name: str, kind: str, secret: str, families: set[str]) -> str | None:
    """The @-value of a variable that holds a key or a secret, or the path of a key."""
    match _is_key(name):
        case "pair":
            family = _family(name)
            other = f"/{family}" if family and len(families) > 1 else ""
            half = ".pub" if "public" in words(name) else ""
            is_path = not words(name).isdisjoint(("path", "file", "location"))
            return f"@{'pemfile:' if is_path else ''}{kind or 'rs256'}{other}{half}"
        case "secret":
            return secret
    return None


def _is_key(name: str) -> str:
    named = words(name)
    if named & {"private", "public"} and named & {"key", "pem", "path", "file"}:
        return "pair"
    if named & {"id", "url", "algorithm", "minutes", "days", "seconds", "expire", "lifetime"}:
        return ""
    if named & {"secret", "salt", "pepper", "fernet", "encryption"} or named >= {"signing", "key"}:
        return "secret"
    return "secret" if named == {"secretkey"} or named >= {"jwt", "key"} else ""


def _family(name: str) -> str:
    return "-".join(part for part in name.lower().split("_") if part not in _PARTS)


def _key_kind(project: Project) -> str:
    """The kind of the application's signing keys, from the algorithm its code names."""
    found = {
        text[:2]
        for source in project.application
        for node in ast.walk(source.tree)
        if (text := literal(node)) and re.fullmatch(r"[RPE]S(256|384|512)|EdDSA|Ed25519", text)
    }
    return _KEY_KINDS[found.pop()] if len(found) == 1 else ""


def _says(project: Project, pattern: str) -> bool:
    return any(
        re.fullmatch(pattern, text)
        for source in project.application
        for node in ast.walk(source.tree)
        if (text := literal(node))
    )


def _examples(root: Path) -> dict[str, str]:
    found: dict[str, str] = {}
    for name in _EXAMPLES:
        if (root / name).is_file():
            found.update(_pairs((root / name).read_text("utf-8", "replace")))
    return found


def _pairs(text: str) -> Iterator[tuple[str, str]]:
    for line in text.splitlines():
        name, equals, value = line.strip().removeprefix("export ").partition("=")
        if equals and not name.startswith("#") and value.strip():
            yield name.strip(), value.strip().strip("\"'")


def _is_service(url: str) -> bool:
    return url.partition(":")[0].partition("+")[0] in _SERVICES


def _has_driver(url: str, declared: str) -> bool:
    """Whether the project depends on the driver that a database URL names."""
    _, plus, driver = url.partition(":")[0].partition("+")
    return not plus or not declared or driver.lower() in declared
