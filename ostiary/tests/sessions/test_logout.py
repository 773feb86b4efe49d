"""POST /auth/logout (= /auth/signout): by bearer, or by refresh token alone."""

import asyncio

import httpx
import pytest
from clock import OwnedClock
from factories import SignedIn, a_session, an_origin, events, problem

from ostiary.admin.users import suspend
from ostiary.runtime import Runtime

LOGOUT = "/api/v1/auth/logout"
BOTH = [LOGOUT, "/api/v1/auth/signout"]
REFRESH = "/api/v1/auth/refresh"
MISSING = (401, "missing-token")
INVALID = (401, "invalid-token")
REFUSED = (401, "invalid-refresh-token")


@pytest.fixture
async def alice(rt: Runtime) -> SignedIn:
    """Somebody with a session."""
    return await a_session(rt)


async def _me(client: httpx.AsyncClient, access: str) -> httpx.Response:
    return await client.get("/api/v1/auth/me", headers={"Authorization": f"Bearer {access}"})


async def _refresh(client: httpx.AsyncClient, token: str) -> httpx.Response:
    return await client.post(REFRESH, json={"refresh_token": token})


async def _is_out(client: httpx.AsyncClient, access: str, refresh: str) -> bool:
    """Whether neither of the two tokens works any more."""
    answers = (await _me(client, access), await _refresh(client, refresh))
    if all(answer.is_success for answer in answers):
        return False
    assert [problem(answer) for answer in answers] == [INVALID, REFUSED]
    return True


@pytest.mark.parametrize("url", BOTH)
async def test_a_bearer_signs_out(client: httpx.AsyncClient, alice: SignedIn, url: str) -> None:
    answer = await client.post(url, headers=alice.bearer)
    assert (answer.status_code, answer.content) == (204, b"")
    assert answer.headers["x-request-id"].startswith("req_")
    assert answer.headers["cache-control"] == "no-store"
    assert await _is_out(client, alice.tokens.access_token, alice.tokens.refresh_token)


@pytest.mark.parametrize("url", BOTH)
async def test_a_refresh_token_alone_signs_out(
    client: httpx.AsyncClient, alice: SignedIn, url: str
) -> None:
    answer = await client.post(url, json={"refresh_token": alice.tokens.refresh_token})
    assert (answer.status_code, answer.content) == (204, b"")
    assert await _is_out(client, alice.tokens.access_token, alice.tokens.refresh_token)


async def test_a_refresh_token_signs_out_when_the_access_token_has_expired(
    client: httpx.AsyncClient, alice: SignedIn, clock: OwnedClock
) -> None:
    clock.advance(days=1)
    assert problem(await client.post(LOGOUT, headers=alice.bearer)) == INVALID
    body = {"refresh_token": alice.tokens.refresh_token}
    assert (await client.post(LOGOUT, json=body)).status_code == 204
    assert problem(await _refresh(client, alice.tokens.refresh_token)) == REFUSED


async def test_a_used_refresh_token_signs_its_session_out(
    client: httpx.AsyncClient, alice: SignedIn
) -> None:
    second = (await _refresh(client, alice.tokens.refresh_token)).json()
    body = {"refresh_token": alice.tokens.refresh_token}
    assert (await client.post(LOGOUT, json=body)).status_code == 204
    assert await _is_out(client, second["access_token"], second["refresh_token"])


async def test_where_both_are_sent_the_bearer_s_session_ends(
    rt: Runtime, client: httpx.AsyncClient, alice: SignedIn
) -> None:
    other = await a_session(rt)
    body = {"refresh_token": other.tokens.refresh_token}
    assert (await client.post(LOGOUT, json=body, headers=alice.bearer)).status_code == 204
    assert await _is_out(client, alice.tokens.access_token, alice.tokens.refresh_token)
    assert not await _is_out(client, other.tokens.access_token, other.tokens.refresh_token)


@pytest.mark.parametrize("url", BOTH)
async def test_a_logout_without_either_is_refused(client: httpx.AsyncClient, url: str) -> None:
    answer = await client.post(url)
    assert problem(answer) == MISSING
    assert answer.headers["www-authenticate"] == 'Bearer realm="ostiary"'


@pytest.mark.parametrize("url", BOTH)
async def test_an_invalid_bearer_is_refused(client: httpx.AsyncClient, url: str) -> None:
    answer = await client.post(url, headers={"Authorization": "Bearer nonsense"})
    assert problem(answer) == INVALID
    assert 'error="invalid_token"' in answer.headers["www-authenticate"]


@pytest.mark.parametrize("url", BOTH)
async def test_an_invalid_refresh_token_is_refused(client: httpx.AsyncClient, url: str) -> None:
    answer = await client.post(url, json={"refresh_token": "nonsense"})
    assert problem(answer) == REFUSED
    assert answer.headers["www-authenticate"].startswith("Bearer")


async def test_neither_other_token_stands_in_for_a_refresh_token(
    client: httpx.AsyncClient, alice: SignedIn
) -> None:
    for token in (alice.tokens.access_token, str(alice.device_token)):
        assert problem(await client.post(LOGOUT, json={"refresh_token": token})) == REFUSED
    assert not await _is_out(client, alice.tokens.access_token, alice.tokens.refresh_token)


async def test_an_expired_refresh_token_signs_nobody_out(
    client: httpx.AsyncClient, alice: SignedIn, clock: OwnedClock
) -> None:
    clock.advance(days=30)
    body = {"refresh_token": alice.tokens.refresh_token}
    assert problem(await client.post(LOGOUT, json=body)) == REFUSED


async def test_a_second_logout_is_refused(client: httpx.AsyncClient, alice: SignedIn) -> None:
    body = {"refresh_token": alice.tokens.refresh_token}
    assert (await client.post(LOGOUT, headers=alice.bearer)).status_code == 204
    assert problem(await client.post(LOGOUT, headers=alice.bearer)) == INVALID
    assert problem(await client.post(LOGOUT, json=body)) == REFUSED


async def test_a_logout_is_one_event_either_way(rt: Runtime, client: httpx.AsyncClient) -> None:
    first, second = await a_session(rt), await a_session(rt)
    by_bearer = await client.post(LOGOUT, headers=first.bearer)
    body = {"refresh_token": second.tokens.refresh_token}
    by_token = await client.post(LOGOUT, json=body)
    await client.post(LOGOUT, json=body)
    assert {
        row.session_id: (row.subject, row.actor, row.data, row.request_id)
        for row in await events(rt, "session.revoked")
    } == {
        one.session_id: (
            one.user.id,
            one.user.id,
            {"reason": "logout"},
            answer.headers["x-request-id"],
        )
        for one, answer in ((first, by_bearer), (second, by_token))
    }


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, "/refresh_token"),
        ({"refresh_token": 1}, "/refresh_token"),
        ({"token": "a"}, "/refresh_token"),
        ([], ""),
    ],
)
async def test_an_unacceptable_body_is_refused_by_name(
    client: httpx.AsyncClient, body: object, pointer: str
) -> None:
    answer = await client.post(LOGOUT, json=body)
    assert problem(answer) == (422, "validation")
    assert answer.json()["errors"][0]["pointer"] == pointer


async def test_a_body_that_is_no_json_is_refused(client: httpx.AsyncClient) -> None:
    assert problem(await client.post(LOGOUT, content=b"{}")) == (415, "unsupported-media-type")
    headers = {"Content-Type": "application/json"}
    malformed = await client.post(LOGOUT, content=b"{", headers=headers)
    assert problem(malformed) == (400, "malformed-json")


async def test_a_suspended_person_may_still_sign_out(
    rt: Runtime, client: httpx.AsyncClient, alice: SignedIn
) -> None:
    await suspend(rt, alice.user.id, origin=an_origin())
    body = {"refresh_token": alice.tokens.refresh_token}
    assert (await client.post(LOGOUT, json=body)).status_code == 204
    assert await _is_out(client, alice.tokens.access_token, alice.tokens.refresh_token)


async def test_several_logouts_at_once_end_one_session_once(
    rt: Runtime, client: httpx.AsyncClient, alice: SignedIn
) -> None:
    body = {"refresh_token": alice.tokens.refresh_token}
    answers = await asyncio.gather(*(client.post(LOGOUT, json=body) for _ in range(8)))
    assert sorted(answer.status_code for answer in answers) == [204, *[401] * 7]
    assert len(await events(rt, "session.revoked")) == 1


@pytest.mark.parametrize("place", range(6))
async def test_nothing_survives_a_logout_that_races_with_refreshes(
    client: httpx.AsyncClient, alice: SignedIn, place: int
) -> None:
    token = alice.tokens.refresh_token
    requests = [_refresh(client, token) for _ in range(5)]
    requests.insert(place, client.post(LOGOUT, headers=alice.bearer))
    answers = await asyncio.gather(*requests)
    out = answers.pop(place)
    assert out.status_code == 204
    held = [alice.tokens.access_token]
    for answer in answers:
        if answer.is_success:
            held.append(answer.json()["access_token"])
            assert problem(await _refresh(client, answer.json()["refresh_token"])) == REFUSED
        else:
            assert problem(answer) == REFUSED
    for access in held:
        assert problem(await _me(client, access)) == INVALID
    assert problem(await _refresh(client, token)) == REFUSED
