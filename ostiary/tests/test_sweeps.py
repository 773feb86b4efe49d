"""What nobody can use any more goes when its time has come, by the clock, and nothing before."""

import asyncio
from dataclasses import replace

import pytest
from clock import OwnedClock
from factories import a_session, events, rows_in
from mail.letters import Failing, write
from sqlalchemy import func, select, text

from ostiary.events.tables import Event
from ostiary.kernel.keyring import PUBLISH_AHEAD, SigningKey
from ostiary.kernel.mail import MailRefused
from ostiary.kernel.origin import LOCAL
from ostiary.kernel.redis import is_embedded, open_redis, sweep_embedded
from ostiary.mail.tables import Mail
from ostiary.runtime import Runtime, open_runtime
from ostiary.sessions.actions import revoke_others, rotate_keys
from ostiary.sessions.sweeps import rotate_when_due, sweep_refresh_tokens
from ostiary.sessions.tables import Device, Family, RefreshToken, Session
from ostiary.sessions.tokens import FIRST_PARTY, InvalidRefreshToken, rotate
from ostiary.settings import Settings
from ostiary.worker import run_once

PATIENCE = 10.0


async def test_refresh_tokens_go_when_they_expire(rt: Runtime, clock: OwnedClock) -> None:
    signed_in = await a_session(rt)
    tokens = signed_in.tokens
    for _ in range(3):
        tokens = await rotate(rt, tokens.refresh_token, client_id=FIRST_PARTY, origin=LOCAL)
        clock.advance(days=1)
    await run_once(rt)
    assert await rows_in(rt, RefreshToken) == 4
    clock.advance(days=27)
    await run_once(rt)
    assert await rows_in(rt, RefreshToken) == 2
    # What is left still works.
    await rotate(rt, tokens.refresh_token, client_id=FIRST_PARTY, origin=LOCAL)
    clock.advance(days=31)
    await run_once(rt)
    assert await rows_in(rt, RefreshToken) == 0
    assert await rows_in(rt, Session) == 1


async def test_batches_go_on_until_nothing_is_left(rt: Runtime, clock: OwnedClock) -> None:
    for _ in range(5):
        await a_session(rt)
    clock.advance(days=31)
    async with rt.db.write() as tx:
        assert await sweep_refresh_tokens(tx, clock.now(), limit=2) == 2
    assert await rows_in(rt, RefreshToken) == 3
    await run_once(rt)
    assert await rows_in(rt, RefreshToken) == 0


async def test_sealed_successors_go_when_the_window_closes(rt: Runtime, clock: OwnedClock) -> None:
    async def sealed() -> int:
        async with rt.db.read() as connection:
            found = select(func.count()).where(RefreshToken.successor_sealed.is_not(None))
            return int(await connection.scalar(found) or 0)

    signed_in = await a_session(rt)
    first = signed_in.tokens.refresh_token
    second = await rotate(rt, first, client_id=FIRST_PARTY, origin=LOCAL)
    clock.advance(seconds=9.9)
    await run_once(rt)
    assert await sealed() == 1
    again = await rotate(rt, first, client_id=FIRST_PARTY, origin=LOCAL)
    assert again.refresh_token == second.refresh_token
    clock.advance(seconds=0.1)
    await run_once(rt)
    assert await sealed() == 0
    # Reuse is still found out.
    with pytest.raises(InvalidRefreshToken):
        await rotate(rt, first, client_id=FIRST_PARTY, origin=LOCAL)
    assert len(await events(rt, "token.reuse_detected")) == 1


async def test_sessions_go_thirty_days_after_their_end(rt: Runtime, clock: OwnedClock) -> None:
    ended = await a_session(rt)
    await revoke_others(rt, ended.user.id, "ses_none", origin=LOCAL)
    await a_session(rt)
    clock.advance(days=30)
    await run_once(rt)
    assert await rows_in(rt, Session) == 2
    clock.advance(seconds=1)
    await run_once(rt)
    assert await rows_in(rt, Session) == 1, "the revoked one"
    assert await rows_in(rt, Family) == 1
    clock.advance(days=90)
    await run_once(rt)
    assert await rows_in(rt, Session) == 0, "the one that expired after 90 days"
    assert await rows_in(rt, Family) == 0
    assert len(await events(rt, "session.opened")) == 2, "the log remembers"


async def test_devices_go_when_they_expire(rt: Runtime, clock: OwnedClock) -> None:
    await a_session(rt)
    clock.advance(days=365, seconds=-1)
    await run_once(rt)
    assert await rows_in(rt, Device) == 1
    clock.advance(seconds=1)
    await run_once(rt)
    assert await rows_in(rt, Device) == 0


async def test_dead_letters_go_after_thirty_days(rt: Runtime, clock: OwnedClock) -> None:
    await write(rt, "ada@example.com")
    await run_once(replace(rt, mailer=Failing(MailRefused("550"))))
    clock.advance(days=30)
    await run_once(rt)
    assert await rows_in(rt, Mail) == 1
    clock.advance(seconds=1)
    await run_once(rt)
    assert await rows_in(rt, Mail) == 0


async def test_a_key_is_rotated_after_ninety_days_and_deleted_when_nobody_needs_it(
    rt: Runtime, clock: OwnedClock
) -> None:
    (first,) = await rt.keys.keys()
    clock.advance(days=90, seconds=-1)
    await run_once(rt)
    assert len(await rt.keys.keys()) == 1
    clock.advance(seconds=1)
    for _ in range(3):
        await run_once(rt)
    second, _ = await rt.keys.keys()
    assert second.signs_from == clock.now() + PUBLISH_AHEAD
    (event,) = await events(rt, "key.added")
    assert (event.subject, event.actor) == (second.kid, None)
    clock.advance(days=8, minutes=10, seconds=-1)
    await run_once(rt)
    assert await rows_in(rt, SigningKey) == 2
    clock.advance(seconds=1)
    await run_once(rt)
    assert await rows_in(rt, SigningKey) == 1
    (event,) = await events(rt, "key.deleted")
    assert event.subject == first.kid
    assert [key.kid for key in await rt.keys.keys()] == [second.kid]


async def test_a_key_that_was_rotated_by_hand_starts_the_days_again(
    rt: Runtime, clock: OwnedClock
) -> None:
    clock.advance(days=89)
    await rotate_keys(rt, at_once=False, origin=LOCAL)
    clock.advance(days=90)
    assert await rotate_when_due(rt) is None
    clock.advance(days=1)
    assert await rotate_when_due(rt) is not None


async def test_several_workers_rotate_once(
    rt: Runtime, settings: Settings, clock: OwnedClock
) -> None:
    clock.advance(days=90)
    async with (
        open_runtime(settings, clock=clock) as second,
        open_runtime(settings, clock=clock) as third,
    ):
        await asyncio.gather(*(rotate_when_due(one) for one in (rt, second, third)))
    assert await rows_in(rt, SigningKey) == 2


async def test_a_sweep_by_two_at_once_takes_everything_once(
    rt: Runtime, settings: Settings, clock: OwnedClock
) -> None:
    for _ in range(10):
        await a_session(rt)
    clock.advance(days=400)
    async with open_runtime(settings, clock=clock) as other:
        await asyncio.gather(run_once(rt), run_once(other))
        await run_once(rt)
    for table in (RefreshToken, Family, Session, Device):
        assert await rows_in(rt, table) == 0, table


async def test_the_embedded_store_forgets_what_has_expired() -> None:
    redis = open_redis("memory://")
    assert is_embedded("memory://")
    for number in range(20):
        await redis.set(f"soon{number}", 1, px=1)
    for number in range(10):
        await redis.set(f"later{number}", 1, ex=600)
    await asyncio.sleep(0.005)  # the store looks at the machine's clock
    assert await sweep_embedded(redis, max_keys=10) == 10
    server = redis.connection_pool.connection_kwargs["server"]
    assert len(server.dbs[0]._dict) == 10, "they are not only hidden"
    assert await sweep_embedded(redis, max_keys=4) == 4
    assert await redis.dbsize() == 4
    await redis.aclose()


async def test_nothing_that_lasts_is_swept(rt: Runtime, clock: OwnedClock) -> None:
    await a_session(rt)
    async with rt.db.read() as connection:
        before = await connection.scalar(select(func.count()).select_from(Event))
    clock.advance(days=2_000)
    for _ in range(2):
        await run_once(rt)
    async with rt.db.read() as connection:
        after = await connection.scalar(select(func.count()).select_from(Event))
        users = await connection.scalar(text('SELECT count(*) FROM "user"'))
    assert after is not None
    assert after >= (before or 0)
    assert users == 1
