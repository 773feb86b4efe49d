"""Passwords are hashed off the event loop, bounded, and alike for people who do not exist."""

import asyncio
from collections.abc import AsyncIterator
from statistics import median
from time import process_time

import httpx
import pytest
from clock import OwnedClock
from conftest import CHEAP
from factories import PASSWORD, a_session, a_user, problem, signup_body
from sqlalchemy import select

from ostiary.app import create_app
from ostiary.authenticators.tables import Authenticator
from ostiary.kernel.hashing import PasswordHasher
from ostiary.kernel.problems import Unavailable
from ostiary.runtime import Runtime, open_runtime
from ostiary.settings import Hashing, Settings

PRODUCTION = Hashing().model_dump()
# Slow enough for everything else to happen meanwhile.
SLOW = {"memory_kib": 65_536, "iterations": 3, "threads": 1, "max_wait": 30.0}
URL = "/api/v1/auth/signin"
BODY = {"email": "alice@example.com", "password": PASSWORD}


@pytest.fixture
async def hasher() -> AsyncIterator[PasswordHasher]:
    hasher = PasswordHasher(memory_kib=64, iterations=1, threads=1, max_wait=1)
    yield hasher
    hasher.close()


async def _secret(rt: Runtime) -> str:
    async with rt.db.read() as connection:
        secret = await connection.scalar(select(Authenticator.secret))
    assert secret
    return str(secret, "ascii")


def _client(rt: Runtime) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(create_app(rt.settings, runtime=rt))
    return httpx.AsyncClient(transport=transport, base_url="http://ostiary.test")


@pytest.mark.settings(hashing=PRODUCTION)
async def test_people_sign_up_and_in_at_the_production_cost(
    rt: Runtime, client: httpx.AsyncClient
) -> None:
    assert (await client.post("/api/v1/auth/signup", json=signup_body())).status_code == 201
    # OWASP's least is m=19456 (19 MiB), t=2, p=1.
    assert (await _secret(rt)).startswith("$argon2id$v=19$m=24576,t=2,p=1$")
    assert (await client.post(URL, json=BODY)).status_code == 200
    wrong = BODY | {"password": PASSWORD + "!"}
    assert problem(await client.post(URL, json=wrong)) == (401, "invalid-credentials")


async def test_only_the_very_password_is_right(hasher: PasswordHasher) -> None:
    encoded = await hasher.hash(PASSWORD)
    assert (await hasher.verify(encoded, PASSWORD)).is_right
    for other in ("", PASSWORD[:-1], PASSWORD + " ", PASSWORD.upper(), PASSWORD + "\0"):
        assert not (await hasher.verify(encoded, other)).is_right


async def test_every_hash_has_a_salt_of_its_own(hasher: PasswordHasher) -> None:
    assert await hasher.hash(PASSWORD) != await hasher.hash(PASSWORD)


async def test_nobody_has_no_password(hasher: PasswordHasher) -> None:
    for password in ("", PASSWORD, "None"):
        assert not (await hasher.verify(None, password)).is_right


async def test_an_older_cost_is_renewed_at_the_next_sign_in_and_only_then(
    settings: Settings, clock: OwnedClock
) -> None:
    async with open_runtime(settings, clock=clock) as rt:
        await a_user(rt, BODY["email"])
        old = await _secret(rt)
    costlier = CHEAP | {"memory_kib": 128, "iterations": 2}
    settings = Settings(**settings.model_dump() | {"hashing": costlier})
    async with open_runtime(settings, clock=clock) as rt, _client(rt) as client:
        wrong = BODY | {"password": "wrong wrong"}
        assert problem(await client.post(URL, json=wrong)) == (401, "invalid-credentials")
        assert await _secret(rt) == old
        assert (await client.post(URL, json=BODY)).status_code == 200
        renewed = await _secret(rt)
        assert renewed.startswith("$argon2id$v=19$m=128,t=2,p=1$")
        assert (await client.post(URL, json=BODY)).status_code == 200
        assert await _secret(rt) == renewed


@pytest.mark.settings(hashing=PRODUCTION)
async def test_an_unknown_person_costs_the_work_of_a_known_one(
    rt: Runtime, client: httpx.AsyncClient
) -> None:
    await a_user(rt, BODY["email"])

    async def work(email: str) -> float:
        before = process_time()  # of every thread, and none of other processes
        body = {"email": email, "password": "wrong wrong"}
        assert problem(await client.post(URL, json=body)) == (401, "invalid-credentials")
        return process_time() - before

    await work("warm@example.com")
    known = [await work(BODY["email"]) for _ in range(5)]
    unknown = [await work("nobody@example.com") for _ in range(5)]
    assert 0.6 < median(unknown) / median(known) < 1.6


@pytest.mark.settings(hashing=SLOW)
async def test_everything_else_answers_while_a_hash_is_computed(
    rt: Runtime, client: httpx.AsyncClient
) -> None:
    signed_in = await a_session(rt, await a_user(rt, BODY["email"]))
    signing_in = [asyncio.create_task(client.post(URL, json=BODY)) for _ in range(3)]
    for _ in range(3):
        me = await client.get("/api/v1/auth/me", headers=signed_in.bearer)
        assert me.json()["id"] == signed_in.user.id
        assert (await client.get("/health/ready")).status_code == 200
    assert not any(task.done() for task in signing_in)
    assert [(await task).status_code for task in signing_in] == [200] * 3


@pytest.mark.settings(
    hashing=PRODUCTION | {"threads": 1, "max_wait": 0.05}, limits={"signin_failures": 1000}
)
async def test_who_would_wait_too_long_is_told_when_to_come_back(
    rt: Runtime, client: httpx.AsyncClient
) -> None:
    signed_in = await a_session(rt, await a_user(rt, BODY["email"]))
    rush = [asyncio.create_task(client.post(URL, json=BODY)) for _ in range(40)]
    me = await client.get("/api/v1/auth/me", headers=signed_in.bearer)
    assert me.status_code == 200
    assert not all(task.done() for task in rush)
    answers = [await task for task in rush]
    refused = [one for one in answers if one.status_code != 200]
    assert refused
    assert len(refused) < 40
    for answer in refused:
        assert problem(answer) == (503, "unavailable")
        assert 1 <= int(answer.headers["Retry-After"]) <= 30
    assert (await client.post(URL, json=BODY)).status_code == 200


async def test_a_rush_on_a_server_that_has_hashed_nothing_yet_is_bounded_too() -> None:
    hasher = PasswordHasher(memory_kib=24_576, iterations=2, threads=1, max_wait=0.1)
    outcomes = await asyncio.gather(
        *(hasher.verify(None, PASSWORD) for _ in range(100)), return_exceptions=True
    )
    hasher.close()
    assert 1 <= len([one for one in outcomes if not isinstance(one, BaseException)]) < 50
    assert {type(one) for one in outcomes if isinstance(one, BaseException)} == {Unavailable}


async def test_who_hangs_up_takes_no_place_from_others(hasher: PasswordHasher) -> None:
    patient = asyncio.create_task(hasher.verify(None, PASSWORD))
    gone = [asyncio.create_task(hasher.verify(None, PASSWORD)) for _ in range(20)]
    await asyncio.sleep(0)
    for task in gone:
        task.cancel()
    await asyncio.gather(*gone, return_exceptions=True)
    assert not (await patient).is_right
    assert all(task.cancelled() for task in gone)
    encoded = await hasher.hash(PASSWORD)
    assert (await hasher.verify(encoded, PASSWORD)).is_right
