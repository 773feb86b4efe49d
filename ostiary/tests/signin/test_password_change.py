"""A signed-in person changes their password by the present one; other sessions end."""

import asyncio

import httpx
import pytest
from factories import PASSWORD, events, problem
from inbox import Mailbox, deliver
from links import API, Person, last_token, me, person, reset, sign_in, verified

from ostiary.runtime import Runtime

ALICE = "alice@example.com"
NEW = "another horse entirely"


async def change(
    client: httpx.AsyncClient, who: Person, *, current: str = PASSWORD, new: str = NEW
) -> httpx.Response:
    """Change the password."""
    body = {"current_password": current, "new_password": new}
    return await client.post(f"{API}/password/change", json=body, headers=who.bearer)


async def refresh(client: httpx.AsyncClient, token: str) -> httpx.Response:
    """Refresh."""
    return await client.post(f"{API}/refresh", json={"refresh_token": token})


async def test_it_changes_and_this_session_goes_on(rt: Runtime, client: httpx.AsyncClient) -> None:
    alice = await person(client, ALICE)
    response = await change(client, alice)
    assert response.status_code == 200
    tokens = response.json()
    assert set(tokens) == {"access_token", "refresh_token", "token_type", "expires_in"}
    assert (await me(client, alice)).status_code == 200
    assert (await refresh(client, tokens["refresh_token"])).status_code == 200
    assert problem(await sign_in(client, ALICE, PASSWORD)) == (401, "invalid-credentials")
    assert (await sign_in(client, ALICE, NEW)).status_code == 200
    [changed] = await events(rt, "password.changed")
    assert (changed.subject, changed.actor) == (alice.id, alice.id)


async def test_every_other_session_and_the_old_refresh_token_end(
    client: httpx.AsyncClient,
) -> None:
    alice = await person(client, ALICE)
    elsewhere = (await sign_in(client, ALICE, PASSWORD)).json()["tokens"]
    await change(client, alice)
    there = {"Authorization": f"Bearer {elsewhere['access_token']}"}
    assert problem(await client.get(f"{API}/me", headers=there)) == (401, "invalid-token")
    for token in (elsewhere["refresh_token"], alice.refresh_token):
        assert problem(await refresh(client, token)) == (401, "invalid-refresh-token")
    # A copy of the old refresh token was presented: that must not end the session that goes on.
    assert (await me(client, alice)).status_code == 200


async def test_a_wrong_password_changes_nothing_and_is_logged(
    rt: Runtime, client: httpx.AsyncClient
) -> None:
    alice = await person(client, ALICE)
    assert problem(await change(client, alice, current="not this one")) == (
        422,
        "incorrect-proof",
    )
    assert (await sign_in(client, ALICE, PASSWORD)).status_code == 200
    [refused] = await events(rt, "password.refused")
    assert refused.subject == alice.id


async def test_five_wrong_ones_shut_the_change_and_not_the_sign_in(
    rt: Runtime, client: httpx.AsyncClient
) -> None:
    alice = await person(client, ALICE)
    codes = [(await change(client, alice, current="wrong")).status_code for _ in range(6)]
    assert codes == [422] * 5 + [429]
    assert problem(await change(client, alice)) == (429, "too-many-requests")
    assert (await sign_in(client, ALICE, PASSWORD)).status_code == 200
    assert len(await events(rt, "password.limited")) == 1


async def test_failed_sign_ins_elsewhere_do_not_shut_the_change(
    client: httpx.AsyncClient,
) -> None:
    alice = await person(client, ALICE)
    for _ in range(6):
        await sign_in(client, ALICE, "wrong")
    assert (await change(client, alice)).status_code == 200


@pytest.mark.parametrize("new", ["short", "password123", ALICE])
async def test_a_password_that_may_not_be_is_refused(client: httpx.AsyncClient, new: str) -> None:
    alice = await person(client, ALICE)
    response = await change(client, alice, new=new)
    assert problem(response) == (422, "validation")
    assert response.json()["errors"][0]["pointer"] == "/new_password"


async def test_one_of_ten_parallel_changes_counts(rt: Runtime, client: httpx.AsyncClient) -> None:
    alice = await person(client, ALICE)
    news = [f"{NEW} {number}" for number in range(5)]
    responses = await asyncio.gather(*(change(client, alice, new=new) for new in news))
    assert sorted(one.status_code for one in responses) == [200] + [422] * 4
    [won] = [new for new, one in zip(news, responses, strict=True) if one.status_code == 200]
    assert (await sign_in(client, ALICE, won)).status_code == 200
    assert len(await events(rt, "password.changed")) == 1


async def test_it_ends_the_links_that_are_out(
    rt: Runtime, client: httpx.AsyncClient, mailbox: Mailbox
) -> None:
    alice = await verified(rt, client, mailbox, ALICE)
    await client.post(f"{API}/password/forgot", json={"email": ALICE})
    token = await last_token(rt, mailbox, ALICE)
    await change(client, alice)
    assert problem(await reset(client, token, "a third horse")) == (400, "token-invalid")


async def test_the_owner_is_told(rt: Runtime, client: httpx.AsyncClient, mailbox: Mailbox) -> None:
    alice = await verified(rt, client, mailbox, ALICE)
    await change(client, alice)
    await deliver(rt)
    assert mailbox.last(ALICE).subject != mailbox.messages[0].subject
    assert "203.0.113.7" in mailbox.last(ALICE).text


async def test_it_needs_a_bearer(client: httpx.AsyncClient) -> None:
    body = {"current_password": PASSWORD, "new_password": NEW}
    response = await client.post(f"{API}/password/change", json=body)
    assert problem(response) == (401, "missing-token")
