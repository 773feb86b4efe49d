"""The hottest statements: written once in SQLAlchemy, run on the driver's own connection.

SQLAlchemy's execution costs several times what the drivers' does (docs/decisions/0012). Such a
statement is compiled once; its types, names and SQL still have one source.
"""

import sqlite3
from collections import namedtuple
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, cast

from sqlalchemy import Dialect, Insert, Row, Select
from sqlalchemy.exc import NoResultFound
from sqlalchemy.sql.dml import UpdateBase

AnyRow = Row[*tuple[Any, ...]]
"""A row whose columns the reader knows by name."""

Statement = Select[*tuple[Any, ...]] | UpdateBase
"""A SELECT, or an INSERT, UPDATE or DELETE with or without RETURNING."""

_Convert = Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class Compiled:
    """A statement in one dialect: its SQL, and what to do to what goes in and comes out."""

    sql: str
    constants: Mapping[str, object]
    order: Sequence[str]
    into: Mapping[str, _Convert]
    out_of: Sequence[_Convert | None]
    row: Callable[..., Any]

    def arguments(self, values: Mapping[str, object]) -> list[object]:
        """The driver's positional arguments."""
        merged = {**self.constants, **values}
        return [
            self.into[name](merged[name]) if name in self.into else merged[name]
            for name in self.order
        ]

    def to_row(self, raw: Sequence[object]) -> AnyRow:
        """The driver's row, as SQLAlchemy's types read it."""
        values = (
            value if convert is None else convert(value)
            for value, convert in zip(raw, self.out_of, strict=True)
        )
        return cast(AnyRow, self.row(*values))


def prepare(statement: Statement, dialect: Dialect, values: Mapping[str, object]) -> Compiled:
    """`statement` for `dialect`; an INSERT is of the columns that `values` names.

    It has `bindparam`s for what differs between executions, and no parameter that SQLAlchemy
    expands anew for each of them (no IN with a list).
    """
    columns_set = list(values) if isinstance(statement, Insert) else None
    compiled: Any = statement.compile(dialect=dialect, column_keys=columns_set)
    names = compiled.bind_names.items()
    columns = list(statement.exported_columns)
    return Compiled(
        sql=str(compiled),
        constants={name: bind.value for bind, name in names if not bind.required},
        order=compiled.positiontup,
        into={
            name: convert
            for bind, name in names
            if (convert := bind.type.dialect_impl(dialect).bind_processor(dialect)) is not None
        },
        out_of=[
            column.type.dialect_impl(dialect).result_processor(dialect, None) for column in columns
        ],
        row=namedtuple("FetchedRow", [str(column.key) for column in columns]),
    )


class HotConnection:
    """A transaction on the driver's own connection. Runs constants, as `Connection` would."""

    def __init__(
        self, driver: Any, compile: Callable[[Statement, Mapping[str, object]], Compiled]
    ) -> None:
        """`driver` has a transaction open."""
        self._driver = driver
        self._compile = compile

    async def execute(self, statement: Statement, values: Mapping[str, object]) -> "Fetched":
        """Run a statement of one row at the most."""
        compiled = self._compile(statement, values)
        raw = await self._driver.fetchrow(compiled.sql, *compiled.arguments(values))
        return Fetched(None if raw is None else compiled.to_row(raw))


@dataclass(frozen=True, slots=True)
class Fetched:
    """The one row that a hot statement gave, or none."""

    row: AnyRow | None

    def one(self) -> AnyRow:
        """The row. Raises `NoResultFound` where there is none."""
        if self.row is None:
            raise NoResultFound
        return self.row

    def one_or_none(self) -> AnyRow | None:
        """The row, or None."""
        return self.row


class SqliteReader:
    """One connection in a thread of its own, for reading only."""

    def __init__(self, uri: str) -> None:
        """`uri` names the file (SQLite's own form); it is opened when the first statement runs."""
        self._uri = uri
        self._thread = ThreadPoolExecutor(1, "sqlite-reader")
        self._connection: sqlite3.Connection | None = None

    @property
    def thread(self) -> ThreadPoolExecutor:
        """Where `fetch_one` has to be called."""
        return self._thread

    def fetch_one(self, sql: str, arguments: Sequence[object]) -> Sequence[object] | None:
        """The first row, as SQLite gives it. Runs in `thread`."""
        if self._connection is None:
            self._connection = sqlite3.connect(
                self._uri, uri=True, isolation_level=None, check_same_thread=False
            )
            self._connection.execute("PRAGMA busy_timeout = 5000")
            self._connection.execute("PRAGMA query_only = ON")
        row: Sequence[object] | None = self._connection.execute(sql, arguments).fetchone()
        return row

    def close(self) -> None:
        """Close the connection, when what it is doing is done."""
        self._thread.shutdown(wait=True)
        if self._connection is not None:
            self._connection.close()
