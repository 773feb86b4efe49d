"""The one place that touches what SQLAlchemy and the database drivers keep private.

Tested on SQLAlchemy 2.0.23 and the newest release.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import threading
import weakref
from collections.abc import Callable
from typing import Any

from sqlalchemy.engine import Dialect
from sqlalchemy.engine.default import DefaultDialect
from sqlalchemy.pool import ConnectionPoolEntry, Pool
from sqlalchemy.pool.base import _AdhocProxiedConnection, _ConnectionRecord

Point = Callable[[Dialect, "list[Any]", "dict[str, Any]"], bool]
"""Rewrites the arguments of a connect, unless the test wants its real database; whether it did."""
OURS = "hermetic_ours"
"""The key that marks a pool entry whose connection was redirected."""
_UNSEEN: weakref.WeakSet[Dialect] = weakref.WeakSet()


def hide(dialect: Dialect) -> None:
    """Let the engine of `dialect` be the test's own, by which it looks past every fault."""
    _UNSEEN.add(dialect)


def is_hidden(dialect: Dialect) -> bool:
    """Whether the engine of `dialect` is the test's own."""
    return dialect in _UNSEEN


def pool_of(entry: ConnectionPoolEntry) -> Pool:
    """The pool that holds `entry`."""
    pool: Pool = entry._ConnectionRecord__pool  # type: ignore[attr-defined]  # no public way
    return pool


def is_async(entry: ConnectionPoolEntry) -> bool:
    """Whether the connection of `entry` belongs to an event loop."""
    return bool(pool_of(entry)._dialect.is_async)


def refresh(pool: Pool) -> None:
    """Free a pool from the event loop and from the clock of the test before.

    An async pool's queue is bound to a loop by a first contention. The moments SQLAlchemy noted
    while the clock was moved lie in the future of the next test, which would reconnect for ever.
    """
    pool._invalidate_time = 0
    if hasattr(pool._dialect, "_invalidate_schema_cache_asof"):  # asyncpg's
        pool._dialect._invalidate_schema_cache_asof = 0
    waiting = getattr(pool, "_pool", None)
    queue = getattr(waiting, "__dict__", {}).get("_queue")
    if isinstance(queue, asyncio.Queue):
        queue._loop = None  # type: ignore[attr-defined]  # set again at the next contention
        queue._getters.clear()  # type: ignore[attr-defined]
        queue._putters.clear()  # type: ignore[attr-defined]


def abandon(entry: ConnectionPoolEntry, loop: asyncio.AbstractEventLoop | None) -> None:
    """Drop the async connection of `entry`, opened in `loop`, from outside that loop.

    Nothing is awaited: the server sees the connection break, as in a crash.
    """
    connection = entry.dbapi_connection
    entry.dbapi_connection = None  # type: ignore[misc]  # a slot of the only implementation
    raw: Any = getattr(connection, "_connection", connection)
    if hasattr(raw, "pgconn"):  # psycopg: libpq knows no loop
        raw.pgconn.finish()
    elif hasattr(raw, "_transport"):  # asyncpg
        _abandon_asyncpg(raw, loop)
    elif hasattr(raw, "stop"):  # aiosqlite, whose own thread closes the file
        # From a thread without a loop: it would have the running one told, which may end first.
        telling = threading.Thread(target=raw.stop)
        telling.start()
        telling.join()


def _abandon_asyncpg(raw: Any, loop: asyncio.AbstractEventLoop | None) -> None:
    if loop is None or loop.is_closed():
        transport = raw._transport
        found = transport.get_extra_info("socket") if transport is not None else None
        if found is not None:
            with contextlib.suppress(OSError):
                found._sock.close()
            transport._sock = None  # else its finalizer warns of an unclosed transport
        raw._aborted = True  # else the connection's finalizer warns
    elif loop.is_running():
        loop.call_soon_threadsafe(raw.terminate)
    else:
        raw.terminate()


def is_first_greeting(connection: Any) -> bool:
    """Whether SQLAlchemy itself is asking the server who it is, before an engine's first use."""
    return isinstance(connection, _AdhocProxiedConnection)


def break_off(connection: Any) -> None:
    """Break a pooled connection as a network does: neither side says goodbye."""
    raw: Any = connection.driver_connection
    if hasattr(raw, "_transport"):  # asyncpg
        _shut(raw._transport.get_extra_info("socket").fileno())
    elif hasattr(raw, "pgconn") or hasattr(raw, "get_dsn_parameters"):  # psycopg, psycopg2
        _shut(raw.fileno())
    else:  # SQLite has no network to break
        connection.dbapi_connection.close()


def _shut(descriptor: int) -> None:
    with socket.socket(fileno=os.dup(descriptor)) as copy, contextlib.suppress(OSError):
        copy.shutdown(socket.SHUT_RDWR)


class Commits:
    """Asked before each commit: `around(dialect, connection, do_commit)`."""

    def __init__(self, around: Callable[[Dialect, Any, Callable[[], None]], None]) -> None:
        self._around = around
        self._original: Any = DefaultDialect.do_commit

    def start(self) -> None:
        """Be asked from now on."""
        original, around = self._original, self._around

        def do_commit(dialect: DefaultDialect, connection: Any) -> None:
            around(dialect, connection, lambda: original(dialect, connection))

        DefaultDialect.do_commit = do_commit  # type: ignore[method-assign]

    def stop(self) -> None:
        """Be asked no longer."""
        DefaultDialect.do_commit = self._original  # type: ignore[method-assign]


class Checkouts:
    """Looks at each pooled connection before it is used, pinged or recycled.

    The public "checkout" event comes too late: `pool_pre_ping` has by then used the connection, in
    whatever event loop runs.
    """

    def __init__(self, look: Callable[[ConnectionPoolEntry], None]) -> None:
        self._look = look
        self._original = _ConnectionRecord.get_connection

    def start(self) -> None:
        """Look from now on."""
        original, look = self._original, self._look

        def get_connection(entry: _ConnectionRecord) -> Any:
            if entry.dbapi_connection is not None:
                look(entry)
            return original(entry)

        _ConnectionRecord.get_connection = get_connection  # type: ignore[method-assign, assignment]

    def stop(self) -> None:
        """Look no longer."""
        _ConnectionRecord.get_connection = self._original  # type: ignore[method-assign]


class OwnCreators:
    """Redirects the engines that were given a `creator` of their own, which ask no event."""

    def __init__(self, point: Point) -> None:
        self._point = point
        self._original = Pool._should_wrap_creator

    def start(self) -> None:
        """Ask us first in the pools made from now on."""
        original, point = self._original, self._point

        def should_wrap_creator(pool: Pool, creator: Any) -> Callable[[Any], Any]:
            given = original(pool, creator)
            if getattr(creator, "__module__", None) == "sqlalchemy.engine.create":
                return given

            def connect(entry: Any) -> Any:
                cargs: list[Any] = []
                cparams: dict[str, Any] = {}
                dialect: Any = pool._dialect
                if not point(dialect, cargs, cparams):
                    return given(entry)
                entry.info[OURS] = True
                return dialect.connect(*cargs, **cparams)

            return connect

        Pool._should_wrap_creator = should_wrap_creator  # type: ignore[method-assign, assignment]

    def stop(self) -> None:
        """Leave creators alone again."""
        Pool._should_wrap_creator = self._original  # type: ignore[method-assign]
