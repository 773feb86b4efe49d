"""The attacker was suspended, and still has tokens, a device and a password that were good.

None of them opens anything from the next request on, and none tells that the account is suspended
and not simply unknown.
"""

import httpx
from clock import OwnedClock
from factories import PASSWORD, a_session, a_user, an_origin, events, problem

from attacks.surface import API, GUARDED, assert_refused_everywhere
from ostiary.admin.users import reactivate, suspend
from ostiary.runtime import Runtime


async def test_an_access_token_is_refused_at_once(rt: Runtime, client: httpx.AsyncClient) -> None:
    session = await a_session(rt)
    # Used before: a remembered signature must not outlive the suspension.
    assert (await client.get(f"{API}/auth/me", headers=session.bearer)).status_code == 200
    await suspend(rt, session.user.id, origin=an_origin())
    await assert_refused_everywhere(client, session.tokens.access_token)


async def test_a_refresh_token_gives_nothing_used_or_not(
    rt: Runtime, client: httpx.AsyncClient
) -> None:
    user = await a_user(rt)
    fresh, used = await a_session(rt, user), await a_session(rt, user)
    body = {"refresh_token": used.tokens.refresh_token}
    successor = (await client.post(f"{API}/auth/refresh", json=body)).json()["refresh_token"]
    await suspend(rt, user.id, origin=an_origin())
    for token in (fresh.tokens.refresh_token, used.tokens.refresh_token, successor):
        response = await client.post(f"{API}/auth/refresh", json={"refresh_token": token})
        assert problem(response) == (401, "invalid-refresh-token")


async def test_neither_name_nor_address_nor_device_signs_them_in(
    rt: Runtime, client: httpx.AsyncClient
) -> None:
    user = await a_user(rt, username="mallory")
    session = await a_session(rt, user)
    await suspend(rt, user.id, origin=an_origin())
    for who in ({"email": user.email}, {"username": "mallory"}):
        for device in (None, session.device_token):
            body = {**who, "password": PASSWORD, "device_token": device}
            response = await client.post(f"{API}/auth/signin", json=body)
            assert problem(response) == (401, "invalid-credentials")
    reasons = [row.data["reason"] for row in await events(rt, "signin.failed")]
    assert reasons == ["suspended"] * 4


async def test_nothing_of_theirs_changes_while_they_are_out(
    rt: Runtime, client: httpx.AsyncClient
) -> None:
    session = await a_session(rt)
    await suspend(rt, session.user.id, origin=an_origin())
    for route in GUARDED:
        response = await route.call(client, session.bearer)
        assert problem(response) == (401, "invalid-token"), route
    assert await events(rt, "user.updated", "session.revoked", "token.refreshed") == []


async def test_the_address_and_the_name_stay_taken(rt: Runtime, client: httpx.AsyncClient) -> None:
    user = await a_user(rt, username="mallory")
    await suspend(rt, user.id, origin=an_origin())
    body = {"email": user.email.upper(), "password": PASSWORD}
    response = await client.post(f"{API}/auth/signup", json=body)
    assert problem(response) == (409, "email-taken")
    body = {"email": "new@example.com", "username": "Mallory", "password": PASSWORD}
    response = await client.post(f"{API}/auth/signup", json=body)
    assert problem(response) == (409, "username-taken")


async def test_they_are_let_in_again_when_the_account_is_opened_again(
    rt: Runtime, client: httpx.AsyncClient, clock: OwnedClock
) -> None:
    # The control: it was the suspension that was refused, and nothing else.
    session = await a_session(rt)
    await suspend(rt, session.user.id, origin=an_origin())
    await assert_refused_everywhere(client, session.tokens.access_token)
    await reactivate(rt, session.user.id, origin=an_origin())
    body = {"email": session.user.email, "password": PASSWORD}
    assert (await client.post(f"{API}/auth/signin", json=body)).status_code == 200
