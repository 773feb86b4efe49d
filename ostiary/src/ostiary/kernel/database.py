"""Short, explicit transactions on SQLite or PostgreSQL, in the words of SQLAlchemy Core.

`read()` and `write()` yield a connection, not an ORM session: rows are values, and state
changes only by statements (docs/decisions/0002).
"""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager, nullcontext
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import DateTime, Dialect, MetaData, TypeDecorator, event
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.orm import DeclarativeBase
from sqlalchemy.pool import AsyncAdaptedQueuePool
from sqlalchemy.util import greenlet_spawn

from ostiary.kernel.database_url import driver_url, sqlite_uri
from ostiary.kernel.prepared import (
    AnyRow,
    Compiled,
    HotConnection,
    SqliteReader,
    Statement,
    prepare,
)

__all__ = [
    "OUTAGES",
    "AnyRow",
    "Base",
    "Connection",
    "Database",
    "DatabaseDown",
    "Transaction",
    "UtcDateTime",
    "driver_url",
    "sqlite_uri",
]

Connection = AsyncConnection
"""What an action runs its statements on."""

Transaction = AsyncConnection | HotConnection
"""Where statements that are constants may run: either understands them."""

_WAIT = 2.0  # seconds for a connection, or for the server's answer to the first packet
_PATIENCE = 5.0  # seconds for a statement on PostgreSQL

# PostgreSQL's codes (its manual, appendix A) for what may succeed a moment later: a connection
# lost, a resource used up, an operator at work; two transactions that waited for each other.
_PASSING = ("08", "53", "57", "40001", "40P01")


class DatabaseDown(Exception):
    """The database does not answer, or not in time, or has undone the transaction for another."""


# What that looks like, whichever layer notices first.
OUTAGES = (
    DatabaseDown,
    OperationalError,
    InterfaceError,
    PoolTimeout,
    ConnectionError,
    TimeoutError,
)


class Base(DeclarativeBase):
    """The tables. Used for their columns only: nothing is loaded, tracked or flushed."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(column_0_N_label)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


class UtcDateTime(TypeDecorator[datetime]):
    """An instant, always UTC and always aware: `timestamptz`, or sortable text on SQLite."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Refuse an instant without a zone: it would mean another one elsewhere."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("an instant needs its zone")
        value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(
        self,
        value: datetime | None,
        dialect: Dialect,  # noqa: ARG002 -- SQLAlchemy names it
    ) -> datetime | None:
        """Give every instant its zone back."""
        if value is None or value.tzinfo is not None:
            return value
        return value.replace(tzinfo=UTC)


class Database:
    """One database, opened. Reads see what is committed; a write is one transaction."""

    def __init__(self, url: str, *, pool_size: int, patience: float = _PATIENCE) -> None:
        """`url` is `sqlite:///path` or `postgresql://…`. Nothing is connected yet.

        An SQLite file must exist when the first statement runs: a connection never makes one.
        `patience` is how many seconds a statement may take on PostgreSQL.
        """
        self.url = driver_url(url)
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        self._compiled: dict[Statement, Compiled] = {}
        if self.is_sqlite:
            self._reader = _open_sqlite(self.url, size=pool_size, begin=None)
            self._writer = _open_sqlite(self.url, size=1, begin="BEGIN IMMEDIATE")
            # SQLite has one writer. Queueing for it here is 30 times faster than polling its lock.
            self._turn: asyncio.Lock | nullcontext[None] = asyncio.Lock()
            self._hot: SqliteReader | None = SqliteReader(sqlite_uri(self.url.database or ""))
        else:
            engine = _open_postgres(self.url, size=pool_size, patience=patience)
            # A read is one statement: autocommit saves it the round trips of BEGIN and ROLLBACK.
            self._reader = engine.execution_options(isolation_level="AUTOCOMMIT")
            self._writer = engine
            self._turn = nullcontext()
            self._hot = None

    @asynccontextmanager
    async def read(self) -> AsyncIterator[Connection]:
        """A connection for reading; each statement sees what is committed when it starts."""
        with _outages():
            async with self._reader.connect() as connection:
                yield connection

    @asynccontextmanager
    async def write(self) -> AsyncIterator[Connection]:
        """One transaction: committed at the end of the block, rolled back by any exception."""
        with _outages():
            async with self._turn, self._writer.begin() as connection:
                yield connection

    @asynccontextmanager
    async def write_hot(self) -> AsyncIterator[Transaction]:
        """`write()` for constants: on PostgreSQL, on the driver's own connection.

        Each statement is a constant of its module, compiled once and kept. Raises `DatabaseDown`.
        """
        if self.is_sqlite:
            async with self.write() as connection:
                yield connection
            return
        async with self._driver() as driver, driver.transaction():
            yield HotConnection(driver, self._compile)

    async def fetch_one(self, statement: Statement, values: Mapping[str, object]) -> AnyRow | None:
        """The first row of a hot SELECT, as of what is committed now. Raises `DatabaseDown`.

        `statement` is a constant of its module: it is compiled once and kept.
        """
        compiled = self._compile(statement, values)
        arguments = compiled.arguments(values)
        if self._hot is not None:
            raw = await self._fetch_sqlite(self._hot, compiled.sql, arguments)
        else:
            async with self._driver() as driver:
                raw = await driver.fetchrow(compiled.sql, *arguments)
        return None if raw is None else compiled.to_row(raw)

    def _compile(self, statement: Statement, values: Mapping[str, object]) -> Compiled:
        compiled = self._compiled.get(statement)
        if compiled is None:
            compiled = prepare(statement, self._reader.dialect, values)
            self._compiled[statement] = compiled
        return compiled

    async def _fetch_sqlite(
        self, reader: SqliteReader, sql: str, arguments: list[object]
    ) -> Sequence[object] | None:
        loop = asyncio.get_running_loop()
        try:
            return await loop.run_in_executor(reader.thread, reader.fetch_one, sql, arguments)
        except sqlite3.OperationalError as error:
            raise DatabaseDown from error

    @asynccontextmanager
    async def _driver(self) -> AsyncIterator[Any]:
        """asyncpg's connection, out of the same pool; outside a transaction, as it comes."""
        # Imported by then: the engine was made with it.
        import asyncpg  # type: ignore[import-untyped]  # it ships no types

        try:
            pooled = await self._reader.raw_connection()
            try:
                yield pooled.driver_connection
            except BaseException:
                # Whatever state it is in, nobody else is to find out.
                pooled.invalidate()
                raise
            finally:
                await greenlet_spawn(pooled.close)
        except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError) as error:
            raise DatabaseDown from error

    async def close(self) -> None:
        """Give every connection back."""
        if self._hot is not None:
            await asyncio.to_thread(self._hot.close)
        await self._reader.dispose()
        await self._writer.dispose()


@contextmanager
def _outages() -> Iterator[None]:
    """Turn an error of PostgreSQL's that passes into `DatabaseDown`."""
    try:
        yield
    except DBAPIError as error:
        code = str(getattr(error.orig, "sqlstate", None) or "")
        if code.startswith(_PASSING):
            raise DatabaseDown from error
        raise


def _open_sqlite(url: URL, *, size: int, begin: str | None) -> AsyncEngine:
    engine = create_async_engine(
        url.set(database=sqlite_uri(url.database or ""), query={**url.query, "uri": "true"}),
        poolclass=AsyncAdaptedQueuePool,
        pool_size=size,
        max_overflow=0,
        pool_timeout=_WAIT,
        hide_parameters=True,
    )

    @event.listens_for(engine.sync_engine, "connect")
    def prepare(connection: Any, _record: object) -> None:
        # None: the driver opens no transaction of its own, ours are explicit.
        connection.isolation_level = None
        cursor = connection.cursor()
        cursor.execute("PRAGMA busy_timeout = 5000")
        cursor.execute("PRAGMA journal_mode = WAL")
        cursor.execute("PRAGMA synchronous = FULL")
        cursor.execute("PRAGMA foreign_keys = ON")
        cursor.close()

    if begin is not None:

        @event.listens_for(engine.sync_engine, "begin")
        def start(connection: Any) -> None:
            connection.exec_driver_sql(begin)

    return engine


def _open_postgres(url: URL, *, size: int, patience: float) -> AsyncEngine:
    return create_async_engine(
        url,
        pool_size=size,
        max_overflow=0,
        pool_timeout=_WAIT,
        pool_use_lifo=True,
        hide_parameters=True,
        connect_args={"timeout": _WAIT, "command_timeout": patience},
    )
