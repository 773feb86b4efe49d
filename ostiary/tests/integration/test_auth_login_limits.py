"""Signing in too often: the budgets of `http-api.md`, and how they recover."""

import asyncio
from typing import Any

import httpx
import pytest
from clock import OwnedClock
from conftest import ClientAt
from factories import PASSWORD, a_session, a_suspended_user, a_user, events, problem

from ostiary.runtime import Runtime

SIGNIN = "/api/v1/auth/signin"
WRONG = "not the password"
LIMITED = (429, "too-many-requests")
REFUSED = (401, "invalid-credentials")


async def _sign_in(
    client: httpx.AsyncClient, password: str = PASSWORD, **who: object
) -> httpx.Response:
    body = {"email": "alice@example.com", "password": password, **who}
    if "username" in who:
        del body["email"]
    return await client.post(SIGNIN, json=body)


async def _fail(client: httpx.AsyncClient, times: int = 5, **who: Any) -> None:
    for _ in range(times):
        assert problem(await _sign_in(client, WRONG, **who)) == REFUSED


async def test_five_failures_shut_an_account_even_to_the_right_password(
    rt: Runtime, client: httpx.AsyncClient
) -> None:
    await a_user(rt, "alice@example.com")
    await _fail(client)
    answer = await _sign_in(client)
    assert problem(answer) == LIMITED
    assert answer.headers["retry-after"] == "900"


async def test_a_limited_account_recovers_after_the_time_it_was_told(
    rt: Runtime, client: httpx.AsyncClient, clock: OwnedClock
) -> None:
    await a_user(rt, "alice@example.com")
    await _fail(client)
    clock.advance(seconds=100)
    told = int((await _sign_in(client)).headers["retry-after"])
    assert told == 800
    clock.advance(seconds=told - 1)
    assert problem(await _sign_in(client)) == LIMITED
    clock.advance(seconds=1)
    assert (await _sign_in(client)).status_code == 200


async def test_each_failure_is_forgotten_when_its_own_window_is_over(
    rt: Runtime, client: httpx.AsyncClient, clock: OwnedClock
) -> None:
    await a_user(rt, "alice@example.com")
    for _ in range(5):
        await _fail(client, 1)
        clock.advance(minutes=3)
    # The first failure is 15 minutes old, the others are not: one attempt is free, no more.
    await _fail(client, 1)
    answer = await _sign_in(client, WRONG)
    assert problem(answer) == LIMITED
    assert answer.headers["retry-after"] == "180"


async def test_refused_attempts_do_not_prolong_the_wait(
    rt: Runtime, client: httpx.AsyncClient, clock: OwnedClock
) -> None:
    await a_user(rt, "alice@example.com")
    await _fail(client)
    for _ in range(10):
        clock.advance(seconds=89)
        assert problem(await _sign_in(client)) == LIMITED
    clock.advance(seconds=10)
    assert (await _sign_in(client)).status_code == 200


async def test_successes_count_for_nothing(rt: Runtime, client: httpx.AsyncClient) -> None:
    await a_user(rt, "alice@example.com")
    await _fail(client, 4)
    for _ in range(7):
        assert (await _sign_in(client)).status_code == 200
    await _fail(client, 1)
    assert problem(await _sign_in(client, WRONG)) == LIMITED


async def test_every_spelling_of_an_address_shares_one_budget(
    rt: Runtime, client: httpx.AsyncClient
) -> None:
    await a_user(rt, "alice@bücher.example")
    spellings = ("alice@bücher.example", "ALICE@BÜCHER.example", "Alice@xn--bcher-kva.example")
    for spelling in (*spellings, *spellings[:2]):
        await _fail(client, 1, email=spelling)
    for spelling in spellings:
        assert problem(await _sign_in(client, email=spelling)) == LIMITED


async def test_every_spelling_of_a_user_name_shares_one_budget(
    rt: Runtime, client: httpx.AsyncClient
) -> None:
    await a_user(rt, username="alice")
    for spelling in ("alice", "ALICE", " Alice ", "aLICE", "alicE"):
        await _fail(client, 1, username=spelling)
    assert problem(await _sign_in(client, username="alice")) == LIMITED


@pytest.mark.parametrize("who", [{"email": "nobody@example.com"}, {"username": "nobody"}])
async def test_an_unknown_account_is_limited_like_a_known_one(
    client: httpx.AsyncClient, who: dict[str, Any]
) -> None:
    await _fail(client, **who)
    answer = await _sign_in(client, **who)
    assert problem(answer) == LIMITED
    assert answer.headers["retry-after"] == "900"


async def test_a_suspended_account_is_limited_like_any_other(
    rt: Runtime, client: httpx.AsyncClient
) -> None:
    await a_suspended_user(rt, "alice@example.com")
    for _ in range(5):
        assert problem(await _sign_in(client)) == REFUSED
    assert problem(await _sign_in(client)) == LIMITED


async def test_one_account_s_failures_shut_no_other(rt: Runtime, client: httpx.AsyncClient) -> None:
    await a_user(rt, "alice@example.com")
    await a_user(rt, "bob@example.com")
    await _fail(client)
    assert (await _sign_in(client, email="bob@example.com")).status_code == 200


async def test_failures_from_anywhere_count_against_the_account(
    rt: Runtime, client_at: ClientAt
) -> None:
    await a_user(rt, "alice@example.com")
    for number in range(5):
        await _fail(client_at(f"203.0.113.{number}"), 1)
    assert problem(await _sign_in(client_at("203.0.113.9"))) == LIMITED


async def test_a_known_device_has_attempts_of_its_own(
    rt: Runtime, client: httpx.AsyncClient
) -> None:
    alice = await a_session(rt, await a_user(rt, "alice@example.com"))
    await _fail(client)
    assert problem(await _sign_in(client)) == LIMITED
    answer = await _sign_in(client, device_token=alice.device_token)
    assert answer.status_code == 200
    assert answer.json()["device_token"] is None


async def test_a_known_device_is_limited_too(rt: Runtime, client: httpx.AsyncClient) -> None:
    alice = await a_session(rt, await a_user(rt, "alice@example.com"))
    await _fail(client, device_token=alice.device_token)
    assert problem(await _sign_in(client, device_token=alice.device_token)) == LIMITED
    # Whoever holds the device locks nobody out elsewhere.
    assert (await _sign_in(client)).status_code == 200


@pytest.mark.settings(limits={"signin_attempts": 3})
async def test_an_address_that_tries_too_often_is_refused_whoever_it_tries(
    rt: Runtime, client_at: ClientAt, clock: OwnedClock
) -> None:
    await a_user(rt, "alice@example.com")
    here, elsewhere = client_at("203.0.113.7"), client_at("203.0.113.8")
    for number in range(3):
        await _fail(here, 1, email=f"user{number}@example.com")
    answer = await _sign_in(here)
    assert problem(answer) == LIMITED
    assert answer.headers["retry-after"] == "900"
    assert (await _sign_in(elsewhere)).status_code == 200
    clock.advance(minutes=15)
    assert (await _sign_in(here)).status_code == 200


@pytest.mark.settings(limits={"signin_attempts": 3})
async def test_successes_count_against_an_address(rt: Runtime, client: httpx.AsyncClient) -> None:
    await a_user(rt, "alice@example.com")
    for _ in range(3):
        assert (await _sign_in(client)).status_code == 200
    assert problem(await _sign_in(client)) == LIMITED


async def test_a_used_up_budget_is_logged_once_a_window(
    rt: Runtime, client: httpx.AsyncClient, clock: OwnedClock
) -> None:
    await _fail(client)
    for _ in range(3):
        assert problem(await _sign_in(client)) == LIMITED
    assert [row.data for row in await events(rt, "signin.limited")] == [
        {"budget": "signin-account"}
    ]
    clock.advance(minutes=15)
    await _fail(client)
    assert problem(await _sign_in(client)) == LIMITED
    assert len(await events(rt, "signin.limited")) == 2


@pytest.mark.settings(
    hashing={"memory_kib": 32_768, "iterations": 2, "threads": 1, "max_wait": 0.001}
)
async def test_an_attempt_that_was_never_checked_is_no_failure(
    rt: Runtime, client: httpx.AsyncClient
) -> None:
    await a_user(rt, "alice@example.com")
    # Nobody waits for a thread here: of four at once, one is checked.
    answers = [
        answer
        for _ in range(2)
        for answer in await asyncio.gather(*(_sign_in(client, WRONG) for _ in range(4)))
    ]
    busy = [answer for answer in answers if answer.status_code != 401]
    assert len(busy) >= 4
    assert {problem(answer) for answer in busy} == {(503, "unavailable")}
    assert all(int(answer.headers["retry-after"]) >= 1 for answer in busy)
    assert (await _sign_in(client)).status_code == 200
