"""A write is one transaction, a read sees what is committed, an instant is always UTC."""

import asyncio
import os
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from clock import OwnedClock
from factories import a_session, a_user, an_origin
from sqlalchemy import delete, func, insert, select, text, update
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError, StatementError

from ostiary.events.actions import Happened, emit
from ostiary.events.catalogue import EventType
from ostiary.events.tables import Event
from ostiary.kernel.database import OUTAGES, Connection, Database, DatabaseDown, driver_url
from ostiary.runtime import Runtime
from ostiary.sessions.tables import Session
from ostiary.settings import Settings
from ostiary.users.tables import User


async def _emit(tx: Connection, now: datetime) -> None:
    await emit(tx, now, an_origin(), Happened(EventType.KEY_ADDED))


async def _count(rt: Runtime) -> int:
    async with rt.db.read() as connection:
        return await connection.scalar(select(func.count()).select_from(Event)) or 0


async def test_a_write_is_committed_at_the_end_of_its_block(rt: Runtime) -> None:
    async with rt.db.write() as tx:
        await _emit(tx, rt.clock.now())
        assert await _count(rt) == 0
    assert await _count(rt) == 1


@pytest.mark.parametrize("error", [ValueError, asyncio.CancelledError, KeyboardInterrupt])
async def test_any_exception_takes_the_whole_write_back(
    rt: Runtime, error: type[BaseException]
) -> None:
    async def fail() -> None:
        async with rt.db.write() as tx:
            await _emit(tx, rt.clock.now())
            await _emit(tx, rt.clock.now())
            raise error

    with pytest.raises(error):
        await fail()
    assert await _count(rt) == 0
    async with rt.db.write() as tx:
        await _emit(tx, rt.clock.now())
    assert await _count(rt) == 1


async def test_a_cancelled_writer_leaves_the_turn_to_the_next(rt: Runtime) -> None:
    async def write() -> None:
        async with rt.db.write() as tx:
            await _emit(tx, rt.clock.now())
            await _emit(tx, rt.clock.now())

    for steps in range(1, 30):
        task = asyncio.create_task(write())
        for _ in range(steps):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    await write()
    assert await _count(rt) % 2 == 0


async def test_each_statement_of_a_read_sees_what_is_committed_by_then(rt: Runtime) -> None:
    async with rt.db.read() as connection:
        statement = select(func.count()).select_from(Event)
        assert await connection.scalar(statement) == 0
        async with rt.db.write() as tx:
            await _emit(tx, rt.clock.now())
        assert await connection.scalar(statement) == 1


async def test_fifty_parallel_writers_of_two_processes_all_succeed(
    rt: Runtime, settings: Settings
) -> None:
    user = await a_user(rt)
    other = Database(settings.database_url, pool_size=8)

    async def write(db: Database) -> None:
        async with db.write() as tx:
            # Read, then written: both see the number, unless they queue from the beginning.
            seen = await tx.scalar(select(User.locale).where(User.id == user.id).with_for_update())
            number = str(int(seen or 0) + 1)
            await tx.execute(update(User).where(User.id == user.id).values(locale=number))

    await asyncio.gather(*(write(db) for db in (rt.db, other) for _ in range(25)))
    await other.close()
    async with rt.db.read() as connection:
        assert await connection.scalar(select(User.locale)) == "50"


async def test_reads_go_on_while_a_write_is_open(rt: Runtime) -> None:
    async with rt.db.write() as tx:
        await _emit(tx, rt.clock.now())
        counts = await asyncio.gather(*(_count(rt) for _ in range(20)))
    assert counts == [0] * 20


async def test_a_row_cannot_name_one_that_is_not_there(rt: Runtime, clock: OwnedClock) -> None:
    statement = text(
        "INSERT INTO device (id, user_id, digest, created_at, last_used_at, expires_at)"
        " SELECT 'dev_1', 'usr_none', '', at, at, at FROM event"
    )
    async with rt.db.write() as tx:
        await _emit(tx, clock.now())
    with pytest.raises(IntegrityError):
        async with rt.db.write() as tx:
            await tx.execute(statement)


async def test_what_belongs_to_a_user_goes_with_them(rt: Runtime) -> None:
    signed_in = await a_session(rt)
    async with rt.db.write() as tx:
        await tx.execute(delete(User).where(User.id == signed_in.user.id))
    async with rt.db.read() as connection:
        assert await connection.scalar(select(func.count()).select_from(Session)) == 0


async def _stored(rt: Runtime, at: datetime) -> datetime:
    async with rt.db.write() as tx:
        await tx.execute(insert(Event).values(id="evt_1", type="t", at=at, data={}))
    async with rt.db.read() as connection:
        found = await connection.scalar(select(Event.at))
    assert isinstance(found, datetime)
    return found


async def test_an_instant_comes_back_as_the_same_instant_in_utc(rt: Runtime) -> None:
    at = datetime(2026, 7, 1, 1, 2, 3, 456789, tzinfo=timezone(timedelta(hours=5, minutes=45)))
    found = await _stored(rt, at)
    assert found == at
    assert found.utcoffset() == timedelta(0)
    assert found.hour == 19


async def test_an_instant_without_a_zone_is_refused(rt: Runtime) -> None:
    with pytest.raises(StatementError, match="zone"):
        await _stored(rt, datetime(2026, 7, 1))  # noqa: DTZ001 -- what is refused


async def test_instants_are_compared_in_the_database_as_instants(rt: Runtime) -> None:
    at = datetime(2026, 7, 1, 0, 30, tzinfo=UTC)
    await _stored(rt, at)
    east = timezone(timedelta(hours=9))
    for earlier in (at - timedelta(microseconds=1), (at - timedelta(hours=1)).astimezone(east)):
        async with rt.db.read() as connection:
            assert await connection.scalar(select(Event.id).where(Event.at > earlier)) == "evt_1"
    async with rt.db.read() as connection:
        later = (at + timedelta(seconds=1)).astimezone(east)
        assert await connection.scalar(select(Event.id).where(Event.at > later)) is None


@pytest.mark.skipif("TEST_DATABASE_URL" not in os.environ, reason="these are PostgreSQL's codes")
@pytest.mark.parametrize(
    ("code", "raised"),
    [
        ("40001", DatabaseDown),  # serialization_failure
        ("40P01", DatabaseDown),  # deadlock_detected
        ("53200", DatabaseDown),  # out_of_memory
        ("57P01", DatabaseDown),  # admin_shutdown
        ("40002", DBAPIError),  # a broken constraint does not pass
        ("22012", DBAPIError),
    ],
)
async def test_an_error_that_passes_is_an_outage(
    rt: Runtime, code: str, raised: type[Exception]
) -> None:
    fail = text(f"DO $$ BEGIN RAISE EXCEPTION 'as asked' USING ERRCODE = '{code}'; END $$")
    with pytest.raises(raised):
        async with rt.db.write() as tx:
            await tx.execute(fail)
    with pytest.raises(raised):
        async with rt.db.read() as connection:
            await connection.execute(fail)
    assert issubclass(raised, OUTAGES) == (raised is DatabaseDown)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "nonsense",
        "sqlite://",
        "sqlite:///:memory:",
        "mysql://root:hunter2@db/ostiary",
        "postgresql://ostiary:hunter2@db:port/ostiary",
        "://hunter2",
    ],
)
def test_another_kind_of_database_is_refused_without_its_password(url: str) -> None:
    with pytest.raises(ValueError, match=r"use sqlite:///path or postgresql://") as caught:
        driver_url(url)
    assert "hunter2" not in str(caught.value)


def test_the_mode_of_tls_has_the_name_that_the_driver_knows() -> None:
    url = driver_url("postgresql://h/d?sslmode=verify-full&target_session_attrs=primary")
    assert dict(url.query) == {"ssl": "verify-full", "target_session_attrs": "primary"}


@pytest.mark.skipif("TEST_DATABASE_URL" not in os.environ, reason="it asks a PostgreSQL server")
# hermetic: ignore[H007] what a real server answers; `make test-services` runs it
async def test_options_of_the_url_reach_postgresql(database_url: str) -> None:
    for mode, is_open in (("prefer", True), ("disable", True), ("verify-full", False)):
        options = f"sslmode={mode}&target_session_attrs=read-write&prepared_statement_cache_size=9"
        db = Database(f"{database_url}?{options}", pool_size=1)
        try:
            if is_open:
                async with db.read() as connection:
                    assert await connection.scalar(text("SELECT 1")) == 1
            else:
                # No certificate of an authority is there: it does not go on without.
                with pytest.raises(Exception, match=r"root certificate|SSL"):
                    async with db.read() as connection:
                        await connection.scalar(text("SELECT 1"))
        finally:
            await db.close()


async def test_a_connection_makes_no_sqlite_file(tmp_path: Path) -> None:
    db = Database(f"sqlite:///{tmp_path}/ostiary.db", pool_size=2)
    with pytest.raises(OperationalError):
        async with db.read() as connection:
            await connection.scalar(text("SELECT 1"))
    with pytest.raises(DatabaseDown):
        await db.fetch_one(select(User.id), {})
    await db.close()
    assert os.listdir(tmp_path) == []


async def test_an_sqlite_file_keeps_what_was_acknowledged(tmp_path: Path) -> None:
    # A name that means something in a URL is only a name.
    (tmp_path / "a#c%.db").touch()
    db = Database(f"sqlite:///{tmp_path}/a%23c%25.db", pool_size=2)
    settings = {}
    for pragma in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout"):
        async with db.write() as tx:
            settings[pragma] = await tx.scalar(text(f"PRAGMA {pragma}"))
    await db.close()
    assert settings == {
        "journal_mode": "wal",
        "synchronous": 2,  # FULL
        "foreign_keys": 1,
        "busy_timeout": 5000,
    }
