"""A copy is the installation: every table, every value, every way in; and it is never a mixture."""

import httpx
from clock import OwnedClock
from factories import PASSWORD, a_session, a_user, an_origin, everything_stored
from mfa import protect
from sqlalchemy import func, select

from copying.conftest import OpenAt
from ostiary import worker
from ostiary.app import create_app
from ostiary.copying.actions import Copied, copy
from ostiary.kernel.database import Base, Database
from ostiary.runtime import Runtime
from ostiary.sessions import sweeps
from ostiary.signin import verification
from ostiary.signin.actions import Challenged, PasswordProof, present

API = "/api/v1/auth"


async def _use_everything(rt: Runtime) -> None:
    """Leave a row in every table there is."""
    owner = await a_user(rt, "zoë@example.com", username="zoe")
    await verification.resend(rt, owner, origin=an_origin())
    protected = await protect(rt)
    proof = PasswordProof(PASSWORD, email=protected.user.email)
    assert isinstance(await present(rt, proof, origin=an_origin()), Challenged)
    async with rt.db.read() as connection:
        rows = {
            table.name: await connection.scalar(select(func.count()).select_from(table))
            for table in Base.metadata.sorted_tables
        }
    assert {name for name, count in rows.items() if not count} == set()


async def _copy(source_url: str, target_url: str) -> Copied:
    db = Database(target_url, pool_size=2)
    try:
        return await copy(source_url, db)
    finally:
        await db.close()


async def _stored(rt: Runtime) -> list[str]:
    return sorted((await everything_stored(rt)).splitlines())


def _totals(copied: Copied) -> tuple[int, int, int]:
    tables = copied.tables
    return (
        sum(one.copied for one in tables),
        sum(one.changed for one in tables),
        sum(one.removed for one in tables),
    )


async def test_the_installation_goes_on_in_the_copy_where_it_stopped(
    open_at: OpenAt, source_url: str, target_url: str
) -> None:
    async with open_at(source_url) as rt:
        await _use_everything(rt)
        signed_in = await a_session(rt)
        stored = await _stored(rt)
        online = await _copy(source_url, target_url)
    assert online.is_equal
    assert not online.is_held  # a server has it open, and may write
    assert _totals(online) == (len(stored), 0, 0)
    again = await _copy(source_url, target_url)
    assert (again.is_equal, again.is_held, _totals(again)) == (True, True, (0, 0, 0))
    async with open_at(target_url) as rt:
        assert await _stored(rt) == stored
        transport = httpx.ASGITransport(create_app(rt.settings, runtime=rt))
        async with httpx.AsyncClient(transport=transport, base_url="http://ostiary.test") as client:
            me = await client.get(f"{API}/me", headers=signed_in.bearer)
            assert me.json()["id"] == signed_in.user.id
            body = {"email": signed_in.user.email, "password": PASSWORD}
            assert (await client.post(f"{API}/signin", json=body)).status_code == 200
            body = {"refresh_token": signed_in.tokens.refresh_token}
            assert (await client.post(f"{API}/refresh", json=body)).status_code == 200


async def test_a_later_run_brings_what_is_new_and_takes_away_what_is_gone(
    open_at: OpenAt, source_url: str, target_url: str, clock: OwnedClock
) -> None:
    async with open_at(source_url) as rt:
        await _use_everything(rt)
        await _copy(source_url, target_url)
        clock.advance(days=200)
        await worker.sweep(rt)  # sessions, tokens, challenges and links are too old
        signed_in = await a_session(rt)
        await sweeps.rotate_when_due(rt)
        stored = await _stored(rt)
    copied = await _copy(source_url, target_url)
    assert copied.is_equal
    removed = {one.name for one in copied.tables if one.removed}
    assert {"session", "refresh_token", "sign_in", "one_time_token"} <= removed
    added = {one.name: one.copied for one in copied.tables}
    assert (added["user"], added["session"]) == (1, 1)
    async with open_at(target_url) as rt:
        assert await _stored(rt) == stored
        assert signed_in.user.id in "\n".join(stored)
