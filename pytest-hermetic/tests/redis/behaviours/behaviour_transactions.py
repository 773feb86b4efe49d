"""Pipelines, MULTI and WATCH, scripts, locks."""

import asyncio

import pytest
import redis
from service import async_client, sync_client


def test_a_pipeline_answers_in_order():
    pipe = sync_client.pipeline(transaction=False)
    pipe.set("a", 1).incr("a").get("nothing").rpush("l", "x", "y").lrange("l", 0, -1)
    assert pipe.execute() == [True, 2, None, 2, ["x", "y"]]


async def test_a_pipeline_answers_in_order_async():
    async with async_client.pipeline(transaction=True) as pipe:
        pipe.set("a", 1)
        pipe.incr("a")
        pipe.hset("h", mapping={"f": "v"})
        pipe.hgetall("h")
        assert await pipe.execute() == [True, 2, 1, {"f": "v"}]


def test_an_error_in_a_transaction_leaves_the_rest():
    pipe = sync_client.pipeline()
    pipe.set("a", "text").lpush("a", "x").set("b", 2)
    replies = pipe.execute(raise_on_error=False)
    assert replies[0] is True
    assert isinstance(replies[1], redis.ResponseError)
    assert sync_client.get("b") == "2"


def test_a_long_pipeline():
    pipe = sync_client.pipeline(transaction=False)
    for number in range(5000):
        pipe.set(f"k{number}", "v" * 100)
    for number in range(5000):
        pipe.get(f"k{number}")
    assert pipe.execute()[5000:] == ["v" * 100] * 5000


def test_watch_notices_another_client():
    sync_client.set("stock", 1)
    pipe = sync_client.pipeline()
    pipe.watch("stock")
    held = int(pipe.get("stock"))
    redis.Redis(connection_pool=sync_client.connection_pool).set("stock", 0)
    pipe.multi()
    pipe.set("stock", held - 1)
    with pytest.raises(redis.WatchError):
        pipe.execute()
    assert sync_client.get("stock") == "0"


async def test_watch_notices_another_client_async():
    async with async_client.pipeline() as pipe:
        await pipe.watch("k")
        await async_client.set("k", "theirs")
        pipe.multi()
        pipe.set("k", "ours")
        with pytest.raises(redis.WatchError):
            await pipe.execute()
    assert await async_client.get("k") == "theirs"


def test_the_transaction_helper_retries():
    attempts = []

    def work(pipe):
        attempts.append(1)
        value = int(pipe.get("n") or 0)
        if len(attempts) == 1:
            sync_client.incr("n")
        pipe.multi()
        pipe.set("n", value + 10)

    sync_client.transaction(work, "n")
    assert len(attempts) == 2
    assert sync_client.get("n") == "11"


def test_scripts():
    script = sync_client.register_script(
        "local c = redis.call('incr', KEYS[1]) "
        "if c == 1 then redis.call('expire', KEYS[1], ARGV[1]) end return {c, 'of', ARGV[2]}"
    )
    assert script(keys=["n"], args=[60, "ten"]) == [1, "of", "ten"]
    assert script(keys=["n"], args=[60, "ten"]) == [2, "of", "ten"]
    assert sync_client.ttl("n") == 60


async def test_scripts_async():
    script = async_client.register_script("return cjson.encode({ok = true, key = KEYS[1]})")
    assert "true" in await script(keys=["k"])
    pipe = async_client.pipeline()
    await script(keys=["a"], client=pipe)
    assert len(await pipe.execute()) == 1


def test_a_bad_script_spoils_nothing():
    for bad in ("x = 1", "return nosuch", "error('x')", "string.rep = nil", "return {"):
        with pytest.raises(redis.ResponseError):
            sync_client.eval(bad, 0)
    assert sync_client.eval("return string.rep('ab', 2)", 0) == "abab"
    assert sync_client.eval("return 1", 0) == 1


@pytest.mark.parametrize("name", ["os", "io", "require", "dofile", "python", "debug", "package"])
def test_scripts_see_no_system(name):
    with pytest.raises(redis.ResponseError, match="nonexistent global variable"):
        sync_client.eval(f"return {name}", 0)


def test_locks_exclude():
    first = sync_client.lock("L", timeout=60)
    second = sync_client.lock("L", timeout=60)
    assert first.acquire(blocking=False)
    assert not second.acquire(blocking=False)
    assert not second.acquire(blocking_timeout=0.05)
    assert first.extend(60)
    first.release()
    assert second.acquire(blocking=False)
    with pytest.raises(redis.exceptions.LockError):
        first.release()


async def test_locks_exclude_async():
    order = []

    async def worker(name):
        async with async_client.lock("L", timeout=60, sleep=0.001):
            order.append(f"{name} in")
            await asyncio.sleep(0.003)
            order.append(f"{name} out")

    await asyncio.gather(worker("a"), worker("b"), worker("c"))
    assert [word.split()[1] for word in order] == ["in", "out"] * 3
