"""A source or a target that could lose something is refused, and stays as it is."""

import sqlite3
from collections.abc import Awaitable, Callable
from contextlib import closing
from pathlib import Path

import psycopg
import pytest
from factories import a_user, everything_stored
from sqlalchemy import text

from copying.conftest import OpenAt
from ostiary.copying.actions import copy
from ostiary.copying.rows import CopyRefused
from ostiary.kernel import schema
from ostiary.kernel.database import Base, Database
from ostiary.migrations import upgrade

Prepare = Callable[[OpenAt, str, str], Awaitable[None]]


async def _run(url: str, *statements: str) -> None:
    db = Database(url, pool_size=2)
    async with db.write() as tx:
        for statement in statements:
            await tx.execute(text(statement))
    await db.close()


async def _copy(source_url: str, target_url: str) -> None:
    db = Database(target_url, pool_size=2)
    try:
        assert (await copy(source_url, db)).is_equal
    finally:
        await db.close()


async def _another_installation(open_at: OpenAt, _source_url: str, target_url: str) -> None:
    db = Database(target_url, pool_size=2)
    await upgrade(db)
    await db.close()
    async with open_at(target_url) as rt:
        await a_user(rt)


async def _without_a_key(open_at: OpenAt, source_url: str, target_url: str) -> None:
    await _another_installation(open_at, source_url, target_url)
    await _run(target_url, "DELETE FROM signing_key")


async def _used_since(open_at: OpenAt, source_url: str, target_url: str) -> None:
    await _copy(source_url, target_url)
    async with open_at(target_url) as rt:
        await a_user(rt)


async def _older(_open_at: OpenAt, source_url: str, target_url: str) -> None:
    await _copy(source_url, target_url)
    await _run(target_url, f"UPDATE alembic_version SET version_num = '{schema.head() - 1:04}'")


async def _newer(_open_at: OpenAt, source_url: str, target_url: str) -> None:
    await _copy(source_url, target_url)
    await _run(target_url, f"UPDATE alembic_version SET version_num = '{schema.head() + 1:04}'")


async def _not_ours(_open_at: OpenAt, _source_url: str, target_url: str) -> None:
    await _run(target_url, "CREATE TABLE visitor (id INTEGER PRIMARY KEY)")


@pytest.mark.parametrize(
    ("prepare", "says"),
    [
        (_another_installation, "the target holds another installation: no signing key is one of"),
        (_without_a_key, "the target holds another installation: no signing key is one of"),
        (_used_since, "the target was used by a server since it was copied"),
        (_older, f"migration {schema.head() - 1:04}, the source at {schema.head():04}. Run `ost"),
        (_newer, f"migration {schema.head() + 1:04}, the source at {schema.head():04}. Name an"),
        (_not_ours, "the target holds tables that are not Ostiary's. Name an empty database."),
    ],
)
async def test_a_target_that_is_no_earlier_copy_is_left_as_it_is(
    open_at: OpenAt, source_url: str, target_url: str, prepare: Prepare, says: str
) -> None:
    async with open_at(source_url) as rt:
        await a_user(rt)
    await prepare(open_at, source_url, target_url)
    before = await _everything(target_url)
    async with open_at(source_url) as rt:
        await a_user(rt)  # so that there is something to be copied
    with pytest.raises(CopyRefused) as refused:
        await _copy(source_url, target_url)
    assert says in str(refused.value)
    assert await _everything(target_url) == before


async def _everything(url: str) -> list[str]:
    db = Database(url, pool_size=2)
    try:
        async with db.read() as connection:
            if await schema.current(connection) == 0:
                return []
            rows = [
                repr(tuple(row))
                for table in Base.metadata.sorted_tables
                for row in await connection.execute(table.select())
            ]
            return sorted(rows)
    finally:
        await db.close()


async def test_a_source_that_cannot_be_copied_whole_is_refused(
    open_at: OpenAt, source_url: str, target: Database, tmp_path: Path
) -> None:
    with pytest.raises(CopyRefused, match=r"source\.db does not exist\. Run the command in"):
        await copy(source_url, target)
    assert not (tmp_path / "source.db").exists()
    async with open_at(source_url) as rt:
        assert await everything_stored(rt)
    head = f"{schema.head():04}"
    for statement, undone, says in (
        ("CREATE TABLE visitor (id)", "DROP TABLE visitor", "tables of this version: visitor. "),
        (
            "UPDATE alembic_version SET version_num = '0001'",
            f"UPDATE alembic_version SET version_num = '{head}'",
            f"is at migration 0001, this version copies {head}. Run `ostiary migrate` first.",
        ),
        (
            "UPDATE alembic_version SET version_num = '9999'",
            f"UPDATE alembic_version SET version_num = '{head}'",
            f"is at migration 9999, this version copies {head}. Update Ostiary first.",
        ),
    ):
        await _run(source_url, statement)
        with pytest.raises(CopyRefused) as refused:
            await copy(source_url, target)
        assert says in str(refused.value)
        await _run(source_url, undone)
    async with target.read() as connection:
        assert await schema.current(connection) == 0
    assert (await copy(source_url, target)).is_equal


async def test_a_target_in_use_is_refused(
    open_at: OpenAt, source_url: str, target_url: str, target: Database
) -> None:
    async with open_at(source_url) as rt:
        await a_user(rt)
    if target.is_sqlite:
        # SQLite has no list of connections; `database copy` takes PostgreSQL only.
        with closing(sqlite3.connect(str(target.url.database))):
            assert (await copy(source_url, target)).is_equal
        return
    with psycopg.connect(target_url, autocommit=True) as connection:
        with pytest.raises(CopyRefused, match="the target has other connections: 1"):
            await copy(source_url, target)
        connection.execute("SELECT pg_advisory_lock(x'0571A22'::int)")
        with pytest.raises(CopyRefused, match="another copy to this database is running"):
            await copy(source_url, target)
    assert (await copy(source_url, target)).is_equal
