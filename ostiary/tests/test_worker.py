"""What happens beside the requests happens, whatever else does."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta

import pytest
from clock import OwnedClock
from factories import a_session, rows_in
from inbox import Mailbox
from mail.letters import Failing, outbox, write
from sqlalchemy import text, update

from ostiary.kernel.database import DatabaseDown
from ostiary.kernel.mail import MailRefused, MailServerDown, Message
from ostiary.runtime import Runtime
from ostiary.sessions.tables import RefreshToken
from ostiary.worker import run_forever, run_once, running

PATIENCE = 30.0


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    """Wait for another task to bring something about."""
    deadline = time.monotonic() + PATIENCE
    while not await condition():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.01)  # the worker is let run


@asynccontextmanager
async def working(rt: Runtime) -> AsyncIterator[None]:
    """A worker that runs until the end of the block."""
    stopping = asyncio.Event()
    task = asyncio.create_task(run_forever(rt, stopping, interval=0.01))
    try:
        yield
    finally:
        stopping.set()
        await task


async def test_the_worker_sends_what_comes(rt: Runtime, mailbox: Mailbox) -> None:
    async with working(rt):
        await write(rt, "ada@example.com")

        async def is_sent() -> bool:
            return await outbox(rt) == []

        await until(is_sent)
    assert [message.to for message in mailbox.messages] == ["ada@example.com"]


@pytest.mark.settings(worker={"enabled": False})
async def test_a_worker_that_is_switched_off_does_nothing(rt: Runtime, mailbox: Mailbox) -> None:
    await write(rt, "ada@example.com")
    async with running(rt):
        await asyncio.sleep(0)  # whatever was started, has
    assert mailbox.messages == []


async def test_a_message_in_flight_is_finished_before_the_end(rt: Runtime) -> None:
    class Slow(Failing):
        def __init__(self) -> None:
            super().__init__()
            self.has_begun, self.may_end = asyncio.Event(), asyncio.Event()

        async def send(self, message: Message) -> None:
            self.has_begun.set()
            await self.may_end.wait()
            await super().send(message)

    await write(rt, "ada@example.com", "bob@example.com")
    mailer = Slow()
    stopping = asyncio.Event()
    task = asyncio.create_task(run_forever(replace(rt, mailer=mailer), stopping))
    await mailer.has_begun.wait()
    stopping.set()
    await asyncio.sleep(0)  # it could end here
    assert not task.done()
    mailer.may_end.set()
    await task
    assert len(mailer.sent) == 1
    assert [row.attempts for row in await outbox(rt)] == [0]


async def test_an_outage_is_survived_and_logged_without_an_address(
    rt: Runtime, mailbox: Mailbox, caplog: pytest.LogCaptureFixture
) -> None:
    mailer = Failing(
        DatabaseDown(), RuntimeError("ada@example.com"), MailServerDown("away"), MailRefused("550")
    )
    await write(rt, *(f"user{number}@example.com" for number in range(5)))
    async with working(replace(rt, mailer=mailer)):

        async def is_through() -> bool:
            return len(mailer.sent) == 2

        await until(is_through)
    assert mailer.tries == 6
    # The exception's own text, which pytest shows, is what logs.JsonLines leaves out.
    assert "@" not in "".join(record.getMessage() for record in caplog.records)


async def test_a_long_queue_does_not_keep_the_sweeps_waiting(
    rt: Runtime, clock: OwnedClock
) -> None:
    class Slow(Failing):
        async def send(self, message: Message) -> None:
            clock.advance(seconds=61)
            if len(self.sent) == 3:
                assert await rows_in(rt, RefreshToken) == 0
            await super().send(message)

    mailer = Slow()
    await a_session(rt)
    async with rt.db.write() as tx:
        soon = clock.now() + timedelta(seconds=30)
        await tx.execute(update(RefreshToken).values(expires_at=soon))
    await run_once(rt)
    await write(rt, *(f"user{number}@example.com" for number in range(5)))
    async with working(replace(rt, mailer=mailer)):

        async def is_through() -> bool:
            return len(mailer.sent) == 5

        await until(is_through)


async def test_a_sweep_that_fails_does_not_keep_messages_waiting(rt: Runtime) -> None:
    mailer = Failing()
    await write(rt, "ada@example.com")
    async with rt.db.write() as tx:
        await tx.execute(text("ALTER TABLE device RENAME TO elsewhere"))
    try:
        async with working(replace(rt, mailer=mailer)):

            async def is_sent() -> bool:
                return len(mailer.sent) == 1

            await until(is_sent)
    finally:
        async with rt.db.write() as tx:
            await tx.execute(text("ALTER TABLE elsewhere RENAME TO device"))


async def test_a_clock_that_was_set_back_does_not_stop_the_sweeps(
    rt: Runtime, clock: OwnedClock
) -> None:
    await a_session(rt)
    async with working(rt):

        async def is_swept() -> bool:
            return await rows_in(rt, RefreshToken) == 0

        async with rt.db.write() as tx:
            await tx.execute(
                update(RefreshToken).values(expires_at=clock.now() - timedelta(days=1))
            )
        clock.advance(hours=-1)
        await until(is_swept)
