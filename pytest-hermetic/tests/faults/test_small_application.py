"""A small shop under faults: its tests are green on the sound shop and red on each careless one."""

from __future__ import annotations

import pytest

pytest_plugins = ["pytester"]

SHOP = """
import redis.asyncio
from redis.backoff import NoBackoff
from redis.retry import Retry
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import create_async_engine

limits = redis.asyncio.Redis.from_url(
    "redis://limits.internal/0", socket_timeout=30, retry=Retry(NoBackoff(), 0)
)
engine = create_async_engine("sqlite+aiosqlite:///shop.db")

async def create():
    async with engine.begin() as connection:
        await connection.execute(text("create table stock (left_over integer)"))
        await connection.execute(text("insert into stock values (5)"))
        await connection.execute(text("create table payment (order_id text unique)"))

async def may_try(user):
    # Five attempts a minute, and none while nobody counts.
    try:
        async with limits.pipeline(transaction=True) as pipeline:
            count, _ = await pipeline.incr(f"tries:{user}").expire(f"tries:{user}", 60).execute()
    except redis.exceptions.RedisError:
        return False
    return count <= 5

async def buy():
    # Another buyer may be in the way: try again, three times in all.
    for attempt in range(3):
        try:
            async with engine.begin() as connection:
                await connection.execute(text("update stock set left_over = left_over - 1"))
                return True
        except DBAPIError as error:
            if "locked" not in str(error):
                raise
    return False

async def pay(order):
    # The confirmation may be lost: the order is paid once, however often it is asked for.
    for attempt in range(2):
        try:
            async with engine.begin() as connection:
                await connection.execute(
                    text("insert into payment values (:order) on conflict do nothing"),
                    {"order": order},
                )
            return
        except DBAPIError as error:
            if not error.connection_invalidated:
                raise
"""

TESTS = """
import pytest
import shop

@pytest.fixture(autouse=True)
async def tables():
    await shop.create()

@pytest.mark.fault("redis", "down")
async def test_the_limit_holds_when_redis_is_down():
    assert not await shop.may_try("ann")

@pytest.mark.fault("redis", "timeout", lost="answer")
async def test_the_limit_holds_when_redis_does_not_answer():
    assert not await shop.may_try("ann")

@pytest.mark.fault("redis", "oom", after=3)
async def test_the_limit_holds_when_redis_is_full():
    tries = [await shop.may_try("ann") for _ in range(5)]
    assert tries == [True] * 3 + [False] * 2

@pytest.mark.fault("sql", "serialization", statements="update stock", times=2)
async def test_a_conflict_is_tried_again(hermetic):
    assert await shop.buy()
    assert hermetic.sql.rows("stock") == [{"left_over": 4}]

@pytest.mark.fault("sql", "serialization", at="commit", times=1)
async def test_a_conflict_at_the_commit_is_tried_again(hermetic):
    assert await shop.buy()
    assert hermetic.sql.rows("stock") == [{"left_over": 4}]

@pytest.mark.parametrize("lost", ["request", "answer"])
async def test_a_lost_commit_is_paid_once(hermetic, lost):
    with hermetic.faults.sql("disconnect", at="commit", lost=lost, times=1):
        await shop.pay("o-1")
    assert hermetic.sql.rows("payment") == [{"order_id": "o-1"}]

async def test_wherever_redis_breaks_off_no_try_is_given_away(hermetic):
    for after in range(20):
        with hermetic.faults.redis("cut", after=after, times=1, unused="allow") as fault:
            given = await shop.may_try(f"user-{after}")
        assert given is not bool(fault.fired)
        if not fault.fired:
            break
    assert after == 4  # MULTI, INCR, EXPIRE, EXEC
"""

CARELESS = {
    "sound": ((), 0),
    "fails open": (
        ("        return False\n    return count", "        return True\n    return count"),
        4,
    ),
    "no retry": (("range(3)", "range(1)"), 2),
    "pays twice": (("on conflict do nothing", ""), 1),
}


@pytest.mark.parametrize("shop", CARELESS)
def test_faults_tell_a_sound_shop_from_a_careless_one(suite, shop):
    change, failing = CARELESS[shop]
    source = SHOP.replace(*change) if change else SHOP
    if shop == "pays twice":
        source = source.replace("order_id text unique", "order_id text")
    outcome = suite(TESTS, files={"shop.py": source})
    outcome.assert_outcomes(passed=8 - failing, failed=failing)
