"""A message is sent if, and only if, its cause commits; then until it is taken or given up."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import pytest
from clock import OwnedClock
from factories import events, everything_stored
from inbox import Mailbox, deliver
from sqlalchemy import text

from mail.letters import VALUES, Failing, outbox, write
from ostiary.kernel.mail import MailDeferred, MailRefused, MailServerDown, Message
from ostiary.kernel.vault import Vault
from ostiary.mail import delivery
from ostiary.mail.actions import enqueue
from ostiary.mail.delivery import Delivered, Interrupted
from ostiary.mail.messages import Kind, Letter
from ostiary.runtime import Runtime, open_runtime
from ostiary.settings import Settings


class _Undone(Exception):
    """Makes a transaction roll back."""


async def test_what_is_committed_is_sent_once(rt: Runtime, mailbox: Mailbox) -> None:
    await write(rt, "ada@example.com", "bob@example.com")
    assert await deliver(rt) == 2
    assert {message.to for message in mailbox.messages} == {"ada@example.com", "bob@example.com"}
    assert await deliver(rt) == 0
    assert len(mailbox.messages) == 2
    assert await outbox(rt) == []


async def test_a_letter_can_be_written_on_the_drivers_connection(
    rt: Runtime, mailbox: Mailbox
) -> None:
    async with rt.db.write_hot() as tx:
        letter = Letter(Kind.EMAIL_CODE, "ada@example.com", None, None, VALUES)
        await enqueue(tx, rt, rt.clock.now(), letter)
    assert await deliver(rt) == 1
    assert str(VALUES["code"]) in mailbox.last("ada@example.com").text


async def test_what_is_rolled_back_is_never_sent(rt: Runtime, mailbox: Mailbox) -> None:
    async def cause() -> None:
        async with rt.db.write() as tx:
            letter = Letter(Kind.VERIFY_EMAIL, "ada@example.com", None, None, VALUES)
            await enqueue(tx, rt, rt.clock.now(), letter)
            raise _Undone

    with pytest.raises(_Undone):
        await cause()
    assert await deliver(rt) == 0
    assert mailbox.messages == []


async def test_the_oldest_goes_first(rt: Runtime, clock: OwnedClock, mailbox: Mailbox) -> None:
    for number in range(5):
        await write(rt, f"user{number}@example.com")
        clock.advance(seconds=1)
    await deliver(rt)
    assert [message.to for message in mailbox.messages] == [
        f"user{number}@example.com" for number in range(5)
    ]


async def test_a_letter_to_nobody_is_stored_and_forgotten(rt: Runtime, mailbox: Mailbox) -> None:
    await write(rt, None)
    assert len(await outbox(rt)) == 1
    assert await deliver(rt) == 0
    assert mailbox.messages == []
    assert await outbox(rt) == []
    assert await events(rt, "mail.failed") == []


async def test_a_copy_of_the_database_gives_no_link_and_no_address_away(rt: Runtime) -> None:
    await write(rt, "ada@example.com")
    stored = await everything_stored(rt)
    for secret in ("ada@example.com", VALUES["link"], VALUES["code"], "secret"):
        assert str(secret) not in stored


async def test_a_sealed_letter_cannot_change_places(rt: Runtime, mailbox: Mailbox) -> None:
    await write(rt, "ada@example.com", "bob@example.com")
    async with rt.db.write() as tx:
        other = "SELECT sealed FROM mail ORDER BY id LIMIT 1"
        await tx.execute(text(f"UPDATE mail SET sealed = ({other})"))
    assert await deliver(rt) == 1
    assert len([row for row in await outbox(rt) if row.failed_at]) == 1


async def test_the_messages_id_is_the_same_at_every_try(rt: Runtime, clock: OwnedClock) -> None:
    await write(rt, "ada@example.com")
    (row,) = await outbox(rt)
    failing = Failing(MailDeferred("later"))
    rt = replace(rt, mailer=failing)
    await deliver(rt)
    clock.advance(minutes=1)
    await deliver(rt)
    assert [message.id for message in failing.sent] == [row.id]
    assert [message.written_at for message in failing.sent] == [row.created_at]


async def test_each_try_waits_twice_as_long_with_jitter(rt: Runtime, clock: OwnedClock) -> None:
    await write(rt, "ada@example.com")
    failing = Failing(*(MailDeferred("450") for _ in range(14)))
    rt = replace(rt, mailer=failing)
    for number in range(14):
        assert await deliver(rt) == 0
        assert failing.tries == number + 1
        (row,) = await outbox(rt)
        longest = min(timedelta(seconds=30) * 2**number, timedelta(hours=6))
        assert longest / 2 <= row.due_at - clock.now() <= longest
        assert row.attempts == number + 1
        clock.advance(seconds=(row.due_at - clock.now()).total_seconds() - 0.001)
        assert await deliver(rt) == 0
        assert failing.tries == number + 1, "not before its time"
        clock.advance(seconds=0.001)
    assert await deliver(rt) == 1


async def test_waits_are_not_all_the_same(rt: Runtime) -> None:
    addresses = [f"user{number}@example.com" for number in range(20)]
    await write(rt, *addresses)
    await deliver(replace(rt, mailer=Failing(*(MailDeferred("450") for _ in addresses))))
    assert len({row.due_at for row in await outbox(rt)}) > 10


@pytest.mark.settings(mail={"max_attempts": 3})
async def test_after_the_last_try_a_message_is_put_aside(rt: Runtime, clock: OwnedClock) -> None:
    await write(rt, "ada@example.com")
    failing = Failing(*(MailDeferred("RCPT was answered 450") for _ in range(9)))
    rt = replace(rt, mailer=failing)
    for _ in range(9):
        await deliver(rt)
        clock.advance(hours=6)
    assert failing.tries == 3
    (row,) = await outbox(rt)
    assert (row.due_at, row.failure, row.attempts) == (None, "RCPT was answered 450", 3)
    (event,) = await events(rt, "mail.failed")
    assert (event.subject, event.actor) == ("usr_1", None)
    assert event.data == {"mail": row.id, "kind": "verify_email", "reason": row.failure}


async def test_a_refused_message_is_put_aside_at_once(rt: Runtime, clock: OwnedClock) -> None:
    await write(rt, "ada@example.com", "bob@example.com")
    failing = Failing(MailRefused("RCPT was answered 550"))
    rt = replace(rt, mailer=failing)
    assert await deliver(rt) == 1
    clock.advance(days=2)
    assert await deliver(rt) == 0
    assert failing.tries == 2
    (event,) = await events(rt, "mail.failed")
    assert event.data["reason"] == "RCPT was answered 550"
    assert "example.com" not in str(event.data)


async def test_a_server_that_is_down_ends_the_round_and_costs_nobody_an_attempt(
    rt: Runtime,
) -> None:
    addresses = [f"user{number}@example.com" for number in range(10)]
    await write(rt, *addresses)
    failing = Failing(*(MailServerDown("away") for _ in range(50)))
    rt = replace(rt, mailer=failing)
    for number in range(50):
        assert await delivery.deliver(rt) == Interrupted(0)
        assert failing.tries == number + 1
    assert {row.attempts for row in await outbox(rt)} == {0}
    assert await delivery.deliver(rt) == Delivered(10)
    assert {message.to for message in failing.sent} == set(addresses)


async def test_a_message_on_which_every_connection_breaks_does_not_stop_the_others(
    rt: Runtime, clock: OwnedClock
) -> None:
    class Poisoned(Failing):
        async def send(self, message: Message) -> None:
            if message.to == "poison@example.com":
                raise MailServerDown("the server closed the connection")
            await super().send(message)

    mailer = Poisoned()
    rt = replace(rt, mailer=mailer)
    await write(rt, "poison@example.com")
    clock.advance(seconds=1)
    await write(rt, "ada@example.com", "bob@example.com")
    for _ in range(3):
        await delivery.deliver(rt)
        clock.advance(seconds=1)
    assert {message.to for message in mailer.sent} == {"ada@example.com", "bob@example.com"}


@pytest.mark.settings(mail={"max_attempts": 2})
async def test_a_message_that_kills_its_worker_is_given_up(rt: Runtime, clock: OwnedClock) -> None:
    class Dying(Failing):
        async def send(self, message: Message) -> None:
            raise _Undone

    await write(rt, "ada@example.com")
    for _ in range(2):
        with pytest.raises(_Undone):
            await deliver(replace(rt, mailer=Dying()))
        assert await deliver(rt) == 0, "leased: nobody else takes it now"
        clock.advance(minutes=5)
    assert await deliver(rt) == 0
    (event,) = await events(rt, "mail.failed")
    assert event.data["reason"] == "the attempts were broken off"


async def test_a_lease_runs_out_so_that_nothing_is_lost(
    rt: Runtime, clock: OwnedClock, mailbox: Mailbox
) -> None:
    await write(rt, "ada@example.com")
    with pytest.raises(_Undone):
        await deliver(replace(rt, mailer=Failing(_Undone())))
    clock.advance(minutes=4, seconds=59)
    assert await deliver(rt) == 0
    clock.advance(seconds=1)
    assert await deliver(rt) == 1
    assert len(mailbox.messages) == 1


async def test_one_who_slept_over_its_lease_does_not_undo_what_another_did(
    rt: Runtime, clock: OwnedClock
) -> None:
    other = replace(rt, mailer=Failing(MailDeferred("450")))

    class Sleeping(Failing):
        async def send(self, message: Message) -> None:
            clock.advance(minutes=6)
            assert await deliver(other) == 0  # takes it over, and postpones it
            raise MailRefused("550")

    await write(rt, "ada@example.com")
    await deliver(replace(rt, mailer=Sleeping()))
    (row,) = await outbox(rt)
    assert (row.failed_at, row.attempts) == (None, 2)


async def test_a_message_that_no_key_opens_is_put_aside_until_there_is_one(
    rt: Runtime, mailbox: Mailbox
) -> None:
    await write(rt, "ada@example.com")
    assert await deliver(replace(rt, vault=Vault([b"another key of thirty-two bytes!"]))) == 0
    (event,) = await events(rt, "mail.failed")
    assert event.data["reason"] == "no key among secret_keys opens it"


async def test_a_kind_of_a_later_version_waits_for_it(rt: Runtime, mailbox: Mailbox) -> None:
    await write(rt, "ada@example.com")
    async with rt.db.write() as tx:
        await tx.execute(text("UPDATE mail SET kind = 'of_tomorrow'"))
    assert await deliver(rt) == 0
    (row,) = await outbox(rt)
    assert (row.failed_at, row.attempts) == (None, 1)


async def test_a_broken_template_costs_a_try_and_no_message(
    rt: Runtime, clock: OwnedClock, mailbox: Mailbox
) -> None:
    async with rt.db.write() as tx:
        letter = Letter(Kind.EMAIL_CODE, "ada@example.com", None, None, {"minutes": 5})
        await enqueue(tx, rt, clock.now(), letter)  # its template names a code
    assert await deliver(rt) == 0
    (row,) = await outbox(rt)
    assert (row.failed_at, row.attempts) == (None, 1)


async def test_the_message_in_flight_is_the_last_when_it_is_time_to_stop(rt: Runtime) -> None:
    await write(rt, "ada@example.com", "bob@example.com", "eve@example.com")
    failing = Failing()
    outcome = await delivery.deliver(
        replace(rt, mailer=failing), is_stopping=lambda: failing.tries > 0
    )
    assert outcome == Delivered(1)
    rows = await outbox(rt)
    assert len(rows) == 2, "what was sent is deleted"
    assert {row.attempts for row in rows} == {0}, "and what was not is not leased"


@pytest.fixture
async def others(
    rt: Runtime, settings: Settings, clock: OwnedClock, mailbox: Mailbox
) -> AsyncIterator[list[Runtime]]:
    """Three more Runtimes on the settings of the first."""
    async with (
        open_runtime(settings, clock=clock, mailer=mailbox) as first,
        open_runtime(settings, clock=clock, mailer=mailbox) as second,
        open_runtime(settings, clock=clock, mailer=mailbox) as third,
    ):
        yield [first, second, third]


async def test_several_workers_on_one_database_send_each_message_once(
    rt: Runtime, others: list[Runtime], mailbox: Mailbox
) -> None:
    addresses = [f"user{number}@example.com" for number in range(60)]
    await write(rt, *addresses)
    counts = await asyncio.gather(*(deliver(one) for one in (rt, *others)))
    assert sum(counts) == 60
    assert sorted(message.to for message in mailbox.messages) == sorted(addresses)
    assert await outbox(rt) == []
