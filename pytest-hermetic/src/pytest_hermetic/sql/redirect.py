"""Every connection any engine opens is redirected, and no pooled one outlives its test.

Class-level events reach engines wherever and whenever they were made. A pooled connection bears
the mark of what it was opened for (a test, a template) and of its event loop; a stale one is
replaced when it is asked for, which the application does not notice.
"""

from __future__ import annotations

import asyncio
import weakref
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from sqlalchemy import event
from sqlalchemy.engine import Connection, Dialect, Engine, ExceptionContext
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.pool import ConnectionPoolEntry, Pool

from pytest_hermetic.sql import drivers
from pytest_hermetic.sql.loops import LoopEnds
from pytest_hermetic.sql.postgres import following

if TYPE_CHECKING:
    from pytest_hermetic.clock import Clock

_STAMP = "hermetic"
Stamp = tuple[object, "weakref.ref[asyncio.AbstractEventLoop] | None"]


class Redirection:
    """The listeners on SQLAlchemy's classes; `point` rewrites the arguments of each connect.

    `mark` says what connections are opened for now: those of another mark are stale. `left_out`
    tells, by (dialect, table), why a table is missing.
    """

    def __init__(
        self,
        point: drivers.Point,
        mark: Callable[[], object],
        left_out: dict[tuple[str, str], str],
        clock: Clock,
    ) -> None:
        self._clock = clock
        self._mark = mark
        self._left_out = left_out
        self._point = point
        self._ends = LoopEnds()
        self._pools: weakref.WeakSet[Pool] = weakref.WeakSet()
        self._listeners: tuple[tuple[Any, str, Any], ...] = (
            (Engine, "do_connect", self._do_connect),
            (Engine, "handle_error", self._failed),
            (Engine, "rollback", self._rolled_back),
            (Engine, "rollback_savepoint", self._rolled_back),
            (Pool, "connect", self._connected),
        )
        self._rewriter = self._before_execute
        self._creators = drivers.OwnCreators(self._point)
        self._checkouts = drivers.Checkouts(self._is_asked_for)

    def start(self) -> None:
        """Listen."""
        for target, name, listener in self._listeners:
            event.listen(target, name, listener)
        event.listen(Engine, "before_cursor_execute", self._rewriter, retval=True)
        self._creators.start()
        self._checkouts.start()

    def stop(self) -> None:
        """Listen no longer."""
        self._checkouts.stop()
        self._creators.stop()
        event.remove(Engine, "before_cursor_execute", self._rewriter)
        for target, name, listener in self._listeners:
            event.remove(target, name, listener)

    def refresh(self) -> None:
        """Free the pools from what the test before did to them."""
        for pool in tuple(self._pools):
            drivers.refresh(pool)

    def _do_connect(
        self,
        dialect: Dialect,
        entry: ConnectionPoolEntry,
        cargs: list[Any],
        cparams: dict[str, Any],
    ) -> DBAPIConnection | None:
        # SQLAlchemy 2.0 hands out the engine's own arguments: what is changed there stays.
        ours, named = list(cargs), dict(cparams)
        if not self._point(dialect, ours, named):
            return None
        entry.info[drivers.OURS] = True
        return dialect.connect(*ours, **named)

    def _before_execute(
        self,
        connection: Connection,
        _cursor: Any,
        statement: str,
        parameters: Any,
        _context: Any,
        _many: bool,
    ) -> tuple[str, Any]:
        """PostgreSQL only: have SQL's words for now mean the test's (SQLite needs no help)."""
        if connection.dialect.name == "postgresql" and drivers.OURS in connection.info:
            # What a savepoint was told is undone with it, so it is told after.
            if not statement.startswith("ROLLBACK"):
                following.follow(
                    connection.info, connection.connection.cursor, self._clock.at, self._clock.by
                )
            statement = following.rewrite(statement)
        return statement, parameters

    def _rolled_back(self, connection: Connection, *_: Any) -> None:
        if not connection.invalidated:  # else there is no connection to have been told anything
            following.forget(connection.info)

    def _failed(self, context: ExceptionContext) -> None:
        error = context.sqlalchemy_exception or context.original_exception
        for (dialect, table), reason in self._left_out.items():
            if dialect == context.dialect.name and table in str(context.original_exception):
                error.add_note(f"hermetic: {table} is not in this {dialect} database: {reason}")

    def _connected(self, _connection: Any, entry: ConnectionPoolEntry) -> None:
        self._pools.add(drivers.pool_of(entry))
        loop = _running_loop() if drivers.is_async(entry) else None
        entry.info[_STAMP] = (self._mark(), None if loop is None else weakref.ref(loop))
        if loop is not None:
            self._ends.close_with(loop, entry)

    def _is_asked_for(self, entry: ConnectionPoolEntry) -> None:
        stamp: Stamp | None = entry.info.get(_STAMP)
        if stamp is None:
            return
        mark, opened_in = stamp
        loop = None if opened_in is None else opened_in()
        if opened_in is not None and loop is not _running_loop():
            # Its own loop is closed or busy elsewhere: no graceful goodbye is possible here.
            drivers.abandon(entry, loop)
        elif mark != self._mark():
            entry.invalidate()


def _running_loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None
