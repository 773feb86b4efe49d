"""A forgotten password is set anew by a mailed link, and everything that was open ends."""

import asyncio

import httpx
import pytest
from clock import OwnedClock
from factories import PASSWORD, an_origin, events, problem
from inbox import Mailbox, deliver
from links import forget, last_token, me, person, reset, sign_in, verified, verify
from sqlalchemy import delete

from ostiary.admin.users import suspend
from ostiary.authenticators.tables import Authenticator
from ostiary.runtime import Runtime

ALICE = "alice@example.com"
NEW = "another horse entirely"


async def test_a_reset_sets_the_password_and_ends_every_session(
    rt: Runtime, client: httpx.AsyncClient, mailbox: Mailbox
) -> None:
    alice = await verified(rt, client, mailbox, ALICE)
    response = await forget(client, "ALICE@example.com")
    assert (response.status_code, response.json()) == (202, {"status": "accepted"})
    response = await reset(client, await last_token(rt, mailbox, ALICE), NEW)
    assert (response.status_code, response.content) == (204, b"")
    assert problem(await me(client, alice)) == (401, "invalid-token")
    assert problem(await sign_in(client, ALICE, PASSWORD)) == (401, "invalid-credentials")
    assert (await sign_in(client, ALICE, NEW)).status_code == 200
    [happened] = await events(rt, "password.reset")
    assert happened.subject == alice.id


async def test_the_owner_is_told(rt: Runtime, client: httpx.AsyncClient, mailbox: Mailbox) -> None:
    await verified(rt, client, mailbox, ALICE)
    await forget(client, ALICE)
    await reset(client, await last_token(rt, mailbox, ALICE), NEW)
    await deliver(rt)
    message = mailbox.last(ALICE)
    assert "password" in message.subject.lower()
    assert "203.0.113.7" in message.text
    assert "ostlt." not in message.text


async def test_one_of_twenty_parallel_resets_counts(
    rt: Runtime, client: httpx.AsyncClient, mailbox: Mailbox
) -> None:
    await verified(rt, client, mailbox, ALICE)
    await forget(client, ALICE)
    token = await last_token(rt, mailbox, ALICE)
    news = [f"{NEW} {number}" for number in range(20)]
    responses = await asyncio.gather(*(reset(client, token, new) for new in news))
    assert sorted(one.status_code for one in responses) == [204] + [400] * 19
    [won] = [new for new, one in zip(news, responses, strict=True) if one.status_code == 204]
    assert (await sign_in(client, ALICE, won)).status_code == 200
    assert len(await events(rt, "password.reset")) == 1


async def test_a_link_lives_for_an_hour(
    rt: Runtime, client: httpx.AsyncClient, mailbox: Mailbox, clock: OwnedClock
) -> None:
    await verified(rt, client, mailbox, ALICE)
    await forget(client, ALICE)
    token = await last_token(rt, mailbox, ALICE)
    clock.advance(hours=1)
    assert problem(await reset(client, token, NEW)) == (400, "token-expired")
    assert (await sign_in(client, ALICE, PASSWORD)).status_code == 200


@pytest.mark.parametrize("new", ["short", "password123", ALICE])
async def test_a_password_that_may_not_be_uses_nothing_up(
    rt: Runtime, client: httpx.AsyncClient, mailbox: Mailbox, new: str
) -> None:
    await verified(rt, client, mailbox, ALICE)
    await forget(client, ALICE)
    token = await last_token(rt, mailbox, ALICE)
    response = await reset(client, token, new)
    assert problem(response) == (422, "validation")
    assert response.json()["errors"][0]["pointer"] == "/new_password"
    assert (await reset(client, token, NEW)).status_code == 204


async def test_every_other_link_ends_with_it(
    rt: Runtime, client: httpx.AsyncClient, mailbox: Mailbox
) -> None:
    await verified(rt, client, mailbox, ALICE)
    await forget(client, ALICE)
    first = await last_token(rt, mailbox, ALICE)
    await forget(client, ALICE)
    second = await last_token(rt, mailbox, ALICE)
    assert (await reset(client, second, NEW)).status_code == 204
    assert problem(await reset(client, first, PASSWORD)) == (400, "token-invalid")


async def test_an_unknown_address_gets_the_same_answer_and_no_mail(
    rt: Runtime, client: httpx.AsyncClient, mailbox: Mailbox
) -> None:
    response = await forget(client, "nobody@example.com")
    assert (response.status_code, response.json()) == (202, {"status": "accepted"})
    await deliver(rt)
    assert mailbox.messages == []
    [asked] = await events(rt, "password.reset_requested")
    assert asked.subject is None


async def test_a_suspended_account_gets_no_mail(
    rt: Runtime, client: httpx.AsyncClient, mailbox: Mailbox
) -> None:
    alice = await verified(rt, client, mailbox, ALICE)
    count = len(mailbox.messages)
    await suspend(rt, alice.id, origin=an_origin())
    assert (await forget(client, ALICE)).status_code == 202
    await deliver(rt)
    assert len(mailbox.messages) == count


async def test_a_link_ends_with_the_account_s_suspension(
    rt: Runtime, client: httpx.AsyncClient, mailbox: Mailbox
) -> None:
    alice = await verified(rt, client, mailbox, ALICE)
    await forget(client, ALICE)
    token = await last_token(rt, mailbox, ALICE)
    await suspend(rt, alice.id, origin=an_origin())
    assert problem(await reset(client, token, NEW)) == (400, "token-invalid")


async def test_a_recipient_gets_five_an_hour_known_or_not(
    client: httpx.AsyncClient,
) -> None:
    for email in ("nobody@example.com", "Nobody@EXAMPLE.com"):
        codes = [(await forget(client, email)).status_code for _ in range(3)]
        assert codes == ([202] * 3 if email.islower() else [202, 202, 429])


async def test_an_address_may_ask_for_twenty_an_hour(client: httpx.AsyncClient) -> None:
    codes = [
        (await forget(client, f"user{number}@example.com")).status_code for number in range(21)
    ]
    assert codes == [202] * 20 + [429]


async def test_a_reset_works_for_an_account_that_has_no_password(
    rt: Runtime, client: httpx.AsyncClient, mailbox: Mailbox
) -> None:
    alice = await verified(rt, client, mailbox, ALICE)
    async with rt.db.write() as tx:
        await tx.execute(delete(Authenticator).where(Authenticator.user_id == alice.id))
    await forget(client, ALICE)
    assert (await reset(client, await last_token(rt, mailbox, ALICE), NEW)).status_code == 204
    assert (await sign_in(client, ALICE, NEW)).status_code == 200


async def test_a_reset_keeps_what_a_verified_person_entered(
    rt: Runtime, client: httpx.AsyncClient, mailbox: Mailbox
) -> None:
    alice = await person(client, ALICE, first_name="Alice", username="alice")
    assert (await verify(client, await last_token(rt, mailbox, ALICE))).status_code == 200
    await forget(client, ALICE)
    await reset(client, await last_token(rt, mailbox, ALICE), NEW)
    user = (await sign_in(client, ALICE, NEW)).json()["user"]
    assert (user["id"], user["first_name"], user["username"]) == (alice.id, "Alice", "alice")
