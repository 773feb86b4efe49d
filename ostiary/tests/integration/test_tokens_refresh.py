"""Refresh tokens: rotation, reuse, what is no refresh token, and the end of a session."""

import base64
import json

import httpx
import pytest
from clock import OwnedClock
from factories import SignedIn, a_session, an_origin, events, problem

from ostiary.admin.users import suspend
from ostiary.kernel import tokens
from ostiary.runtime import Runtime

REFRESH = "/api/v1/auth/refresh"
LOGOUT = "/api/v1/auth/logout"
ME = "/api/v1/auth/me"
REFUSED = (401, "invalid-refresh-token")
INVALID = (401, "invalid-token")


@pytest.fixture
async def alice(rt: Runtime) -> SignedIn:
    """Somebody with a session."""
    return await a_session(rt)


async def _refresh(client: httpx.AsyncClient, token: str) -> httpx.Response:
    return await client.post(REFRESH, json={"refresh_token": token})


async def _me(client: httpx.AsyncClient, token: str) -> httpx.Response:
    return await client.get(ME, headers={"Authorization": f"Bearer {token}"})


def _claims(token: str) -> dict[str, object]:
    segment = token.split(".")[1]
    return dict(json.loads(base64.urlsafe_b64decode(segment + "=" * (-len(segment) % 4))))


async def test_a_refresh_gives_new_tokens_of_the_same_shape(
    client: httpx.AsyncClient, alice: SignedIn
) -> None:
    answer = await _refresh(client, alice.tokens.refresh_token)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-request-id"].startswith("req_")
    body = answer.json()
    assert body.pop("access_token") != alice.tokens.access_token
    assert body.pop("refresh_token") != alice.tokens.refresh_token
    assert body == {"token_type": "bearer", "expires_in": 600}


async def test_a_refreshed_access_token_belongs_to_the_same_session_and_sign_in(
    client: httpx.AsyncClient, alice: SignedIn, clock: OwnedClock
) -> None:
    clock.advance(hours=1)
    before = _claims(alice.tokens.access_token)
    answer = (await _refresh(client, alice.tokens.refresh_token)).json()
    after = _claims(answer["access_token"])
    kept = ("iss", "aud", "sub", "sid", "client_id", "auth_time", "amr", "acr")
    assert {name: after[name] for name in kept} == {name: before[name] for name in kept}
    assert after["iat"] == int(clock.now().timestamp())
    assert after["jti"] != before["jti"]
    assert (await _me(client, answer["access_token"])).json()["id"] == alice.user.id


async def test_a_chain_of_rotations_goes_on(
    client: httpx.AsyncClient, alice: SignedIn, clock: OwnedClock
) -> None:
    token, seen = alice.tokens.refresh_token, {alice.tokens.refresh_token}
    for _ in range(10):
        clock.advance(minutes=11)
        answer = (await _refresh(client, token)).json()
        token = answer["refresh_token"]
        seen.add(token)
        assert (await _me(client, answer["access_token"])).status_code == 200
    assert len(seen) == 11


async def test_each_refresh_is_one_event(
    rt: Runtime, client: httpx.AsyncClient, alice: SignedIn
) -> None:
    answer = await _refresh(client, alice.tokens.refresh_token)
    [event] = await events(rt, "token.refreshed")
    assert event.subject == event.actor == alice.user.id
    assert event.session_id == alice.session_id
    assert event.request_id == answer.headers["x-request-id"]
    assert event.ip_address == "203.0.113.7"


async def test_an_older_access_token_works_until_it_expires(
    client: httpx.AsyncClient, alice: SignedIn
) -> None:
    await _refresh(client, alice.tokens.refresh_token)
    answer = await _me(client, alice.tokens.access_token)
    assert answer.json()["id"] == alice.user.id


async def test_reuse_ends_the_session_for_the_thief_and_for_the_owner(
    rt: Runtime, client: httpx.AsyncClient, alice: SignedIn
) -> None:
    first = (await _refresh(client, alice.tokens.refresh_token)).json()
    second = (await _refresh(client, first["refresh_token"])).json()
    assert problem(await _refresh(client, alice.tokens.refresh_token)) == REFUSED
    for access in (alice.tokens.access_token, first["access_token"], second["access_token"]):
        assert problem(await _me(client, access)) == INVALID
    for token in (first["refresh_token"], second["refresh_token"]):
        assert problem(await _refresh(client, token)) == REFUSED
    assert len(await events(rt, "token.reuse_detected")) == 1


async def test_reuse_ends_no_other_session(
    rt: Runtime, client: httpx.AsyncClient, alice: SignedIn, clock: OwnedClock
) -> None:
    other = await a_session(rt, alice.user)
    await _refresh(client, alice.tokens.refresh_token)
    clock.advance(seconds=10)
    assert problem(await _refresh(client, alice.tokens.refresh_token)) == REFUSED
    assert (await _me(client, other.tokens.access_token)).status_code == 200
    assert (await _refresh(client, other.tokens.refresh_token)).status_code == 200


@pytest.mark.parametrize(
    "value",
    [
        "token",
        "a.b.c",
        "ostrt",
        "ostrt..",
        "ostrt.rt_00000000000000000000000000.short",
        "OSTRT.rt_00000000000000000000000000." + "A" * 43,
        "ostrt.rt_00000000000000000000000000." + "A" * 43,
        "ostrt.rt_00000000000000000000000000." + "A" * 44,
        "ostrt.rt_00000000000000000000000000." + "é" * 43,
        "' OR '1'='1",
    ],
)
async def test_an_invalid_refresh_token_is_refused(client: httpx.AsyncClient, value: str) -> None:
    answer = await _refresh(client, value)
    assert problem(answer) == REFUSED
    assert answer.headers["www-authenticate"].startswith("Bearer")
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("form", [" {}", "{} ", "{}\u00a0", "{}.", "{}A", "x{}"])
async def test_anything_around_a_refresh_token_is_refused_and_uses_nothing_up(
    client: httpx.AsyncClient, alice: SignedIn, form: str
) -> None:
    token = alice.tokens.refresh_token
    assert problem(await _refresh(client, form.format(token))) == REFUSED
    assert (await _refresh(client, token)).status_code == 200


async def test_a_known_id_with_another_secret_is_refused_and_harms_nobody(
    rt: Runtime, client: httpx.AsyncClient, alice: SignedIn
) -> None:
    known = alice.tokens.refresh_token.split(".")[1]
    used = (await _refresh(client, alice.tokens.refresh_token)).json()
    assert problem(await _refresh(client, str(tokens.new_token("ostrt", known)))) == REFUSED
    # Whoever learns an id from a log cannot end the session by it.
    assert (await _refresh(client, used["refresh_token"])).status_code == 200
    assert await events(rt, "token.reuse_detected") == []


async def test_no_other_token_is_a_refresh_token(
    client: httpx.AsyncClient, alice: SignedIn
) -> None:
    for other in (alice.tokens.access_token, str(alice.device_token)):
        assert problem(await _refresh(client, other)) == REFUSED


async def test_a_refresh_token_is_no_access_token(
    client: httpx.AsyncClient, alice: SignedIn
) -> None:
    assert problem(await _me(client, alice.tokens.refresh_token)) == INVALID


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, "/refresh_token"),
        ({"refresh_token": None}, "/refresh_token"),
        ({"refresh_token": 1}, "/refresh_token"),
        ({"refresh_token": "x" * 1025}, "/refresh_token"),
        ({"refresh_token": "a\u0000b"}, "/refresh_token"),
        ({"refresh_token": "a", "client_id": "other"}, "/client_id"),
        ([], ""),
        ("text", ""),
    ],
)
async def test_an_unacceptable_body_is_refused_by_name(
    client: httpx.AsyncClient, body: object, pointer: str
) -> None:
    answer = await client.post(REFRESH, json=body)
    assert problem(answer) == (422, "validation")
    assert [fault["pointer"] for fault in answer.json()["errors"]] == [pointer]


async def test_an_unused_refresh_token_expires_after_thirty_days(
    rt: Runtime, client: httpx.AsyncClient, clock: OwnedClock
) -> None:
    early, late = await a_session(rt), await a_session(rt)
    clock.advance(days=30, seconds=-1)
    assert (await _refresh(client, early.tokens.refresh_token)).status_code == 200
    clock.advance(seconds=1)
    assert problem(await _refresh(client, late.tokens.refresh_token)) == REFUSED


async def test_a_session_ends_after_ninety_days_however_much_it_is_used(
    client: httpx.AsyncClient, alice: SignedIn, clock: OwnedClock
) -> None:
    token = alice.tokens.refresh_token
    for _ in range(3):
        clock.advance(days=29)
        token = (await _refresh(client, token)).json()["refresh_token"]
    clock.advance(days=3, seconds=-1)
    last = (await _refresh(client, token)).json()
    assert (await _me(client, last["access_token"])).status_code == 200
    clock.advance(seconds=1)
    assert problem(await _refresh(client, last["refresh_token"])) == REFUSED
    assert problem(await _me(client, last["access_token"])) == INVALID


async def test_a_logout_revokes_the_access_and_the_refresh_token(
    client: httpx.AsyncClient, alice: SignedIn
) -> None:
    assert (await client.post(LOGOUT, headers=alice.bearer)).status_code == 204
    assert problem(await _me(client, alice.tokens.access_token)) == INVALID
    assert problem(await _refresh(client, alice.tokens.refresh_token)) == REFUSED


async def test_a_logout_revokes_every_token_that_was_rotated_from_the_session(
    client: httpx.AsyncClient, alice: SignedIn
) -> None:
    second = (await _refresh(client, alice.tokens.refresh_token)).json()
    assert (await client.post(LOGOUT, headers=alice.bearer)).status_code == 204
    assert problem(await _me(client, second["access_token"])) == INVALID
    # Not even the retry of a lost answer: the successor would be a live token.
    for token in (second["refresh_token"], alice.tokens.refresh_token):
        assert problem(await _refresh(client, token)) == REFUSED


async def test_a_suspended_user_s_refresh_token_is_refused(
    rt: Runtime, client: httpx.AsyncClient, alice: SignedIn
) -> None:
    await suspend(rt, alice.user.id, origin=an_origin())
    assert problem(await _refresh(client, alice.tokens.refresh_token)) == REFUSED
