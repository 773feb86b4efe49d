"""The target is empty or an earlier copy of this source; anything else is refused unwritten."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from sqlalchemy import Table, inspect, text
from sqlalchemy.exc import DBAPIError

from ostiary.copying.rows import CopyRefused, key_columns, key_of, look_up, page_after, pages
from ostiary.events.tables import Event
from ostiary.kernel import schema
from ostiary.kernel.database import Base, Connection, Database
from ostiary.kernel.keyring import SigningKey
from ostiary.migrations import upgrade

_ONE_AT_A_TIME = 0x0571A22  # an arbitrary name for PostgreSQL's advisory lock
_PATIENCE = 3  # seconds that a run which was killed may need to disappear
_EMPTY_ONE = "Name an empty database."


@asynccontextmanager
async def claimed(target: Database) -> AsyncIterator[None]:
    """Keep other copies away from `target` until the end of the block.

    Raises `CopyRefused` while another copy runs, or another program is connected under this role.
    """
    if target.is_sqlite:
        yield
        return
    async with target.read() as connection:
        await connection.execute(text(f"SET lock_timeout = '{_PATIENCE}s'"))
        try:
            await connection.execute(text(f"SELECT pg_advisory_lock({_ONE_AT_A_TIME})"))
        except DBAPIError as error:
            if error.connection_invalidated:
                raise
            raise CopyRefused(
                "another copy to this database is running. Wait for its end, or stop it."
            ) from None
        finally:
            await connection.execute(text("SET lock_timeout = DEFAULT"))
        try:
            await _refuse_company(connection)
            yield
        finally:
            await connection.execute(text(f"SELECT pg_advisory_unlock({_ONE_AT_A_TIME})"))


async def check(source: Connection, target: Database, tables: Sequence[Table]) -> None:
    """Refuse a target of another schema or another installation with `CopyRefused`.

    Nothing is written, unless the target has no tables at all: then it is migrated.
    """
    async with target.read() as connection:
        level = await schema.current(connection)
        names = await connection.run_sync(lambda sync: inspect(sync).get_table_names())
    if level == 0 and names:
        raise CopyRefused(f"the target holds tables that are not Ostiary's. {_EMPTY_ONE}")
    if level == 0:
        await upgrade(target)
    elif level != schema.head():
        raise CopyRefused(
            f"the target is at migration {level:04}, the source at {schema.head():04}. "
            + ("Run `ostiary migrate` on it first." if level < schema.head() else _EMPTY_ONE)
        )
    else:
        await _refuse_strangers(source, target, tables)


async def _refuse_company(connection: Connection) -> None:
    others = text(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() "
        "AND usename = current_user AND pid <> pg_backend_pid() "
        "AND backend_type = 'client backend'"
    )
    for _ in range(_PATIENCE):
        count = await connection.scalar(others)
        if not count:
            return
        await asyncio.sleep(1)
    raise CopyRefused(
        f"the target has other connections: {count}. A copy overwrites what they write: stop every "
        "Ostiary and close every client that uses this database, and run the same command again."
    )


async def _refuse_strangers(source: Connection, target: Database, tables: Sequence[Table]) -> None:
    """Signing keys name an installation, and events are never deleted: both have to be ours."""
    keys, log = (Base.metadata.tables[one.__tablename__] for one in (SigningKey, Event))
    async with target.read() as connection:
        holds = [one for one in tables if await _first(connection, one)]
        if not holds:
            return
        known = await _first(connection, keys) and await _shared(source, connection, keys)
        if not known:
            raise CopyRefused(
                f"the target holds another installation: no signing key is one of this source. "
                f"{_EMPTY_ONE}"
            )
        columns = key_columns(log)
        async for page in pages(connection, log, columns):
            logged = [key_of(log, row) for row in page]
            if len(await look_up(source, log, columns, logged)) < len(logged):
                raise CopyRefused(
                    "the target was used by a server since it was copied: its event log has "
                    "entries that the source lacks. Copying again would delete what happened "
                    f"there. {_EMPTY_ONE}"
                )


async def _first(connection: Connection, table: Table) -> bool:
    return bool(await page_after(connection, table, key_columns(table), None))


async def _shared(source: Connection, target: Connection, table: Table) -> bool:
    """Whether one row at least has the same key in both."""
    columns = key_columns(table)
    async for page in pages(target, table, columns):
        if await look_up(source, table, columns, [key_of(table, row) for row in page]):
            return True
    return False
