"""What the application is made of: its ASGI object, engines, Redis clients and limiters."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from pytest_hermetic.adoption.names import Function, literal
from pytest_hermetic.adoption.sources import Project, Source

_ASGI = {
    "fastapi.FastAPI": "FastAPI",
    "starlette.applications.Starlette": "Starlette",
    "litestar.Litestar": "Litestar",
    "litestar.app.Litestar": "Litestar",
    "quart.Quart": "Quart",
    "falcon.asgi.App": "Falcon",
    "blacksheep.Application": "BlackSheep",
    "sanic.Sanic": "Sanic",
}
_WSGI = {"flask.Flask": "Flask", "falcon.App": "Falcon", "bottle.Bottle": "Bottle"}
_ENGINES = frozenset(
    (
        "sqlalchemy.create_engine",
        "sqlalchemy.engine.create_engine",
        "sqlalchemy.engine_from_config",
        "sqlalchemy.ext.asyncio.create_async_engine",
        "sqlalchemy.ext.asyncio.async_engine_from_config",
        "sqlmodel.create_engine",
        "flask_sqlalchemy.SQLAlchemy",
    )
)
_SESSIONS = frozenset(("async_sessionmaker", "sessionmaker", "scoped_session", "AsyncSession"))
_CLIENTS = frozenset(("Redis", "StrictRedis", "from_url", "RedisCluster", "ConnectionPool")) | {
    "Sentinel",
    "BlockingConnectionPool",
    "Valkey",
    "ValkeyCluster",
}
_LIMITERS = ("slowapi.Limiter", "limits.", "flask_limiter.", "fastapi_limiter.")


@dataclass(frozen=True, slots=True)
class Found:
    """Something in the application, and where it is."""

    name: str
    """What it is: `FastAPI`, `sqlalchemy.ext.asyncio.create_async_engine`."""
    target: str
    """`module:attribute`, where it has one."""
    place: str
    """`file:line`."""
    url: str | None = None
    """Its URL, where the source says it."""


@dataclass(frozen=True, slots=True)
class Services:
    """What the application is made of."""

    apps: tuple[Found, ...]
    """ASGI applications, the likeliest first."""
    wsgi: tuple[Found, ...]
    engines: tuple[Found, ...]
    redis: tuple[Found, ...]
    limiters: tuple[Found, ...]


def find(project: Project) -> Services:
    """Look for them in every file that is not a test."""
    made = {
        (source.module, node.name): framework
        for source in project.application
        for node in source.tree.body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (framework := _made(source, node))
    }
    apps = [app for source in project.application for app in _apps(project, source, made)]
    wsgi = [app for app in apps if app.name in _WSGI.values()]
    return Services(
        apps=tuple(sorted((app for app in apps if app not in wsgi), key=_unlikely)),
        wsgi=tuple(wsgi),
        engines=tuple(_called(project, lambda name: name in _ENGINES)),
        redis=tuple(_called(project, is_redis)),
        limiters=tuple(_called(project, lambda name: name.startswith(_LIMITERS))),
    )


def variables(project: Project) -> dict[str, str]:
    """The variables that clients and engines are made from: each "redis" or "database"."""
    found: dict[str, str] = {}
    for source in project.application:
        for name, call in source.calls():
            purpose = "redis" if is_redis(name) else "database" if is_engine(name) else ""
            for value in (*call.args, *(one.value for one in call.keywords)) if purpose else ():
                for node in ast.walk(value):
                    read = node.attr if isinstance(node, ast.Attribute) else literal(node)
                    found.setdefault((read or "").upper(), purpose)
    return found


def is_engine(name: str) -> bool:
    """Whether a dotted name makes an SQLAlchemy engine."""
    return name in _ENGINES


def is_session(name: str) -> bool:
    """Whether a dotted name makes SQLAlchemy sessions."""
    return name.startswith(("sqlalchemy.", "sqlmodel.")) and (
        name.rpartition(".")[2] in {*_SESSIONS, "Session"}
    )


def is_redis(name: str) -> bool:
    """Whether a dotted name makes a client or a pool of redis-py or valkey-py."""
    first, _, rest = name.partition(".")
    parts = rest.split(".")
    return first in ("redis", "valkey") and not _CLIENTS.isdisjoint(parts[-2:])


def _called(project: Project, wanted: object) -> Iterator[Found]:
    for source in project.application:
        if "/versions/" in source.place or source.place.endswith("/env.py"):
            continue  # Alembic's own engine
        for name, call in source.calls():
            if callable(wanted) and wanted(name):
                urls = [text for value in call.args if (text := literal(value)) and "://" in text]
                place = f"{source.place}:{call.lineno}"
                yield Found(name, "", place, urls[0] if urls else None)


def _apps(project: Project, source: Source, made: dict[tuple[str, str], str]) -> Iterator[Found]:
    for node in source.tree.body:
        place = f"{source.place}:{node.lineno}"
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=ast.Call() as call):
                called = project.resolve(source.dotted(call.func))
                module, _, function = called.rpartition(".")
                framework = _framework(called) or made.get((module, function))
                if framework:
                    yield Found(framework, f"{source.module}:{name}", place)
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.Call() as call):
                if framework := _framework(source.dotted(call.func)):
                    yield Found(framework, f"{source.module}:{name}", place)
            case ast.FunctionDef(name=name) if (source.module, name) in made:
                if len(node.args.args) == len(node.args.defaults) and not node.args.kwonlyargs:
                    yield Found(made[source.module, name], f"{source.module}:{name}()", place)


def _made(source: Source, function: Function) -> str:
    """The framework whose application a factory makes and returns."""
    returned = {
        node.value.id
        for node in ast.walk(function)
        if isinstance(node, ast.Return) and isinstance(node.value, ast.Name)
    }
    for node in ast.walk(function):
        match node:
            case ast.Return(value=ast.Call() as call):
                if framework := _framework(source.dotted(call.func)):
                    return framework
            case ast.Assign(targets=[ast.Name(id=name)], value=ast.Call() as call):
                framework = _framework(source.dotted(call.func))
                if framework and name in returned:
                    return framework
    return _framework(source.dotted(function.returns))


def _framework(name: str) -> str:
    return _ASGI.get(name) or _WSGI.get(name) or ""


def _unlikely(app: Found) -> tuple[bool, bool, int]:
    """Sorts last what is probably a part of another application, or a factory of a known one."""
    module, _, name = app.target.partition(":")
    return (
        name.endswith("()"),
        name not in ("app", "application", "asgi", "api"),
        0 if module.rpartition(".")[2] in ("main", "app", "asgi", "server") else len(module),
    )
