"""A hot statement gives what SQLAlchemy gives, and says so when the database does not answer."""

from datetime import UTC, datetime

import pytest
from clock import OwnedClock
from factories import a_session, an_origin
from sqlalchemy import bindparam, select
from sqlalchemy.dialects import sqlite

from ostiary.kernel.database import Database, DatabaseDown
from ostiary.kernel.prepared import prepare
from ostiary.runtime import Runtime
from ostiary.users.actions import change_profile
from ostiary.users.tables import User

_ONE = select(
    User.id, User.email_verified, User.metadata_public, User.created_at, User.last_sign_in_at
).where(
    User.id == bindparam("user_id"), User.status == "active", User.created_at <= bindparam("at")
)


async def test_every_type_reads_as_sqlalchemy_reads_it(rt: Runtime, clock: OwnedClock) -> None:
    signed_in = await a_session(rt)
    metadata: dict[str, object] = {"metadata_public": {"tags": ["ä", 1, None, 2.5]}}
    await change_profile(rt, signed_in.user.id, metadata, origin=an_origin())
    values = {"user_id": signed_in.user.id, "at": clock.now()}
    async with rt.db.read() as connection:
        expected = (await connection.execute(_ONE, values)).one()
    found = await rt.db.fetch_one(_ONE, values)
    assert found is not None
    assert tuple(found) == tuple(expected)
    assert found.created_at == clock.now()
    assert found.created_at.tzinfo is UTC
    assert found.metadata_public == {"tags": ["ä", 1, None, 2.5]}


async def test_an_instant_without_a_zone_is_refused(rt: Runtime) -> None:
    with pytest.raises(ValueError, match="zone"):
        await rt.db.fetch_one(_ONE, {"user_id": "usr_none", "at": datetime(2026, 3, 1)})  # noqa: DTZ001


async def test_a_database_that_is_not_there_is_down() -> None:
    db = Database("postgresql://nobody@127.0.0.1:9/nothing", pool_size=1)
    with pytest.raises(DatabaseDown):
        await db.fetch_one(_ONE, {"user_id": "usr_none", "at": datetime(2026, 3, 1, tzinfo=UTC)})
    await db.close()


def test_a_statement_is_compiled_with_its_constants() -> None:
    compiled = prepare(_ONE, sqlite.dialect(), {})
    at = datetime(2026, 3, 1, tzinfo=UTC)
    arguments = compiled.arguments({"user_id": "usr_1", "at": at})
    assert arguments[:2] == ["usr_1", "active"]
