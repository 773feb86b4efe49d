"""What a budget keeps, for how long, and how much of it. How it counts: contracts/."""

import asyncio
import hashlib

import httpx
import pytest
from clock import OwnedClock
from factories import PASSWORD, a_user, problem

from ostiary.app import create_app
from ostiary.kernel.limits import Budget, Claim, Limiter
from ostiary.kernel.problems import TooManyRequests
from ostiary.kernel.redis import Redis, open_redis
from ostiary.kernel.vault import Vault
from ostiary.runtime import Runtime, open_runtime
from ostiary.settings import Settings

ONE = Budget("one", 1, 60)
URL = "/api/v1/auth/signin"


async def _stored(redis: Redis) -> str:
    keys = [key async for key in redis.scan_iter()]
    return " ".join([*map(str, keys), *[str(await redis.zrange(key, 0, -1)) for key in keys]])


async def test_nothing_that_somebody_typed_is_stored(
    rt: Runtime, client: httpx.AsyncClient
) -> None:
    await client.post(URL, json={"email": "Alice@Example.com", "password": "wrong wrong"})
    await client.post(URL, json={"username": "alice-in-chains", "password": "wrong wrong"})
    await client.post(URL, json={"email": "no address", "password": "wrong wrong"})
    stored = (await _stored(rt.redis)).lower()
    assert "ostiary:limit:signin-account:" in stored
    for typed in ("alice@example.com", "alice", "no address", "203.0.113.7"):
        assert typed not in stored
        # Nor as a digest that anybody could make from a list of addresses.
        for digest in (hashlib.md5, hashlib.sha1, hashlib.sha256):
            assert digest(typed.encode()).hexdigest()[:16] not in stored


async def test_the_names_of_budgets_depend_on_the_secret_keys(
    redis_url: str, clock: OwnedClock
) -> None:
    redis = open_redis(redis_url)
    for secret in (b"a", b"b"):
        limits = Limiter(redis, clock, Vault([secret * 32]), max_keys=100)
        await limits.spend(Claim(ONE, "alice@example.com"))
    keys = [key async for key in redis.scan_iter()]
    await redis.aclose()
    assert len(keys) == 2


async def test_what_is_stored_ends_with_its_window(rt: Runtime) -> None:
    await rt.limits.spend(Claim(ONE, "alice@example.com"))
    with pytest.raises(TooManyRequests):
        await rt.limits.spend(Claim(ONE, "alice@example.com"))
    spans = [await rt.redis.ttl(key) async for key in rt.redis.scan_iter()]
    assert len(spans) == 2
    assert all(55 <= span <= 61 for span in spans)


async def test_signin_limits_hold_while_redis_is_away(
    settings: Settings, clock: OwnedClock, no_redis: Redis
) -> None:
    async with open_runtime(settings, clock=clock, redis=no_redis) as rt:
        await a_user(rt, "alice@example.com")
        transport = httpx.ASGITransport(create_app(settings, runtime=rt))
        async with httpx.AsyncClient(transport=transport, base_url="http://ostiary.test") as client:
            body = {"email": "alice@example.com", "password": "wrong wrong"}
            for _ in range(5):
                assert problem(await client.post(URL, json=body)) == (401, "invalid-credentials")
            refused = await client.post(URL, json=body | {"password": PASSWORD})
            assert problem(refused) == (429, "too-many-requests")
            clock.advance(seconds=int(refused.headers["Retry-After"]))
            answer = await client.post(URL, json=body | {"password": PASSWORD})
            assert answer.status_code == 200


async def test_a_silent_redis_does_not_cost_every_attempt_its_second(
    silent_redis: Redis, clock: OwnedClock
) -> None:
    limits = Limiter(silent_redis, clock, Vault([bytes(32)]), max_keys=100)
    five = Budget("five", 5, 60)
    async with asyncio.timeout(10):
        for _ in range(5):
            await limits.refund(await limits.spend(Claim(five, "alice@example.com")))
            await limits.spend(Claim(five, "alice@example.com"))
        with pytest.raises(TooManyRequests):
            await limits.spend(Claim(five, "alice@example.com"))


async def test_memory_is_bounded_while_redis_is_away(no_redis: Redis, clock: OwnedClock) -> None:
    limits = Limiter(no_redis, clock, Vault([bytes(32)]), max_keys=100)
    for number in range(100):
        await limits.spend(Claim(ONE, f"user{number}@example.com"))
    with pytest.raises(TooManyRequests):  # this takes two places: the budget, and that it was told
        await limits.spend(Claim(ONE, "user0@example.com"))
    await limits.spend(Claim(ONE, "one-too-many@example.com"))
    # The budgets not touched for longest are gone, the others stand.
    await limits.spend(Claim(ONE, "user1@example.com"))
    for kept in ("user0@example.com", "user99@example.com", "one-too-many@example.com"):
        with pytest.raises(TooManyRequests):
            await limits.spend(Claim(ONE, kept))
