"""What is a retry and what is a theft: reuse, wrong clients, and both in parallel."""

import asyncio

import httpx
import pytest
from clock import OwnedClock
from factories import SignedIn, a_session, an_origin, events, problem
from sqlalchemy import func, select

from ostiary.runtime import Runtime
from ostiary.sessions.tables import Family, RefreshToken, Session
from ostiary.sessions.tokens import InvalidRefreshToken, rotate

URL = "/api/v1/auth/refresh"
REFUSED = (401, "invalid-refresh-token")


@pytest.fixture
async def alice(rt: Runtime) -> SignedIn:
    """Somebody with a session."""
    return await a_session(rt)


async def _refresh(client: httpx.AsyncClient, token: str) -> httpx.Response:
    return await client.post(URL, json={"refresh_token": token})


async def _is_alive(client: httpx.AsyncClient, access_token: str) -> bool:
    headers = {"Authorization": f"Bearer {access_token}"}
    return (await client.get("/api/v1/auth/me", headers=headers)).status_code == 200


async def _live(rt: Runtime) -> int:
    """How many refresh tokens somebody could use at this moment."""
    statement = (
        select(func.count())
        .select_from(RefreshToken)
        .join(Family, Family.id == RefreshToken.family_id)
        .join(Session, Session.id == Family.session_id)
        .where(
            RefreshToken.used_at.is_(None),
            RefreshToken.expires_at > rt.clock.now(),
            Family.revoked_at.is_(None),
            Session.revoked_at.is_(None),
        )
    )
    async with rt.db.read() as connection:
        return await connection.scalar(statement) or 0


async def test_the_predecessor_of_a_used_successor_is_a_theft_even_within_the_window(
    rt: Runtime, client: httpx.AsyncClient, alice: SignedIn
) -> None:
    second = (await _refresh(client, alice.tokens.refresh_token)).json()
    third = (await _refresh(client, second["refresh_token"])).json()
    assert problem(await _refresh(client, alice.tokens.refresh_token)) == REFUSED
    # Whichever of the two was the thief: both are out.
    assert problem(await _refresh(client, third["refresh_token"])) == REFUSED
    assert not await _is_alive(client, third["access_token"])
    assert await _live(rt) == 0


async def test_a_theft_is_one_event_however_often_the_thief_comes_back(
    rt: Runtime, client: httpx.AsyncClient, alice: SignedIn, clock: OwnedClock
) -> None:
    await _refresh(client, alice.tokens.refresh_token)
    clock.advance(seconds=10)
    answers = [await _refresh(client, alice.tokens.refresh_token) for _ in range(3)]
    assert [problem(answer) for answer in answers] == [REFUSED] * 3
    [event] = await events(rt, "token.reuse_detected")
    assert (event.subject, event.session_id) == (alice.user.id, alice.session_id)
    assert event.request_id == answers[0].headers["x-request-id"]


async def test_a_refusal_does_not_tell_a_theft_from_nonsense(
    client: httpx.AsyncClient, alice: SignedIn, clock: OwnedClock
) -> None:
    await _refresh(client, alice.tokens.refresh_token)
    clock.advance(seconds=10)
    theft = await _refresh(client, alice.tokens.refresh_token)
    nonsense = await _refresh(client, "nonsense")
    assert problem(theft) == REFUSED
    assert {**theft.json(), "request_id": None} == {**nonsense.json(), "request_id": None}
    assert theft.headers.keys() == nonsense.headers.keys()


async def test_a_used_token_is_remembered_for_as_long_as_the_session_lives(
    client: httpx.AsyncClient, alice: SignedIn, clock: OwnedClock
) -> None:
    token = alice.tokens.refresh_token
    for _ in range(3):
        clock.advance(days=25)
        token = (await _refresh(client, token)).json()["refresh_token"]
    # It would have expired 45 days ago; that somebody still has it is no less of a theft.
    assert problem(await _refresh(client, alice.tokens.refresh_token)) == REFUSED
    assert problem(await _refresh(client, token)) == REFUSED


async def test_a_retry_gives_the_same_refresh_token_and_a_new_access_token(
    rt: Runtime, client: httpx.AsyncClient, alice: SignedIn, clock: OwnedClock
) -> None:
    first = (await _refresh(client, alice.tokens.refresh_token)).json()
    clock.advance(seconds=9)
    again = await _refresh(client, alice.tokens.refresh_token)
    assert again.status_code == 200
    assert again.json()["refresh_token"] == first["refresh_token"]
    assert again.json()["access_token"] != first["access_token"]
    [event] = await events(rt, "token.retried")
    assert event.request_id == again.headers["x-request-id"]
    assert (await _refresh(client, first["refresh_token"])).status_code == 200


@pytest.mark.settings(refresh={"retry_window": 60})
async def test_the_window_is_a_setting(
    client: httpx.AsyncClient, alice: SignedIn, clock: OwnedClock
) -> None:
    await _refresh(client, alice.tokens.refresh_token)
    clock.advance(seconds=59)
    assert (await _refresh(client, alice.tokens.refresh_token)).status_code == 200
    clock.advance(seconds=1)
    assert problem(await _refresh(client, alice.tokens.refresh_token)) == REFUSED


async def test_another_client_s_presentation_is_refused_and_uses_nothing_up(
    rt: Runtime, client: httpx.AsyncClient, alice: SignedIn
) -> None:
    token = alice.tokens.refresh_token
    with pytest.raises(InvalidRefreshToken):
        await rotate(rt, token, client_id="another", origin=an_origin())
    second = await _refresh(client, token)
    assert second.status_code == 200
    # Nor may it retry for the right client, or end its session by reuse.
    with pytest.raises(InvalidRefreshToken):
        await rotate(rt, token, client_id="another", origin=an_origin())
    assert await events(rt, "token.retried", "token.reuse_detected") == []
    assert (await _refresh(client, second.json()["refresh_token"])).status_code == 200


async def test_parallel_retries_and_a_use_of_the_successor_leave_one_live_token_at_most(
    rt: Runtime, client: httpx.AsyncClient
) -> None:
    for place in range(4):
        before = await _live(rt)
        who = await a_session(rt)
        first = (await _refresh(client, who.tokens.refresh_token)).json()
        requests = [_refresh(client, who.tokens.refresh_token) for _ in range(3)]
        requests.insert(place, _refresh(client, first["refresh_token"]))
        answers = await asyncio.gather(*requests)
        assert {answer.status_code for answer in answers} <= {200, 401}
        # One where the retries came first, none where one of them came too late.
        assert await _live(rt) - before in (0, 1)


async def test_parallel_presentations_after_the_window_end_the_family_once(
    rt: Runtime, client: httpx.AsyncClient, alice: SignedIn, clock: OwnedClock
) -> None:
    second = (await _refresh(client, alice.tokens.refresh_token)).json()
    clock.advance(seconds=10)
    answers = await asyncio.gather(
        *(_refresh(client, alice.tokens.refresh_token) for _ in range(8))
    )
    assert {problem(answer) for answer in answers} == {REFUSED}
    assert len(await events(rt, "token.reuse_detected")) == 1
    assert problem(await _refresh(client, second["refresh_token"])) == REFUSED


@pytest.mark.settings(refresh={"retry_window": 0})
async def test_without_a_window_parallel_presentations_end_the_family(
    rt: Runtime, client: httpx.AsyncClient, alice: SignedIn
) -> None:
    answers = await asyncio.gather(
        *(_refresh(client, alice.tokens.refresh_token) for _ in range(8))
    )
    [winner] = [answer for answer in answers if answer.is_success]
    assert problem(await _refresh(client, winner.json()["refresh_token"])) == REFUSED
    assert not await _is_alive(client, winner.json()["access_token"])
    assert await _live(rt) == 0


async def test_a_refresh_needs_no_bearer_and_heeds_none(
    client: httpx.AsyncClient, alice: SignedIn
) -> None:
    body = {"refresh_token": alice.tokens.refresh_token}
    headers = {"Authorization": "Bearer nonsense"}
    answer = await client.post(URL, json=body, headers=headers)
    assert await _is_alive(client, answer.json()["access_token"])


async def test_the_refusals_that_every_body_may_get(client: httpx.AsyncClient) -> None:
    assert problem(await client.post(URL, content=b"{}")) == (415, "unsupported-media-type")
    headers = {"Content-Type": "application/json"}
    malformed = await client.post(URL, content=b"{", headers=headers)
    assert problem(malformed) == (400, "malformed-json")
    assert problem(await client.get(URL)) == (405, "method-not-allowed")
