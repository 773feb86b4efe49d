"""Budgets mean the same on the embedded store, on a real Redis, and while Redis is away."""

import asyncio
import os
from collections.abc import AsyncIterator

import pytest
from clock import OwnedClock

from ostiary.kernel.limits import Budget, Claim, Limiter
from ostiary.kernel.problems import TooManyRequests
from ostiary.kernel.redis import open_redis
from ostiary.kernel.vault import Vault

# Nothing listens on port 1 of this machine.
STORES = {"embedded": "memory://", "away": "redis://127.0.0.1:1"}
if "TEST_REDIS_URL" in os.environ:
    STORES["real"] = ""  # this test process's own, see `redis_url`

THREE = Budget("three", 3, 60)
ALICE = Claim(THREE, "alice@example.com")


@pytest.fixture(params=STORES)
async def limits(
    request: pytest.FixtureRequest, redis_url: str, clock: OwnedClock
) -> AsyncIterator[Limiter]:
    redis = open_redis(STORES[request.param] or redis_url)
    yield Limiter(redis, clock, Vault([bytes(32)]), max_keys=100)
    await redis.aclose()


async def _refusal(limits: Limiter, claim: Claim = ALICE) -> TooManyRequests:
    with pytest.raises(TooManyRequests) as caught:
        await limits.spend(claim)
    return caught.value


async def test_a_budget_is_good_for_exactly_its_count(limits: Limiter) -> None:
    for _ in range(3):
        await limits.spend(ALICE)
    assert (await _refusal(limits)).headers == {"Retry-After": "60"}


async def test_subjects_and_budgets_are_counted_apart(limits: Limiter) -> None:
    for _ in range(3):
        await limits.spend(ALICE)
    await limits.spend(Claim(THREE, "bob@example.com"))
    await limits.spend(Claim(Budget("other", 3, 60), ALICE.subject))
    await _refusal(limits)


async def test_the_window_slides_from_attempt_to_attempt(
    limits: Limiter, clock: OwnedClock
) -> None:
    for _ in range(3):
        await limits.spend(ALICE)
        clock.advance(seconds=20)
    await limits.spend(ALICE)
    await _refusal(limits)
    clock.advance(seconds=19)
    await _refusal(limits)
    clock.advance(seconds=1)
    await limits.spend(ALICE)
    await _refusal(limits)


@pytest.mark.parametrize("start", [0, 1e-6, 0.1, 0.25, 0.333333, 0.999999])
async def test_who_waits_as_long_as_told_gets_through_and_nobody_sooner(
    limits: Limiter, clock: OwnedClock, start: float
) -> None:
    clock.advance(seconds=start)
    for _ in range(3):
        await limits.spend(ALICE)
    clock.advance(seconds=12.5)
    told = int((await _refusal(limits)).headers["Retry-After"])
    assert told == 48
    clock.advance(seconds=told - 1)
    assert (await _refusal(limits)).headers == {"Retry-After": "1"}
    clock.advance(seconds=1)
    await limits.spend(ALICE)


async def test_a_window_ends_on_the_very_instant(limits: Limiter, clock: OwnedClock) -> None:
    clock.advance(microseconds=7)
    for _ in range(3):
        await limits.spend(ALICE)
    clock.advance(seconds=60, microseconds=-10)
    await _refusal(limits)
    clock.advance(microseconds=10)
    await limits.spend(ALICE)


async def test_refused_attempts_are_not_counted(limits: Limiter, clock: OwnedClock) -> None:
    for _ in range(3):
        await limits.spend(ALICE)
    for _ in range(19):
        clock.advance(seconds=3)
        await _refusal(limits)
    clock.advance(seconds=3)
    for _ in range(3):
        await limits.spend(ALICE)


async def test_a_refund_gives_one_attempt_back(limits: Limiter) -> None:
    spent = [await limits.spend(ALICE) for _ in range(3)]
    await limits.refund(spent[0])
    await limits.refund(spent[0])
    await limits.spend(ALICE)
    await _refusal(limits)


async def test_the_first_refusal_of_a_window_is_marked_and_no_other(
    limits: Limiter, clock: OwnedClock
) -> None:
    for _ in range(2):
        for _ in range(3):
            await limits.spend(ALICE)
        assert [(await _refusal(limits)).is_first for _ in range(3)] == [True, False, False]
        clock.advance(seconds=60)


async def test_parallel_attempts_share_one_budget(limits: Limiter) -> None:
    outcomes = await asyncio.gather(
        *(limits.spend(ALICE) for _ in range(50)), return_exceptions=True
    )
    refusals = [one for one in outcomes if isinstance(one, TooManyRequests)]
    assert len(refusals) == 47
    assert sum(one.is_first for one in refusals) == 1


async def test_a_clock_set_back_opens_no_budget(limits: Limiter, clock: OwnedClock) -> None:
    for _ in range(3):
        await limits.spend(ALICE)
    clock.advance(hours=-1)
    await _refusal(limits)
