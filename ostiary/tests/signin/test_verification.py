"""A mailed link verifies the address it went to: once, in time, for that account only."""

import asyncio
from collections.abc import Callable

import httpx
import pytest
from clock import OwnedClock
from factories import PASSWORD, an_origin, events, problem, sign_up
from inbox import Mailbox, deliver
from links import API, last_token, person, sign_in, token_of, verified, verify

from ostiary.admin.users import suspend
from ostiary.runtime import Runtime

ALICE = "alice@example.com"
REQUIRED = pytest.mark.settings(signup={"verification": "required"})


async def test_a_sign_up_mails_a_link_to_the_address_as_it_was_given(
    rt: Runtime, client: httpx.AsyncClient, mailbox: Mailbox
) -> None:
    await sign_up(client, email="Alice@BÜCHER.example")
    assert mailbox.messages == []
    await deliver(rt)
    [message] = mailbox.messages
    assert message.to == "Alice@BÜCHER.example"
    assert mailbox.link().startswith(f"{rt.settings.public_url}/verify-email?token=ostlt.tok_")


async def test_the_link_verifies_the_address_and_says_so(
    rt: Runtime, client: httpx.AsyncClient, mailbox: Mailbox
) -> None:
    alice = await person(client, ALICE)
    response = await verify(client, await last_token(rt, mailbox, ALICE))
    assert response.status_code == 200
    assert response.json()["user"]["email_verified"] is True
    me = (await client.get(f"{API}/me", headers=alice.bearer)).json()
    assert response.json()["user"] == me
    [verified] = await events(rt, "email.verified")
    assert verified.subject == alice.id


async def test_the_alias_answers_alike(
    rt: Runtime, client: httpx.AsyncClient, mailbox: Mailbox
) -> None:
    await person(client, ALICE)
    token = await last_token(rt, mailbox, ALICE)
    response = await client.post(f"{API}/email/verify", json={"token": token})
    assert response.json()["user"]["email_verified"] is True


async def test_a_link_is_good_once_also_among_twenty(
    rt: Runtime, client: httpx.AsyncClient, mailbox: Mailbox
) -> None:
    await person(client, ALICE)
    token = await last_token(rt, mailbox, ALICE)
    responses = await asyncio.gather(*(verify(client, token) for _ in range(20)))
    assert sorted(one.status_code for one in responses) == [200] + [400] * 19
    assert {problem(one) for one in responses if one.status_code == 400} == {(400, "token-invalid")}
    assert len(await events(rt, "email.verified")) == 1


async def test_a_link_lives_for_a_day(
    rt: Runtime, client: httpx.AsyncClient, mailbox: Mailbox, clock: OwnedClock
) -> None:
    await person(client, ALICE)
    token = await last_token(rt, mailbox, ALICE)
    clock.advance(hours=24)
    assert problem(await verify(client, token)) == (400, "token-expired")
    [refused] = await events(rt, "link.refused")
    assert refused.data == {"reason": "expired", "purpose": "verify_email"}


async def test_a_link_is_good_until_its_last_second(
    rt: Runtime, client: httpx.AsyncClient, mailbox: Mailbox, clock: OwnedClock
) -> None:
    await person(client, ALICE)
    token = await last_token(rt, mailbox, ALICE)
    clock.advance(hours=24, seconds=-1)
    assert (await verify(client, token)).status_code == 200


@pytest.mark.parametrize(
    "spoil",
    [
        lambda token: "",
        lambda token: "no token",
        lambda token: token[:-1],
        lambda token: token[:-1] + ("A" if token[-1] != "A" else "B"),
        lambda token: token.replace("ostlt", "ostrt"),
        lambda token: token.upper(),
        lambda token: f" {token}",
        lambda token: "ostlt.tok_00000000000000000000000000." + "A" * 43,
    ],
)
async def test_what_is_no_link_is_refused_and_the_link_stays_good(
    rt: Runtime,
    client: httpx.AsyncClient,
    mailbox: Mailbox,
    spoil: Callable[[str], str],
) -> None:
    await person(client, ALICE)
    token = await last_token(rt, mailbox, ALICE)
    assert problem(await verify(client, spoil(token))) == (400, "token-invalid")
    assert (await verify(client, token)).status_code == 200


async def test_one_is_sent_again_on_request_and_both_work_until_one_is_used(
    rt: Runtime, client: httpx.AsyncClient, mailbox: Mailbox
) -> None:
    alice = await person(client, ALICE)
    first = await last_token(rt, mailbox, ALICE)
    response = await client.post(f"{API}/email/resend-verification", headers=alice.bearer)
    assert (response.status_code, response.json()) == (202, {"status": "accepted"})
    second = await last_token(rt, mailbox, ALICE)
    assert second != first
    assert (await verify(client, first)).status_code == 200
    assert problem(await verify(client, second)) == (400, "token-invalid")


async def test_nothing_is_sent_again_where_the_address_is_verified(
    rt: Runtime, client: httpx.AsyncClient, mailbox: Mailbox
) -> None:
    alice = await verified(rt, client, mailbox, ALICE)
    count = len(mailbox.messages)
    response = await client.post(f"{API}/email/resend-verification", headers=alice.bearer)
    assert response.status_code == 202
    await deliver(rt)
    assert len(mailbox.messages) == count


async def test_five_messages_an_hour_go_to_one_recipient(
    rt: Runtime, client: httpx.AsyncClient, mailbox: Mailbox, clock: OwnedClock
) -> None:
    alice = await person(client, ALICE)  # the first message
    path = f"{API}/email/resend-verification"
    codes = [(await client.post(path, headers=alice.bearer)).status_code for _ in range(5)]
    assert codes == [202] * 4 + [429]
    limited = await client.post(path, headers=alice.bearer)
    assert limited.headers["retry-after"] == "3600"
    assert len(await events(rt, "message.limited")) == 1
    await deliver(rt)
    assert len(mailbox.to(ALICE)) == 5
    clock.advance(hours=1)
    refreshed = await client.post(f"{API}/refresh", json={"refresh_token": alice.refresh_token})
    bearer = {"Authorization": f"Bearer {refreshed.json()['access_token']}"}
    assert (await client.post(path, headers=bearer)).status_code == 202


@REQUIRED
async def test_where_it_is_required_nobody_is_let_in_before(
    rt: Runtime, client: httpx.AsyncClient, mailbox: Mailbox
) -> None:
    response = await client.post(f"{API}/signup", json={"email": ALICE, "password": PASSWORD})
    assert response.status_code == 201
    assert list(response.json()) == ["user"]
    token = await last_token(rt, mailbox, ALICE)
    assert problem(await sign_in(client, ALICE, PASSWORD)) == (403, "email-unverified")
    assert (await verify(client, token)).status_code == 200
    assert (await sign_in(client, ALICE, PASSWORD)).status_code == 200


@REQUIRED
async def test_a_sign_in_that_is_refused_for_it_sends_another_link(
    rt: Runtime, client: httpx.AsyncClient, mailbox: Mailbox, clock: OwnedClock
) -> None:
    await client.post(f"{API}/signup", json={"email": ALICE, "password": PASSWORD})
    await deliver(rt)
    clock.advance(days=2)  # the first link has expired
    assert problem(await sign_in(client, ALICE, PASSWORD)) == (403, "email-unverified")
    assert problem(await sign_in(client, ALICE, "not this one")) == (401, "invalid-credentials")
    await deliver(rt)
    assert len(mailbox.to(ALICE)) == 2
    assert (await verify(client, token_of(mailbox.link(ALICE)))).status_code == 200


@pytest.mark.settings(links={"verify": "https://app.example/welcome?token={token}&from=mail"})
async def test_the_link_leads_to_the_teams_own_page_where_there_is_one(
    rt: Runtime, client: httpx.AsyncClient, mailbox: Mailbox
) -> None:
    await person(client, ALICE)
    await deliver(rt)
    link = mailbox.link(ALICE)
    assert link.startswith("https://app.example/welcome?token=ostlt.")
    assert link.endswith("&from=mail")
    assert (await verify(client, token_of(link))).status_code == 200


async def test_a_suspended_account_is_not_verified(
    rt: Runtime, client: httpx.AsyncClient, mailbox: Mailbox
) -> None:
    alice = await person(client, ALICE)
    token = await last_token(rt, mailbox, ALICE)
    await suspend(rt, alice.id, origin=an_origin())
    assert problem(await verify(client, token)) == (400, "token-invalid")
