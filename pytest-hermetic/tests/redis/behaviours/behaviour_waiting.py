"""Pub/sub, blocking commands and streams: what one client waits for and another sends."""

import asyncio
import threading
import time

import pytest
import redis
from service import async_client, sync_client


async def blocked(count=1):
    """Wait until so many clients wait in the server."""
    deadline = time.monotonic() + 30
    while sync_client.info("clients")["blocked_clients"] != count:
        assert time.monotonic() < deadline, sync_client.client_list()
        await asyncio.sleep(0.001)
    # The server knows before the client has done sending, which redis-py does under a wait_for:
    # that of Python 3.11 loses a cancellation that comes just as it ends.
    for _ in range(10):
        await asyncio.sleep(0)


async def subscribed(channel):
    """Wait until the channel has a listener."""
    deadline = time.monotonic() + 30
    while dict(sync_client.pubsub_numsub(channel)) != {channel: 1}:
        assert time.monotonic() < deadline
        await asyncio.sleep(0.001)


def _messages(pubsub, count):
    found = []
    deadline = time.monotonic() + 30
    while len(found) < count and time.monotonic() < deadline:
        message = pubsub.get_message(timeout=1)
        if message is not None:
            found.append(message)
    return found


def test_publish_and_subscribe():
    with sync_client.pubsub() as pubsub:
        pubsub.subscribe("news")
        pubsub.psubscribe("new*")
        kinds = [message["type"] for message in _messages(pubsub, 2)]
        assert kinds == ["subscribe", "psubscribe"]
        assert sync_client.publish("news", "hello") == 2
        got = {message["type"]: message["data"] for message in _messages(pubsub, 2)}
        assert got == {"message": "hello", "pmessage": "hello"}
        assert dict(sync_client.pubsub_numsub("news")) == {"news": 1}
        pubsub.unsubscribe("news")
        assert _messages(pubsub, 1)[0]["type"] == "unsubscribe"
        assert sync_client.publish("other", "nobody") == 0


async def test_publish_and_subscribe_async():
    async with async_client.pubsub() as pubsub:
        await pubsub.subscribe("news")
        assert (await pubsub.get_message(timeout=30))["type"] == "subscribe"

        async def speak():
            await asyncio.sleep(0.01)
            await async_client.publish("news", "hello")

        task = asyncio.create_task(speak())
        assert (await pubsub.get_message(timeout=30))["data"] == "hello"
        await task


async def test_listen_ends_with_the_task():
    heard = []
    complete = asyncio.Event()

    async def listen():
        async with async_client.pubsub() as pubsub:
            await pubsub.subscribe("news")
            async for message in pubsub.listen():
                heard.append(message["data"])
                if len(heard) == 2:
                    complete.set()

    task = asyncio.create_task(listen())
    await subscribed("news")
    await async_client.publish("news", "one")
    await asyncio.wait_for(complete.wait(), 30)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert heard == [1, "one"]


async def test_a_thread_wakes_an_async_subscriber():
    async with async_client.pubsub() as pubsub:
        await pubsub.subscribe("news")
        await pubsub.get_message(timeout=30)
        thread = threading.Timer(0.02, sync_client.publish, ("news", "from a thread"))
        thread.start()
        assert (await pubsub.get_message(timeout=30))["data"] == "from a thread"
        thread.join()


def test_a_subscriber_in_a_thread():
    heard = []
    pubsub = sync_client.pubsub()
    pubsub.subscribe(**{"news": lambda message: heard.append(message["data"])})
    worker = pubsub.run_in_thread(sleep_time=0.01)
    asyncio.run(subscribed("news"))  # else the message may overtake the subscription
    sync_client.publish("news", "hello")
    deadline = time.monotonic() + 30
    while not heard and time.monotonic() < deadline:
        time.sleep(0.005)
    worker.stop()
    worker.join()
    assert heard == ["hello"]


def test_keyspace_events_need_to_be_switched_on():
    with sync_client.pubsub() as pubsub:
        pubsub.psubscribe("__key*__:*")
        _messages(pubsub, 1)
        sync_client.set("quiet", 1)
        assert pubsub.get_message(timeout=0.01) is None
        sync_client.config_set("notify-keyspace-events", "KEA")
        sync_client.set("loud", 1)
        got = [(message["channel"], message["data"]) for message in _messages(pubsub, 2)]
        assert got == [("__keyspace@0__:loud", "set"), ("__keyevent@0__:set", "loud")]


async def test_a_blocking_pop_waits_for_a_push():
    waiting = asyncio.create_task(async_client.blpop("queue", timeout=30))
    await blocked()
    assert not waiting.done()
    await async_client.rpush("queue", "job")
    assert list(await waiting) == ["queue", "job"]


def test_a_blocking_pop_waits_for_a_push_in_a_thread():
    got = []
    thread = threading.Thread(target=lambda: got.append(sync_client.brpop("queue", timeout=30)))
    thread.start()
    asyncio.run(blocked())
    sync_client.lpush("queue", "job")
    thread.join(30)
    assert [list(pair) for pair in got] == [["queue", "job"]]


def test_a_blocking_pop_gives_up():
    started = time.monotonic()
    assert sync_client.blpop("queue", timeout=1) is None
    assert time.monotonic() - started > 0.9


async def test_a_blocking_pop_gives_up_async():
    started = time.monotonic()
    assert await async_client.blpop("queue", timeout=1) is None
    assert time.monotonic() - started > 0.9


async def test_waiters_are_served_in_order():
    first = asyncio.create_task(async_client.blpop("queue", timeout=30))
    await blocked(1)
    second = asyncio.create_task(async_client.blpop("queue", timeout=30))
    await blocked(2)
    await async_client.rpush("queue", "a", "b")
    assert [(await first)[1], (await second)[1]] == ["a", "b"]


async def test_blocking_moves():
    move = asyncio.create_task(async_client.blmove("from", "to", 30, "LEFT", "RIGHT"))
    await blocked()
    await async_client.rpush("from", "job")
    assert await move == "job"
    assert await async_client.lrange("to", 0, -1) == ["job"]
    pop = asyncio.create_task(async_client.bzpopmin("z", timeout=30))
    await blocked()
    await async_client.zadd("z", {"m": 1})
    assert list(await pop) == ["z", "m", 1.0]


async def test_a_cancelled_wait_leaves_a_usable_client():
    waiting = asyncio.create_task(async_client.blpop("queue", timeout=0))
    await blocked()
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    await blocked(0)
    await async_client.rpush("queue", "kept")
    assert await async_client.lrange("queue", 0, -1) == ["kept"]


def test_streams_and_groups():
    sync_client.xadd("s", {"n": 1}, id="1-1")
    sync_client.xadd("s", {"n": 2}, id="1-2")
    sync_client.xgroup_create("s", "g", id="0")
    assert sync_client.xlen("s") == 2
    entries = _entries(sync_client.xreadgroup("g", "worker", {"s": ">"}, count=1))
    assert entries == [("1-1", {"n": "1"})]
    entries = _entries(sync_client.xreadgroup("g", "worker", {"s": ">"}, block=10))
    assert entries == [("1-2", {"n": "2"})]
    assert sync_client.xpending("s", "g")["pending"] == 2
    assert sync_client.xack("s", "g", "1-1") == 1
    claimed = sync_client.xautoclaim("s", "g", "other", min_idle_time=0)
    assert claimed[1] == [("1-2", {"n": "2"})]
    assert not sync_client.xread({"s": "$"}, block=10)
    with pytest.raises(redis.ResponseError, match="BUSYGROUP"):
        sync_client.xgroup_create("s", "g")


async def test_a_stream_reader_waits():
    waiting = asyncio.create_task(async_client.xread({"s": "$"}, block=30_000))
    await blocked()
    await async_client.xadd("s", {"n": 1}, id="5-1")
    assert _entries(await waiting) == [("5-1", {"n": "1"})]


def _entries(reply):
    """The entries of the only stream, whatever shape this version gives them."""
    if isinstance(reply, dict):
        (entries,) = reply.values()
        return [tuple(entry) for entry in (entries[0] if _nested(entries) else entries)]
    ((_, entries),) = reply
    return [tuple(entry) for entry in entries]


def _nested(entries):
    return (
        bool(entries) and isinstance(entries[0], list) and isinstance(entries[0][0], (list, tuple))
    )
