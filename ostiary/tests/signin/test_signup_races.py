"""Parallel sign-ups: one address and one user name belong to one account, whoever was first."""

import asyncio
from collections import Counter

import httpx
import pytest
from factories import events, problem, signup_body
from sqlalchemy import func, select

from ostiary.runtime import Runtime
from ostiary.users.tables import User

SIGNUP = "/api/v1/auth/signup"
# The limit on sign-ups from one address is not what these tests are about.
pytestmark = pytest.mark.settings(limits={"signups": 1000})


async def _race(client: httpx.AsyncClient, bodies: list[dict[str, str]]) -> list[httpx.Response]:
    return await asyncio.gather(*(client.post(SIGNUP, json=body) for body in bodies))


async def _accounts(rt: Runtime) -> int:
    async with rt.db.read() as connection:
        return await connection.scalar(select(func.count()).select_from(User)) or 0


def _slugs(answers: list[httpx.Response]) -> Counter[str]:
    return Counter(problem(one)[1] if one.is_error else "created" for one in answers)


async def test_twenty_sign_ups_with_one_address_make_one_account(
    rt: Runtime, client: httpx.AsyncClient
) -> None:
    answers = await _race(client, [signup_body()] * 20)
    assert _slugs(answers) == {"created": 1, "email-taken": 19}
    assert await _accounts(rt) == 1
    assert len(await events(rt, "user.created")) == 1
    assert len(await events(rt, "session.opened")) == 1
    assert len(await events(rt, "signup.refused")) == 19


async def test_twenty_spellings_of_one_address_make_one_account(
    rt: Runtime, client: httpx.AsyncClient
) -> None:
    locals_ = ("\u00e9lise", "e\u0301lise", "\u00c9LISE", "E\u0301lise", "\u00e9LISE")
    domains = ("bücher.example", "BÜCHER.example", "xn--bcher-kva.example", "bu\u0308cher.example")
    spellings = [f"{local}@{domain}" for local in locals_ for domain in domains]
    answers = await _race(client, [signup_body(email=one) for one in spellings])
    assert _slugs(answers) == {"created": 1, "email-taken": 19}
    assert await _accounts(rt) == 1


async def test_the_winner_s_password_is_the_one_that_counts(client: httpx.AsyncClient) -> None:
    bodies = [signup_body(password=f"password of number {number}") for number in range(8)]
    answers = await _race(client, bodies)
    winner = next(number for number, one in enumerate(answers) if one.status_code == 201)
    for number in (winner, (winner + 1) % 8, (winner + 2) % 8):
        answer = await client.post("/api/v1/auth/signin", json=bodies[number])
        assert answer.status_code == (200 if number == winner else 401)


async def test_twenty_sign_ups_with_one_user_name_make_one_account(
    rt: Runtime, client: httpx.AsyncClient
) -> None:
    names = ("alice", "ALICE", "Alice", "aLiCe")
    bodies = [
        signup_body(email=f"user{number}@example.com", username=names[number % 4])
        for number in range(20)
    ]
    answers = await _race(client, bodies)
    assert _slugs(answers) == {"created": 1, "username-taken": 19}
    assert await _accounts(rt) == 1


async def test_sign_ups_that_cross_over_make_whole_accounts_or_none(
    rt: Runtime, client: httpx.AsyncClient
) -> None:
    # Four addresses and four user names, every pair of them at once.
    pairs = [(email, name) for email in range(4) for name in range(4)]
    bodies = [
        signup_body(email=f"user{email}@example.com", username=f"user-{name}")
        for email, name in pairs
    ]
    answers = await _race(client, bodies)
    made = [one.json()["user"] for one in answers if one.status_code == 201]
    assert 1 <= len(made) <= 4
    assert len({user["email"] for user in made}) == len(made)
    assert len({user["username"] for user in made}) == len(made)
    assert _slugs(answers).keys() <= {"created", "email-taken", "username-taken"}
    assert await _accounts(rt) == len(made)


async def test_different_people_sign_up_at_the_same_time(
    rt: Runtime, client: httpx.AsyncClient
) -> None:
    bodies = [signup_body(email=f"user{number}@example.com") for number in range(8)]
    answers = await _race(client, bodies)
    assert _slugs(answers) == {"created": 8}
    assert len({one.json()["user"]["id"] for one in answers}) == 8
