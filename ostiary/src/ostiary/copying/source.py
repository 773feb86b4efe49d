"""The source is read in one snapshot, never written to, and held alone where nobody uses it."""

from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import event, inspect, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool

from ostiary.copying.rows import CopyRefused
from ostiary.kernel import schema
from ostiary.kernel.database import Connection, driver_url

_VERSION_TABLE = "alembic_version"


@dataclass(frozen=True, slots=True)
class Source:
    """An SQLite file as it was at one moment; where `is_held`, nobody else can open it."""

    connection: Connection
    is_held: bool


@asynccontextmanager
async def opened(url: str, *, tables: Collection[str]) -> AsyncIterator[Source]:
    """A snapshot of the file of `url` until the end of the block.

    Raises `CopyRefused` where there is no such file, its schema is not the one of this version,
    or it does not hold exactly `tables`.
    """
    file = _existing(url)
    async with _snapshot(url) as source:
        await _check(source.connection, file, tables)
        yield source


def _existing(url: str) -> Path:
    file = Path(driver_url(url).database or "")
    if not file.is_file():
        raise CopyRefused(
            f"{file} does not exist. Run the command in the folder of your installation, or set "
            "database_url to an absolute path."
        )
    return file


@asynccontextmanager
async def _snapshot(url: str) -> AsyncIterator[Source]:
    # Two at the most: while another process has the file open, it cannot be held alone.
    for is_held in (True, False):
        engine = _engine(url, is_held=is_held)
        try:
            async with engine.connect() as connection:
                try:
                    await connection.execute(text("SELECT count(*) FROM sqlite_master"))
                except OperationalError:
                    if not is_held:
                        raise
                    continue
                yield Source(connection, is_held)
                return
        finally:
            await engine.dispose()


def _engine(url: str, *, is_held: bool) -> AsyncEngine:
    engine = create_async_engine(driver_url(url), poolclass=NullPool, hide_parameters=True)

    @event.listens_for(engine.sync_engine, "connect")
    def prepare(connection: Any, _record: object) -> None:
        connection.isolation_level = None
        cursor = connection.cursor()
        cursor.execute(f"PRAGMA busy_timeout = {0 if is_held else 5000}")
        if is_held:
            # Before the file is read: a WAL that is opened so is closed to other processes.
            cursor.execute("PRAGMA locking_mode = EXCLUSIVE")
        cursor.execute("PRAGMA query_only = ON")
        cursor.close()

    @event.listens_for(engine.sync_engine, "begin")
    def start(connection: Any) -> None:
        connection.exec_driver_sql("BEGIN")

    return engine


async def _check(connection: Connection, file: Path, tables: Collection[str]) -> None:
    level = await schema.current(connection)
    if level != schema.head():
        raise CopyRefused(
            f"{file} is at migration {level:04}, this version copies {schema.head():04}. "
            + ("Run `ostiary migrate` first." if level < schema.head() else "Update Ostiary first.")
        )
    names = await connection.run_sync(lambda sync: set(inspect(sync).get_table_names()))
    strange = names ^ {*tables, _VERSION_TABLE}
    if strange:
        raise CopyRefused(
            f"{file} does not hold the tables of this version: {', '.join(sorted(strange))}. "
            "Remove tables that are not Ostiary's, and run the same command again."
        )
