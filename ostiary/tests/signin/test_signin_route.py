"""POST /auth/signin (= /auth/login): both names, its refusals, known devices, its events."""

import asyncio
from typing import Any

import httpx
import pytest
from clock import OwnedClock
from factories import (
    SignedIn,
    a_session,
    a_suspended_user,
    a_user,
    events,
    problem,
    signup_body,
)

from ostiary.kernel import tokens
from ostiary.runtime import Runtime

SIGNIN = "/api/v1/auth/signin"
BOTH = [SIGNIN, "/api/v1/auth/login"]


@pytest.fixture
async def alice(rt: Runtime) -> SignedIn:
    """Somebody who has signed in once, on a device that is known since."""
    return await a_session(rt, await a_user(rt, "alice@example.com", username="alice"))


async def _sign_in(client: httpx.AsyncClient, url: str = SIGNIN, **changes: Any) -> httpx.Response:
    return await client.post(url, json=signup_body(**changes))


@pytest.mark.parametrize("url", BOTH)
async def test_both_names_let_the_right_password_in(
    client: httpx.AsyncClient, alice: SignedIn, url: str
) -> None:
    answer = await _sign_in(client, url)
    assert answer.status_code == 200
    assert answer.json().keys() == {"user", "tokens", "device_token"}
    assert answer.json()["user"]["id"] == alice.user.id


@pytest.mark.parametrize("url", BOTH)
async def test_both_names_refuse_alike(
    client: httpx.AsyncClient, alice: SignedIn, url: str
) -> None:
    wrong = await _sign_in(client, url, password="wrong")
    assert problem(wrong) == (401, "invalid-credentials")
    assert wrong.headers["www-authenticate"] == 'Bearer realm="ostiary"'
    assert problem(await client.post(url, json={})) == (422, "validation")
    assert problem(await client.post(url, content=b"{")) == (415, "unsupported-media-type")
    headers = {"Content-Type": "application/json"}
    malformed = await client.post(url, content=b"{", headers=headers)
    assert problem(malformed) == (400, "malformed-json")
    assert problem(await client.get(url)) == (405, "method-not-allowed")


async def test_both_names_share_their_budgets(client: httpx.AsyncClient, alice: SignedIn) -> None:
    for number in range(5):
        wrong = await _sign_in(client, BOTH[number % 2], password="wrong")
        assert problem(wrong) == (401, "invalid-credentials")
    for url in BOTH:
        limited = await _sign_in(client, url)
        assert problem(limited) == (429, "too-many-requests")
        assert limited.headers["retry-after"] == "900"


async def test_a_first_sign_in_makes_the_device_known(
    client: httpx.AsyncClient, alice: SignedIn
) -> None:
    first = (await _sign_in(client)).json()["device_token"]
    assert first != alice.device_token
    again = await _sign_in(client, device_token=first)
    assert again.status_code == 200
    assert again.json()["device_token"] is None


async def test_a_device_is_known_for_one_person_only(
    rt: Runtime, client: httpx.AsyncClient, alice: SignedIn
) -> None:
    await a_user(rt, "bob@example.com")
    answer = await _sign_in(client, email="bob@example.com", device_token=alice.device_token)
    assert answer.status_code == 200
    assert answer.json()["device_token"] not in (None, alice.device_token)


@pytest.mark.parametrize("token", ["", "unknown", "ostdt.dev_00000000000000000000000000.short"])
async def test_an_unknown_device_token_is_as_good_as_none(
    client: httpx.AsyncClient, alice: SignedIn, token: str
) -> None:
    answer = await _sign_in(client, device_token=token)
    assert answer.status_code == 200
    assert answer.json()["device_token"].startswith("ostdt.")


async def test_a_device_token_needs_its_secret(client: httpx.AsyncClient, alice: SignedIn) -> None:
    known = str(alice.device_token).split(".")[1]
    answer = await _sign_in(client, device_token=str(tokens.new_token("ostdt", known)))
    assert answer.json()["device_token"] is not None


async def test_a_device_token_signs_nobody_in(client: httpx.AsyncClient, alice: SignedIn) -> None:
    answer = await _sign_in(client, password="wrong", device_token=alice.device_token)
    assert problem(answer) == (401, "invalid-credentials")


async def test_a_sign_in_is_one_event(
    rt: Runtime, client: httpx.AsyncClient, alice: SignedIn
) -> None:
    before = len(await events(rt))
    answer = await _sign_in(client, device_token=alice.device_token)
    assert len(await events(rt)) == before + 1
    opened = [row for row in await events(rt) if row.request_id == answer.headers["x-request-id"]]
    assert [(row.type, row.subject, row.actor, row.data) for row in opened] == [
        (
            "session.opened",
            alice.user.id,
            alice.user.id,
            {"amr": ["pwd"], "acr": "aal1", "is_new_device": False},
        )
    ]
    assert opened[0].ip_address == "203.0.113.7"
    assert opened[0].session_id not in (None, alice.session_id)


async def test_every_refusal_is_one_event_that_tells_the_reason(
    rt: Runtime, client: httpx.AsyncClient, alice: SignedIn
) -> None:
    bob = await a_suspended_user(rt, "bob@example.com")
    before = len(await events(rt))
    attempts: list[tuple[dict[str, Any], str, str | None]] = [
        ({"email": "nobody@example.com"}, "unknown", None),
        ({"password": "wrong"}, "password", alice.user.id),
        ({"email": "bob@example.com"}, "suspended", bob.id),
    ]
    for changes, reason, subject in attempts:
        answer = await _sign_in(client, **changes)
        assert problem(answer) == (401, "invalid-credentials")
        [event] = [
            row for row in await events(rt) if row.request_id == answer.headers["x-request-id"]
        ]
        assert event.type == "signin.failed"
        assert (event.data, event.subject, event.actor) == ({"reason": reason}, subject, None)
    assert len(await events(rt)) == before + 3


@pytest.mark.settings(signup={"verification": "required"})
async def test_an_unverified_address_is_an_event_and_no_session(
    rt: Runtime, client: httpx.AsyncClient
) -> None:
    user = await a_user(rt, "alice@example.com")
    answer = await _sign_in(client)
    assert problem(answer) == (403, "email-unverified")
    assert answer.headers["cache-control"] == "no-store"
    [event] = await events(rt, "signin.failed")
    assert (event.subject, event.data) == (user.id, {"reason": "unverified"})
    assert await events(rt, "session.opened") == []


async def test_no_event_holds_what_was_typed(rt: Runtime, client: httpx.AsyncClient) -> None:
    for body in (
        {"email": "typed@example.com", "password": "typed password"},
        {"username": "typed-name", "password": "typed password"},
    ):
        assert (await client.post(SIGNIN, json=body)).status_code == 401
    logged = repr(await events(rt))
    assert "signin.failed" in logged
    assert "typed" not in logged


async def test_a_device_is_forgotten_when_it_is_not_used_for_a_long_time(
    client: httpx.AsyncClient, alice: SignedIn, clock: OwnedClock
) -> None:
    clock.advance(days=3650)
    answer = await _sign_in(client, device_token=alice.device_token)
    assert answer.json()["device_token"] is not None


async def test_five_people_of_one_account_sign_in_at_once(
    rt: Runtime, client: httpx.AsyncClient, alice: SignedIn
) -> None:
    answers = await asyncio.gather(*(_sign_in(client) for _ in range(5)))
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.json()["tokens"]["refresh_token"] for answer in answers}) == 5
    assert len(await events(rt, "session.opened")) == 6
