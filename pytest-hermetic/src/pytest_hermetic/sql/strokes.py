"""The faults a test has set, as the statements, commits and connections of engines meet them.

The error comes from where it would come from: PostgreSQL raises it, a broken connection is really
broken and the driver says so. Only SQLite's errors are made here, for nothing can be told to it.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import event
from sqlalchemy.engine import Dialect, Engine

from pytest_hermetic.faults.sql_kinds import SqlOperation
from pytest_hermetic.sql import drivers

if TYPE_CHECKING:
    from pytest_hermetic.faults import Faults, Stroke

_POSTGRES = {
    "serialization": ("40001", "could not serialize access due to concurrent update"),
    "deadlock": ("40P01", "deadlock detected"),
    "locked": ("55P03", "canceling statement due to lock timeout"),
    "timeout": ("57014", "canceling statement due to statement timeout"),
    "slow": ("57014", "canceling statement due to statement timeout"),
    "readonly": ("25006", "cannot execute a command that writes in a read-only transaction"),
    "full": ("53100", "could not extend file: No space left on device"),
}
_SQLITE = {
    "serialization": (517, "SQLITE_BUSY_SNAPSHOT", "database is locked"),
    "deadlock": (5, "SQLITE_BUSY", "database is locked"),
    "locked": (5, "SQLITE_BUSY", "database is locked"),
    "timeout": (9, "SQLITE_INTERRUPT", "interrupted"),
    "readonly": (8, "SQLITE_READONLY", "attempt to write a readonly database"),
    "full": (13, "SQLITE_FULL", "database or disk is full"),
}
_RAISE = "do $hermetic$ begin raise exception using message = '{}', errcode = '{}'; end $hermetic$"
_LIMIT = "select extract(epoch from current_setting('statement_timeout')::interval)"


class SqlStrokes:
    """Listens where SQLAlchemy hands work to a driver; `concerns` says for which dialects."""

    def __init__(self, faults: Faults, concerns: Callable[[Dialect], bool]) -> None:
        self._faults = faults
        self._concerns = concerns
        self._commits = drivers.Commits(self._commit)
        self._listeners = (
            ("do_execute", self._execute),
            ("do_executemany", self._execute),
            ("do_execute_no_params", self._execute_alone),
        )

    def start(self) -> None:
        """Listen."""
        for name, listener in self._listeners:
            event.listen(Engine, name, listener)
        self._commits.start()

    def stop(self) -> None:
        """Listen no longer."""
        self._commits.stop()
        for name, listener in self._listeners:
            event.remove(Engine, name, listener)

    def refuses(self, dialect: Dialect) -> bool:
        """Whether the connection that is about to be opened is refused."""
        return self._met(dialect, SqlOperation("connect")) is not None

    def _met(self, dialect: Dialect, operation: SqlOperation) -> Stroke | None:
        if "sql" not in self._faults.set_for or not self._concerns(dialect):
            return None
        return self._faults.strike("sql", operation.at, operation)

    def _execute_alone(self, cursor: Any, statement: str, context: Any) -> None:
        self._execute(cursor, statement, (), context)

    def _execute(self, _cursor: Any, statement: str, _parameters: Any, context: Any) -> None:
        if "sql" not in self._faults.set_for:
            return
        connection = context.root_connection.connection
        if drivers.is_first_greeting(connection):
            return
        stroke = self._met(context.dialect, SqlOperation("statement", statement))
        if stroke is not None:
            self._suffer(stroke, context.dialect, connection)

    def _commit(self, dialect: Dialect, connection: Any, do_commit: Callable[[], None]) -> None:
        stroke = self._met(dialect, SqlOperation("commit"))
        if stroke is None:
            do_commit()
        elif stroke.action == "cut":
            if stroke.lost == "answer":
                do_commit()
                drivers.break_off(connection)
            else:
                drivers.break_off(connection)
                do_commit()
            _touch(connection)
        else:
            self._suffer(stroke, dialect, connection)
            do_commit()

    def _suffer(self, stroke: Stroke, dialect: Dialect, connection: Any) -> None:
        """Raise what the driver raises; return where the work is to go on."""
        if stroke.action == "delay":
            limit = _limit(dialect, connection)
            self._faults.spend(stroke.seconds if limit is None else min(stroke.seconds, limit))
            if limit is None or stroke.seconds < limit:
                return
        if stroke.action == "cut":
            drivers.break_off(connection)
            _touch(connection)
        elif dialect.name == "sqlite":
            raise _of_sqlite(stroke)
        else:
            _of_postgres(stroke, connection)


def _limit(dialect: Dialect, connection: Any) -> float | None:
    """The seconds after which a statement of this connection is cancelled."""
    if dialect.name == "sqlite":
        return None
    own = connection.cursor()
    try:
        own.execute(_LIMIT)
        seconds = float(own.fetchone()[0])
    finally:
        own.close()
    return seconds or None


def _touch(connection: Any) -> None:
    """Use a connection that is broken: the driver says so in its own words."""
    own = connection.cursor()
    own.execute("select 1")
    raise AssertionError("a broken connection was of use")


def _of_postgres(stroke: Stroke, connection: Any) -> None:
    code, message = _POSTGRES.get(stroke.kind, (stroke.text, "an error was asked for"))
    own = connection.cursor()
    try:
        own.execute(_RAISE.format(message, code))
    finally:
        own.close()


def _of_sqlite(stroke: Stroke) -> Exception:
    if stroke.kind not in _SQLITE:
        raise pytest.UsageError("SQLite knows no sqlstate: use postgres for a fault of kind error")
    code, name, message = _SQLITE[stroke.kind]
    error = sqlite3.OperationalError(message)
    error.sqlite_errorcode, error.sqlite_errorname = code, name
    return error
