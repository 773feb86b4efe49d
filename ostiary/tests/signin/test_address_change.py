"""An address changes when the new one confirms; the old one may undo it for a week."""

import asyncio

import httpx
from clock import OwnedClock
from factories import PASSWORD, events, problem
from inbox import Mailbox, deliver
from links import (
    API,
    Person,
    ask_for_change,
    confirm,
    forget,
    last_token,
    me,
    person,
    reset,
    sign_in,
    undo,
    verified,
)

from ostiary.runtime import Runtime

ALICE, NEWER, NEWEST = "alice@example.com", "alice@new.example", "alice@newest.example"


async def changed(rt: Runtime, client: httpx.AsyncClient, mailbox: Mailbox) -> tuple[Person, str]:
    """Somebody whose verified address was changed, and the old one's undo link."""
    alice = await verified(rt, client, mailbox, ALICE)
    assert (await ask_for_change(client, alice, NEWER, PASSWORD)).status_code == 202
    assert (await confirm(client, await last_token(rt, mailbox, NEWER))).status_code == 200
    return alice, await last_token(rt, mailbox, ALICE)


async def test_nothing_changes_before_the_new_address_confirms(
    rt: Runtime, client: httpx.AsyncClient, mailbox: Mailbox
) -> None:
    alice = await verified(rt, client, mailbox, ALICE)
    response = await ask_for_change(client, alice, NEWER, PASSWORD)
    assert (response.status_code, response.json()) == (202, {"status": "accepted"})
    assert (await me(client, alice)).json()["email"] == ALICE
    response = await confirm(client, await last_token(rt, mailbox, NEWER))
    assert response.status_code == 200
    user = response.json()["user"]
    assert (user["id"], user["email"], user["email_verified"]) == (alice.id, NEWER, True)
    assert user == (await me(client, alice)).json()
    assert (await sign_in(client, NEWER, PASSWORD)).status_code == 200
    assert problem(await sign_in(client, ALICE, PASSWORD)) == (401, "invalid-credentials")


async def test_the_old_address_is_told_twice_and_gets_the_undo_link(
    rt: Runtime, client: httpx.AsyncClient, mailbox: Mailbox
) -> None:
    alice = await verified(rt, client, mailbox, ALICE)
    await ask_for_change(client, alice, NEWER, PASSWORD)
    await deliver(rt)
    assert NEWER in mailbox.last(ALICE).text
    assert "token=" not in mailbox.last(ALICE).text
    await confirm(client, await last_token(rt, mailbox, NEWER))
    await deliver(rt)
    assert "/email-change/undo?token=" in mailbox.link(ALICE)
    requested, changed = sorted(
        await events(rt, "email.change_requested", "email.changed"),
        key=lambda one: len(one.type),
        reverse=True,
    )
    assert (requested.type, requested.actor) == ("email.change_requested", alice.id)
    assert (changed.type, changed.subject) == ("email.changed", alice.id)


async def test_confirming_ends_other_sessions_and_outstanding_links(
    rt: Runtime, client: httpx.AsyncClient, mailbox: Mailbox
) -> None:
    alice = await verified(rt, client, mailbox, ALICE)
    elsewhere = (await sign_in(client, ALICE, PASSWORD)).json()["tokens"]["access_token"]
    await forget(client, ALICE)
    old_reset = await last_token(rt, mailbox, ALICE)
    await ask_for_change(client, alice, NEWER, PASSWORD)
    await confirm(client, await last_token(rt, mailbox, NEWER))
    assert (await me(client, alice)).status_code == 200
    response = await client.get(f"{API}/me", headers={"Authorization": f"Bearer {elsewhere}"})
    assert problem(response) == (401, "invalid-token")
    assert problem(await reset(client, old_reset, "another horse")) == (400, "token-invalid")


async def test_one_of_twenty_parallel_confirmations_counts(
    rt: Runtime, client: httpx.AsyncClient, mailbox: Mailbox
) -> None:
    alice = await verified(rt, client, mailbox, ALICE)
    await ask_for_change(client, alice, NEWER, PASSWORD)
    token = await last_token(rt, mailbox, NEWER)
    responses = await asyncio.gather(*(confirm(client, token) for _ in range(20)))
    assert sorted(one.status_code for one in responses) == [200] + [400] * 19
    assert len(await events(rt, "email.changed")) == 1


async def test_of_two_wishes_the_last_one_counts(
    rt: Runtime, client: httpx.AsyncClient, mailbox: Mailbox
) -> None:
    alice = await verified(rt, client, mailbox, ALICE)
    await ask_for_change(client, alice, NEWER, PASSWORD)
    older = await last_token(rt, mailbox, NEWER)
    await ask_for_change(client, alice, NEWEST, PASSWORD)
    assert problem(await confirm(client, older)) == (400, "token-invalid")
    response = await confirm(client, await last_token(rt, mailbox, NEWEST))
    assert response.json()["user"]["email"] == NEWEST


async def test_an_address_that_was_taken_meanwhile_uses_nothing_up(
    rt: Runtime, client: httpx.AsyncClient, mailbox: Mailbox
) -> None:
    alice = await verified(rt, client, mailbox, ALICE)
    await ask_for_change(client, alice, NEWER, PASSWORD)
    token = await last_token(rt, mailbox, NEWER)
    other = await person(client, NEWER.upper())
    assert problem(await confirm(client, token)) == (409, "email-taken")
    assert (await me(client, alice)).json()["email"] == ALICE
    # The other moves away: the same link works now.
    await ask_for_change(client, other, "bob@example.com", PASSWORD)
    await confirm(client, await last_token(rt, mailbox, "bob@example.com"))
    assert (await confirm(client, token)).status_code == 200


async def test_asking_tells_nobody_whether_the_address_is_taken(
    rt: Runtime, client: httpx.AsyncClient, mailbox: Mailbox
) -> None:
    alice = await verified(rt, client, mailbox, ALICE)
    await person(client, NEWER)
    free = await ask_for_change(client, alice, NEWEST, PASSWORD)
    taken = await ask_for_change(client, alice, NEWER, PASSWORD)
    assert (free.status_code, free.content) == (taken.status_code, taken.content)


async def test_asking_takes_the_password(
    rt: Runtime, client: httpx.AsyncClient, mailbox: Mailbox
) -> None:
    alice = await person(client, ALICE)
    codes = [(await ask_for_change(client, alice, NEWER, "wrong")).status_code for _ in range(6)]
    assert codes == [422] * 5 + [429]
    await deliver(rt)
    assert mailbox.to(NEWER) == []


async def test_one_s_own_address_is_no_change(client: httpx.AsyncClient) -> None:
    alice = await person(client, ALICE)
    response = await ask_for_change(client, alice, "Alice@EXAMPLE.com", PASSWORD)
    assert problem(response) == (422, "validation")
    assert response.json()["errors"][0]["pointer"] == "/new_email"


async def test_a_confirmation_lives_for_a_day(
    rt: Runtime, client: httpx.AsyncClient, mailbox: Mailbox, clock: OwnedClock
) -> None:
    alice = await verified(rt, client, mailbox, ALICE)
    await ask_for_change(client, alice, NEWER, PASSWORD)
    token = await last_token(rt, mailbox, NEWER)
    clock.advance(days=1)
    assert problem(await confirm(client, token)) == (400, "token-expired")


async def test_undoing_gives_the_old_address_back_and_ends_every_session(
    rt: Runtime, client: httpx.AsyncClient, mailbox: Mailbox
) -> None:
    alice, token = await changed(rt, client, mailbox)
    response = await undo(client, token)
    assert response.status_code == 200
    user = response.json()["user"]
    assert (user["id"], user["email"], user["email_verified"]) == (alice.id, ALICE, True)
    assert problem(await me(client, alice)) == (401, "invalid-token")
    assert (await sign_in(client, ALICE, PASSWORD)).status_code == 200
    assert problem(await undo(client, token)) == (400, "token-invalid")
    await deliver(rt)
    assert mailbox.last(ALICE).subject != mailbox.messages[0].subject
    [undone] = await events(rt, "email.change_undone")
    assert undone.subject == alice.id


async def test_one_of_twenty_parallel_undos_counts(
    rt: Runtime, client: httpx.AsyncClient, mailbox: Mailbox
) -> None:
    _, token = await changed(rt, client, mailbox)
    responses = await asyncio.gather(*(undo(client, token) for _ in range(20)))
    assert sorted(one.status_code for one in responses) == [200] + [400] * 19
    assert len(await events(rt, "email.change_undone")) == 1


async def test_it_can_be_undone_for_a_week(
    rt: Runtime, client: httpx.AsyncClient, mailbox: Mailbox, clock: OwnedClock
) -> None:
    _, token = await changed(rt, client, mailbox)
    clock.advance(days=7, seconds=-1)
    assert (await undo(client, token)).status_code == 200


async def test_it_cannot_be_undone_after_a_week(
    rt: Runtime, client: httpx.AsyncClient, mailbox: Mailbox, clock: OwnedClock
) -> None:
    _, token = await changed(rt, client, mailbox)
    clock.advance(days=7)
    assert problem(await undo(client, token)) == (400, "token-expired")


async def test_an_old_address_that_is_somebody_else_s_now_stays_theirs(
    rt: Runtime, client: httpx.AsyncClient, mailbox: Mailbox
) -> None:
    alice, token = await changed(rt, client, mailbox)
    await person(client, ALICE)
    assert problem(await undo(client, token)) == (409, "email-taken")
    assert (await me(client, alice)).json()["email"] == NEWER


async def test_an_address_that_never_was_verified_gets_no_undo_link(
    rt: Runtime, client: httpx.AsyncClient, mailbox: Mailbox
) -> None:
    # Mistyped at sign-up, it is a stranger's: the link would give them the account.
    alice = await person(client, ALICE)
    await ask_for_change(client, alice, NEWER, PASSWORD)
    await confirm(client, await last_token(rt, mailbox, NEWER))
    await deliver(rt)
    assert len(mailbox.to(ALICE)) == 1  # what the sign-up sent
