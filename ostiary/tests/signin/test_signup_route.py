"""POST /auth/signup (= /auth/register): its answers, its refusals, its limit, its events."""

import asyncio

import httpx
import pytest
from clock import OwnedClock
from conftest import ClientAt
from factories import PASSWORD, a_user, events, problem, sign_up, signup_body

from ostiary.runtime import Runtime

SIGNUP = "/api/v1/auth/signup"
BOTH = [SIGNUP, "/api/v1/auth/register"]


async def _types(rt: Runtime) -> list[str]:
    return [row.type for row in await events(rt)]


@pytest.mark.parametrize("url", BOTH)
async def test_both_names_answer_with_the_person_and_their_tokens(
    client: httpx.AsyncClient, url: str
) -> None:
    answer = await client.post(url, json=signup_body())
    assert answer.status_code == 201
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-request-id"].startswith("req_")
    body = answer.json()
    assert body.keys() == {"user", "tokens", "device_token"}
    assert body["user"]["email"] == "alice@example.com"
    assert body["device_token"].startswith("ostdt.")
    assert body["tokens"].pop("access_token").count(".") == 2
    assert body["tokens"].pop("refresh_token").startswith("ostrt.")
    assert body["tokens"] == {"token_type": "bearer", "expires_in": 600}


@pytest.mark.parametrize("url", BOTH)
async def test_both_names_refuse_alike(client: httpx.AsyncClient, url: str) -> None:
    await sign_up(client, username="alice")
    taken = await client.post(url, json=signup_body())
    assert problem(taken) == (409, "email-taken")
    assert taken.headers["cache-control"] == "no-store"
    other = signup_body(email="other@example.com", username="alice")
    assert problem(await client.post(url, json=other)) == (409, "username-taken")
    assert problem(await client.post(url, json={})) == (422, "validation")
    assert problem(await client.post(url, content=b"{")) == (415, "unsupported-media-type")
    headers = {"Content-Type": "application/json"}
    malformed = await client.post(url, content=b"{", headers=headers)
    assert problem(malformed) == (400, "malformed-json")
    wrong_method = await client.get(url)
    assert problem(wrong_method) == (405, "method-not-allowed")
    assert wrong_method.headers["allow"] == "POST"


@pytest.mark.parametrize("url", BOTH)
@pytest.mark.settings(signup={"mode": "closed"})
async def test_a_closed_server_signs_nobody_up(
    rt: Runtime, client: httpx.AsyncClient, url: str
) -> None:
    assert problem(await client.post(url, json=signup_body())) == (403, "signup-closed")
    signin = await client.post("/api/v1/auth/signin", json=signup_body())
    assert problem(signin) == (401, "invalid-credentials")
    [event] = await events(rt, "signup.refused")
    assert event.data == {"reason": "signup-closed"}


@pytest.mark.settings(signup={"mode": "closed"})
async def test_a_closed_server_tells_nobody_which_addresses_it_knows(
    rt: Runtime, client: httpx.AsyncClient
) -> None:
    await a_user(rt, "alice@example.com")
    known, unknown = [
        await client.post(SIGNUP, json=signup_body(email=email))
        for email in ("alice@example.com", "nobody@example.com")
    ]
    assert problem(known) == problem(unknown) == (403, "signup-closed")
    assert {**known.json(), "request_id": None} == {**unknown.json(), "request_id": None}


@pytest.mark.parametrize("url", BOTH)
@pytest.mark.settings(signup={"verification": "required"})
async def test_where_verification_is_required_the_answer_holds_no_tokens(
    rt: Runtime, client: httpx.AsyncClient, url: str
) -> None:
    answer = await client.post(url, json=signup_body())
    assert answer.status_code == 201
    assert answer.json().keys() == {"user"}
    assert answer.json()["user"]["email_verified"] is False
    assert answer.json()["user"]["last_sign_in_at"] is None
    assert await _types(rt) == ["user.created"]


async def test_a_sign_up_is_two_events_of_one_request(
    rt: Runtime, client: httpx.AsyncClient
) -> None:
    answer = await client.post(SIGNUP, json=signup_body())
    opened, created = sorted(await events(rt), key=lambda row: str(row.type))
    user_id = answer.json()["user"]["id"]
    assert (created.type, created.subject, created.data) == (
        "user.created",
        user_id,
        {"role": "user"},
    )
    assert (opened.type, opened.subject, opened.actor) == ("session.opened", user_id, user_id)
    assert opened.data == {"amr": ["pwd"], "acr": "aal1", "is_new_device": True}
    for event in (created, opened):
        assert event.request_id == answer.headers["x-request-id"]
        assert event.ip_address == "203.0.113.7"


async def test_a_refused_sign_up_is_one_event_and_nothing_else(
    rt: Runtime, client: httpx.AsyncClient
) -> None:
    await a_user(rt, "alice@example.com", username="alice")
    before = len(await events(rt))
    taken = await client.post(SIGNUP, json=signup_body())
    other = await client.post(SIGNUP, json=signup_body(email="other@example.com", username="Alice"))
    assert len(await events(rt)) == before + 2
    assert {row.request_id: row.data for row in await events(rt, "signup.refused")} == {
        taken.headers["x-request-id"]: {"reason": "email-taken"},
        other.headers["x-request-id"]: {"reason": "username-taken"},
    }


async def test_no_event_holds_what_was_typed(rt: Runtime, client: httpx.AsyncClient) -> None:
    body = signup_body(username="liddell", first_name="Wonderland")
    for _ in range(2):
        await client.post(SIGNUP, json=body)
    logged = repr(await events(rt))
    assert "signup.refused" in logged
    assert not [text for text in body.values() if text in logged]


async def test_ten_sign_ups_an_hour_come_from_one_address(
    rt: Runtime, client_at: ClientAt, clock: OwnedClock
) -> None:
    here, elsewhere = client_at("203.0.113.7"), client_at("203.0.113.8")
    for number in range(10):
        await sign_up(here, email=f"user{number}@example.com")
        clock.advance(minutes=1)
    answer = await here.post(SIGNUP, json=signup_body())
    assert problem(answer) == (429, "too-many-requests")
    assert answer.headers["retry-after"] == "3000"
    again = await here.post(SIGNUP, json=signup_body())
    assert problem(again) == (429, "too-many-requests")
    assert [row.data for row in await events(rt, "signup.limited")] == [
        {"budget": "signup-address"}
    ]
    await sign_up(elsewhere, email="elsewhere@example.com")
    clock.advance(seconds=3000)
    await sign_up(here)


async def test_a_body_that_is_not_acceptable_costs_no_sign_up(client: httpx.AsyncClient) -> None:
    for _ in range(12):
        answer = await client.post(SIGNUP, json=signup_body(password="short"))
        assert problem(answer) == (422, "validation")
    await sign_up(client)


@pytest.mark.settings(
    hashing={"memory_kib": 32_768, "iterations": 2, "threads": 1, "max_wait": 0.001}
)
async def test_a_busy_server_refuses_for_the_moment_and_keeps_nothing(
    rt: Runtime, client: httpx.AsyncClient
) -> None:
    await a_user(rt)
    bodies = [signup_body(email=f"person{number}@example.com") for number in range(4)]
    answers = await asyncio.gather(*(client.post(SIGNUP, json=body) for body in bodies))
    refused = [
        (answer, body) for answer, body in zip(answers, bodies, strict=True) if answer.is_error
    ]
    assert refused
    for answer, body in refused:
        assert problem(answer) == (503, "unavailable")
        assert int(answer.headers["retry-after"]) >= 1
        assert (await client.post(SIGNUP, json=body)).status_code == 201


async def test_a_refused_sign_up_leaves_the_owner_s_session_alone(
    client: httpx.AsyncClient,
) -> None:
    first = await sign_up(client)
    again = await client.post(SIGNUP, json=signup_body(password=f"{PASSWORD} two"))
    assert problem(again) == (409, "email-taken")
    headers = {"Authorization": f"Bearer {first['tokens']['access_token']}"}
    assert (await client.get("/api/v1/auth/me", headers=headers)).status_code == 200
