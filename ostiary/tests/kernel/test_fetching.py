"""The hottest SELECTs run on the driver's own connection, and give what SQLAlchemy would."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from clock import OwnedClock
from factories import a_session, a_user, an_origin
from sqlalchemy import Select, bindparam, literal, select

from ostiary.admin.users import suspend
from ostiary.kernel.database import Database
from ostiary.runtime import Runtime
from ostiary.sessions.actions import revoke_one
from ostiary.sessions.tables import Session
from ostiary.settings import Settings
from ostiary.users.actions import change_profile
from ostiary.users.tables import User

WHOLE: Select[Any] = select(
    *User.__table__.columns, (User.role == literal("user")).label("is_user")
).where(User.id == bindparam("id"), User.created_at <= bindparam("at"), User.status == "active")


async def _read(rt: Runtime, values: dict[str, object]) -> Any:
    async with rt.db.read() as connection:
        return (await connection.execute(WHOLE, values)).one_or_none()


async def test_a_row_is_the_one_that_a_read_gives(rt: Runtime, clock: OwnedClock) -> None:
    clock.advance(microseconds=123456)
    user = await a_user(rt, username="ada", first_name="Adá", locale="en")
    changes = {"metadata_public": {"a": [1, 2.5, None, {"ü": "👩"}]}, "display_name": None}
    await change_profile(rt, user.id, changes, origin=an_origin())
    values: dict[str, object] = {"id": user.id, "at": clock.now()}
    fetched, read = await rt.db.fetch_one(WHOLE, values), await _read(rt, values)
    assert fetched is not None
    assert tuple(fetched) == tuple(read)
    for name in ("created_at", "metadata_public", "email_verified", "last_sign_in_at", "is_user"):
        assert getattr(fetched, name) == getattr(read, name)
        assert type(getattr(fetched, name)) is type(getattr(read, name))
    assert fetched.created_at.utcoffset() == timedelta(0)


@pytest.mark.parametrize("id", ["' OR '1'='1", "%", "", "🔑", "x" * 10_000])
async def test_a_value_is_only_ever_a_value(rt: Runtime, clock: OwnedClock, id: str) -> None:
    await a_user(rt)
    assert await rt.db.fetch_one(WHOLE, {"id": id, "at": clock.now()}) is None


async def test_it_sees_what_is_committed_and_nothing_else(rt: Runtime, clock: OwnedClock) -> None:
    user = await a_user(rt)
    values: dict[str, object] = {"id": user.id, "at": clock.now()}
    for number in range(5):
        async with rt.db.write() as tx:
            statement = User.__table__.update().where(User.id == user.id)  # type: ignore[attr-defined]  # a Table
            await tx.execute(statement.values(first_name=f"A{number}"))
            before = await rt.db.fetch_one(WHOLE, values)
            assert before is not None
            assert before.first_name == (f"A{number - 1}" if number else None)
        after = await rt.db.fetch_one(WHOLE, values)
        assert after is not None
        assert after.first_name == f"A{number}"
    await suspend(rt, user.id, origin=an_origin())
    assert await rt.db.fetch_one(WHOLE, values) is None


async def test_more_at_once_than_there_are_connections_all_get_their_own_row(
    rt: Runtime, clock: OwnedClock
) -> None:
    users = [await a_user(rt) for _ in range(10)]
    rows = await asyncio.gather(
        *(rt.db.fetch_one(WHOLE, {"id": user.id, "at": clock.now()}) for user in users * 10)
    )
    assert [row.id if row else None for row in rows] == [user.id for user in users * 10]


async def test_who_hangs_up_leaves_no_connection_behind(
    rt: Runtime, settings: Settings, clock: OwnedClock
) -> None:
    user = await a_user(rt)
    values: dict[str, object] = {"id": user.id, "at": clock.now()}
    db = Database(settings.database_url, pool_size=1)
    for steps in range(40):
        task = asyncio.create_task(db.fetch_one(WHOLE, values))
        for _ in range(steps):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        row = await db.fetch_one(WHOLE, values)
        assert row is not None
        assert row.id == user.id
    async with db.read() as connection:
        assert (await connection.execute(WHOLE, values)).one().id == user.id
    await db.close()


async def test_a_fault_in_a_statement_spoils_nothing_for_the_next(
    rt: Runtime, clock: OwnedClock
) -> None:
    user = await a_user(rt)
    values: dict[str, object] = {"id": user.id, "at": clock.now()}
    for wrong in ({"id": user.id}, {**values, "at": "yesterday"}):
        with pytest.raises(Exception, match=r".*"):  # which one is the driver's own
            await rt.db.fetch_one(WHOLE, wrong)
        assert await rt.db.fetch_one(WHOLE, values) is not None


async def test_two_databases_do_not_share_what_they_compiled(
    rt: Runtime, settings: Settings, clock: OwnedClock
) -> None:
    user = await a_user(rt)
    values: dict[str, object] = {"id": user.id, "at": clock.now()}
    other = Database(settings.database_url, pool_size=2)
    assert await rt.db.fetch_one(WHOLE, values) is not None
    assert await other.fetch_one(WHOLE, values) is not None
    await other.close()
    assert await rt.db.fetch_one(WHOLE, values) is not None


async def test_a_revoked_session_is_gone_for_the_next_statement(
    rt: Runtime, clock: OwnedClock
) -> None:
    signed_in = await a_session(rt)
    alive: Select[Any] = select(Session.id).where(
        Session.id == bindparam("id"), Session.revoked_at.is_(None)
    )
    values: dict[str, object] = {"id": signed_in.session_id}
    assert await rt.db.fetch_one(alive, values) is not None
    user, session = signed_in.user.id, signed_in.session_id
    await revoke_one(rt, user, session, reason="revoked", origin=an_origin())
    assert await rt.db.fetch_one(alive, values) is None
