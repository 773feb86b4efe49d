"""DELETE /sessions/{id} and DELETE /sessions: what is revoked is refused from then on."""

import asyncio

import httpx
import pytest
from clock import OwnedClock
from factories import SignedIn, a_session, events, problem

from ostiary.runtime import Runtime

URL = "/api/v1/sessions"
NOT_FOUND = (404, "not-found")


@pytest.fixture
async def alice(rt: Runtime) -> SignedIn:
    """Somebody with a session."""
    return await a_session(rt)


async def _is_alive(client: httpx.AsyncClient, who: SignedIn) -> bool:
    """Whether the access token works; that the refresh token agrees is asserted."""
    me = await client.get("/api/v1/auth/me", headers=who.bearer)
    if me.status_code == 200:
        return True
    assert problem(me) == (401, "invalid-token")
    body = {"refresh_token": who.tokens.refresh_token}
    refreshed = await client.post("/api/v1/auth/refresh", json=body)
    assert problem(refreshed) == (401, "invalid-refresh-token")
    return False


async def _revoke(client: httpx.AsyncClient, who: SignedIn, id: str) -> httpx.Response:
    return await client.delete(f"{URL}/{id}", headers=who.bearer)


async def test_one_session_ends_and_the_others_go_on(
    rt: Runtime, client: httpx.AsyncClient, alice: SignedIn
) -> None:
    phone, tablet = await a_session(rt, alice.user), await a_session(rt, alice.user)
    answer = await _revoke(client, alice, phone.session_id)
    assert (answer.status_code, answer.content) == (204, b"")
    assert answer.headers["x-request-id"].startswith("req_")
    assert not await _is_alive(client, phone)
    assert await _is_alive(client, alice)
    assert await _is_alive(client, tablet)


async def test_the_present_session_may_end_itself(
    client: httpx.AsyncClient, alice: SignedIn
) -> None:
    assert (await _revoke(client, alice, alice.session_id)).status_code == 204
    assert not await _is_alive(client, alice)


async def test_somebody_else_s_session_is_not_found_and_lives_on(
    rt: Runtime, client: httpx.AsyncClient, alice: SignedIn
) -> None:
    bob = await a_session(rt)
    foreign = await _revoke(client, alice, bob.session_id)
    unknown = await _revoke(client, alice, "ses_00000000000000000000000000")
    assert problem(foreign) == problem(unknown) == NOT_FOUND
    assert {**foreign.json(), "request_id": None} == {**unknown.json(), "request_id": None}
    assert await _is_alive(client, bob)


async def test_a_session_that_has_ended_is_not_found(
    rt: Runtime, client: httpx.AsyncClient, alice: SignedIn
) -> None:
    phone = await a_session(rt, alice.user)
    assert (await _revoke(client, alice, phone.session_id)).status_code == 204
    assert problem(await _revoke(client, alice, phone.session_id)) == NOT_FOUND


@pytest.mark.parametrize(
    "id", ["1", "ses_", "usr_00000000000000000000000000", "ses_%00", "'%20OR%201=1--", "x" * 500]
)
async def test_what_is_no_session_id_is_not_found(
    client: httpx.AsyncClient, alice: SignedIn, id: str
) -> None:
    assert problem(await _revoke(client, alice, id)) == NOT_FOUND
    assert await _is_alive(client, alice)


async def test_every_other_session_ends_at_once(
    rt: Runtime, client: httpx.AsyncClient, alice: SignedIn
) -> None:
    others = [await a_session(rt, alice.user) for _ in range(3)]
    bob = await a_session(rt)
    answer = await client.delete(URL, headers=alice.bearer)
    assert (answer.status_code, answer.content) == (204, b"")
    assert [await _is_alive(client, one) for one in others] == [False] * 3
    assert await _is_alive(client, alice)
    assert await _is_alive(client, bob)


async def test_sessions_that_end_each_other_at_once_all_get_an_answer(
    rt: Runtime, client: httpx.AsyncClient, alice: SignedIn
) -> None:
    everyone = [alice, *[await a_session(rt, alice.user) for _ in range(7)]]
    answers = await asyncio.gather(*(client.delete(URL, headers=one.bearer) for one in everyone))
    assert {answer.status_code for answer in answers} <= {204, 401}
    assert [await _is_alive(client, one) for one in everyone].count(True) <= 1
    ended = [row.session_id for row in await events(rt, "session.revoked")]
    assert len(ended) == len(set(ended)) >= 7


async def test_ending_all_others_where_there_are_none_is_fine(
    rt: Runtime, client: httpx.AsyncClient, alice: SignedIn
) -> None:
    assert (await client.delete(URL, headers=alice.bearer)).status_code == 204
    assert await _is_alive(client, alice)
    assert await events(rt, "session.revoked") == []


async def test_each_session_that_ends_is_one_event(
    rt: Runtime, client: httpx.AsyncClient, alice: SignedIn
) -> None:
    one, two, three = [await a_session(rt, alice.user) for _ in range(3)]
    first = await _revoke(client, alice, one.session_id)
    rest = await client.delete(URL, headers=alice.bearer)
    assert {
        row.session_id: (row.subject, row.actor, row.data, row.request_id)
        for row in await events(rt, "session.revoked")
    } == {
        session.session_id: (
            alice.user.id,
            alice.user.id,
            {"reason": "revoked"},
            answer.headers["x-request-id"],
        )
        for session, answer in ((one, first), (two, rest), (three, rest))
    }


async def test_a_refused_revocation_is_no_event(
    rt: Runtime, client: httpx.AsyncClient, alice: SignedIn
) -> None:
    bob = await a_session(rt)
    assert problem(await _revoke(client, alice, bob.session_id)) == NOT_FOUND
    assert await events(rt, "session.revoked") == []


async def test_sessions_that_have_expired_are_not_ended_once_more(
    rt: Runtime, client: httpx.AsyncClient, alice: SignedIn, clock: OwnedClock
) -> None:
    clock.advance(days=90)
    fresh = await a_session(rt, alice.user)
    assert problem(await _revoke(client, fresh, alice.session_id)) == NOT_FOUND
    assert (await client.delete(URL, headers=fresh.bearer)).status_code == 204
    assert await events(rt, "session.revoked") == []


@pytest.mark.parametrize("url", [URL, f"{URL}/ses_00000000000000000000000000"])
async def test_revoking_needs_a_bearer(client: httpx.AsyncClient, url: str) -> None:
    assert problem(await client.delete(url)) == (401, "missing-token")
    invalid = await client.delete(url, headers={"Authorization": "Bearer nonsense"})
    assert problem(invalid) == (401, "invalid-token")


async def test_a_revoked_session_revokes_nothing(
    rt: Runtime, client: httpx.AsyncClient, alice: SignedIn
) -> None:
    phone = await a_session(rt, alice.user)
    await _revoke(client, alice, phone.session_id)
    assert problem(await client.delete(URL, headers=phone.bearer)) == (401, "invalid-token")
    refused = await _revoke(client, phone, alice.session_id)
    assert problem(refused) == (401, "invalid-token")
    assert await _is_alive(client, alice)
