"""psycopg and psycopg2 connect in libpq, past every audit event: they are asked instead."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from functools import wraps
from typing import TYPE_CHECKING, Any

from pytest_hermetic.network.errors import NetworkBlocked

if TYPE_CHECKING:
    from types import ModuleType

    from pytest_hermetic.network.guard import Guard

GuardOf = Callable[[], "Guard | None"]


def install(library: ModuleType, guard: GuardOf) -> Callable[[], None]:
    """Put ourselves before the connects of `psycopg` or `psycopg2`; what takes us out again."""
    return _psycopg2(library, guard) if library.__name__ == "psycopg2" else _psycopg(library, guard)


def _psycopg(library: Any, guard: GuardOf) -> Callable[[], None]:
    from psycopg.conninfo import conninfo_to_dict

    # To the application it is what libpq says of a host that does not answer.
    kind = type("ConnectionBlocked", (NetworkBlocked, library.OperationalError), {})

    def check(conninfo: str | bytes) -> None:
        text = conninfo.decode() if isinstance(conninfo, bytes) else conninfo
        _check(guard(), conninfo_to_dict(text), kind)

    connect, pgconn = library.generators.connect, library.pq.PGconn

    def checked(conninfo: str, *rest: Any, **named: Any) -> Any:
        check(conninfo)
        return connect(conninfo, *rest, **named)

    class PGconn(pgconn):  # type: ignore[misc, valid-type]  # a class of whichever implementation is in use
        @classmethod
        def connect(cls, conninfo: bytes) -> Any:
            check(conninfo)
            return pgconn.connect(conninfo)

        @classmethod
        def connect_start(cls, conninfo: bytes) -> Any:
            check(conninfo)
            return pgconn.connect_start(conninfo)

        @classmethod
        def ping(cls, conninfo: bytes) -> Any:
            check(conninfo)
            return pgconn.ping(conninfo)

    return _replace({id(connect): wraps(connect)(checked), id(pgconn): PGconn}, "psycopg")


def _psycopg2(library: Any, guard: GuardOf) -> Callable[[], None]:
    connect = library._connect

    def checked(dsn: str, *rest: Any, **named: Any) -> Any:
        _check(guard(), library.extensions.parse_dsn(dsn), NetworkBlocked)
        return connect(dsn, *rest, **named)

    return _replace({id(connect): checked}, "psycopg2")


def _replace(instead: Mapping[int, Any], package: str) -> Callable[[], None]:
    """Put each object of `instead`, known by identity, in place wherever `package` names it."""
    undo: list[tuple[Any, str, Any]] = []
    for name, module in tuple(sys.modules.items()):
        if name == package or name.startswith(f"{package}."):
            for attribute, value in tuple(vars(module).items()):
                if id(value) in instead:
                    undo.append((module, attribute, value))
                    setattr(module, attribute, instead[id(value)])

    def restore() -> None:
        for module, attribute, value in undo:
            setattr(module, attribute, value)

    return restore


def _check(guard: Guard | None, wanted: Mapping[str, Any], kind: type[Any]) -> None:
    """Ask for every host that libpq would try, the environment's included."""
    if guard is None:
        return
    hosts = wanted.get("hostaddr") or os.environ.get("PGHOSTADDR")
    hosts = hosts or wanted.get("host") or os.environ.get("PGHOST")
    service = wanted.get("service") or os.environ.get("PGSERVICE")
    if not hosts and service:
        guard.refuse(f"PostgreSQL service {service}", 5432, kind=kind)
    ports = str(wanted.get("port") or os.environ.get("PGPORT") or 5432).split(",")
    for index, host in enumerate(str(hosts or "").split(",")):
        if host and not host.startswith(("/", "@")):  # else a unix socket
            port = ports[index] if len(ports) > 1 else ports[0]
            guard.connect(host, int(port or 5432), kind)
