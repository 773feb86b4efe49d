"""valkey-py has the same layers as redis-py, and meets the same servers."""

import asyncio

import pytest
import valkey
import valkey.asyncio
from behaviour_waiting import blocked
from service import PROTOCOL, sync_client

URL = "valkey://cache.internal:6379/0"
sync_valkey = valkey.Valkey.from_url(URL, protocol=PROTOCOL, decode_responses=True)
async_valkey = valkey.asyncio.Valkey.from_url(URL, protocol=PROTOCOL, decode_responses=True)


def test_values_come_back():
    assert sync_valkey.set("k", "v")
    assert sync_valkey.get("k") == "v"
    assert sync_client.get("k") == "v"


@pytest.mark.parametrize("turn", range(2))
async def test_a_global_client_serves_every_loop(turn):
    assert await async_valkey.dbsize() == 0
    await asyncio.gather(*(async_valkey.incr("n") for _ in range(10)))
    async with async_valkey.pipeline(transaction=True) as pipe:
        pipe.get("n")
        pipe.eval("return KEYS[1]", 1, "k")
        assert await pipe.execute() == ["10", "k"]


async def test_waiting_and_listening():
    waiting = asyncio.create_task(async_valkey.blpop("queue", timeout=30))
    await blocked()
    sync_valkey.rpush("queue", "job")
    assert list(await waiting) == ["queue", "job"]
    async with async_valkey.pubsub() as pubsub:
        await pubsub.subscribe("news")
        await pubsub.get_message(timeout=30)
        await async_valkey.publish("news", "hello")
        assert (await pubsub.get_message(timeout=30))["data"] == "hello"
    with pytest.raises(valkey.ResponseError, match="WRONGTYPE"):
        sync_valkey.set("k", "v") and sync_valkey.lpush("k", "x")
