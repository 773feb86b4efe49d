"""The protocol as bytes, however they are cut."""

from __future__ import annotations

import asyncio
import random  # noqa: TID251  # the same cuts from the same seed

import pytest

from pytest_hermetic.redis.endpoints import Endpoint, of_url
from pytest_hermetic.redis.loop_free import LoopFreeCondition, LoopFreeLock
from pytest_hermetic.redis.memory import MemoryBackend
from pytest_hermetic.redis.raw import RawClient, pack
from pytest_hermetic.redis.resp import (
    NULL_ARRAY,
    Failure,
    ProtocolError,
    Push,
    RequestReader,
    Status,
    Unordered,
    Verbatim,
    encode,
)

REQUESTS = [
    [b"SET", b"k", b"v" * 70_000],
    [b"GET", b""],
    [b"ECHO", b"\r\n$3\r\n*2\r\n"],
    [b"PING"],
]


@pytest.mark.parametrize("seed", range(20))
def test_requests_survive_every_cut(seed):
    chance = random.Random(seed)
    data = b"".join(pack(*request) for request in REQUESTS * 3)
    reader = RequestReader()
    found = []
    while data:
        size = chance.choice([1, 2, 3, 7, 100, 5000, 100_000])
        piece, data = data[:size], data[size:]
        found += list(reader.feed(piece))
    assert found == REQUESTS * 3


def test_inline_requests_are_read():
    assert list(RequestReader().feed(b"PING\r\nSET k v\r\n")) == [[b"PING"], [b"SET", b"k", b"v"]]


@pytest.mark.parametrize("data", [b"*1\r\n:1\r\n", b"*x\r\n", b"*1\r\n$-5\r\n"])
def test_nonsense_is_refused(data):
    with pytest.raises(ProtocolError):
        list(RequestReader().feed(data))


@pytest.mark.parametrize(
    ("value", "two", "three"),
    [
        (None, b"$-1\r\n", b"_\r\n"),
        (NULL_ARRAY, b"*-1\r\n", b"_\r\n"),
        (Status(b"OK"), b"+OK\r\n", b"+OK\r\n"),
        (Failure("ERR a\r\nb"), b"-ERR a  b\r\n", b"-ERR a  b\r\n"),
        (True, b":1\r\n", b"#t\r\n"),
        (1.5, b"$3\r\n1.5\r\n", b",1.5\r\n"),
        (3.2, b"$18\r\n3.2000000000000002\r\n", b",3.2000000000000002\r\n"),
        (float("-inf"), b"$4\r\n-inf\r\n", b",-inf\r\n"),
        ({b"a": 1}, b"*2\r\n$1\r\na\r\n:1\r\n", b"%1\r\n$1\r\na\r\n:1\r\n"),
        (Unordered([b"a"]), b"*1\r\n$1\r\na\r\n", b"~1\r\n$1\r\na\r\n"),
        (Push([b"a"]), b"*1\r\n$1\r\na\r\n", b">1\r\n$1\r\na\r\n"),
        (Verbatim(b"hi"), b"$2\r\nhi\r\n", b"=6\r\ntxt:hi\r\n"),
    ],
)
def test_replies_in_both_protocols(value, two, three):
    assert encode(value, 2) == two
    assert encode(value, 3) == three


def test_a_protocol_error_closes_the_connection():
    backend = MemoryBackend((7, 0, 15), lambda *_: None)
    client = RawClient(backend.link(Endpoint()).unseen())
    client._sock.sendall(b"*1\r\n:1\r\n")
    assert client.read().value == "ERR Protocol error: expected '$', got ':'"
    with pytest.raises(ConnectionError):
        client.read()
    client.close()


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("redis://127.0.0.1/0", "localhost:6379"),
        ("redis://user:pw@Cache.Internal:6380/3", "cache.internal:6380"),
        ("rediss://[::1]:7000", "localhost:7000"),
        ("unix:///run/my%20redis.sock?db=1", "/run/my redis.sock"),
    ],
)
def test_urls_name_servers(url, name):
    assert str(of_url(url)) == name


def test_a_lock_goes_to_the_next_loop():
    lock = LoopFreeLock()
    order = []

    async def contend(name):
        async with lock:
            order.append(name)
            await asyncio.sleep(0)

    async def both():
        await asyncio.gather(contend("a"), contend("b"))

    asyncio.run(both())
    asyncio.run(both())
    assert order == ["a", "b", "a", "b"]
    assert not lock.locked()


async def test_a_cancelled_waiter_does_not_keep_the_lock():
    lock = LoopFreeLock()
    await lock.acquire()
    waiting = asyncio.create_task(lock.acquire())
    await asyncio.sleep(0)
    lock.release()
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    await asyncio.sleep(0)
    assert not lock.locked()


async def test_a_condition_wakes_who_waits():
    condition = LoopFreeCondition()
    ready = []

    async def wait():
        async with condition:
            await condition.wait_for(lambda: ready)
            return ready[0]

    waiting = asyncio.create_task(wait())
    await asyncio.sleep(0)
    async with condition:
        ready.append("yes")
        condition.notify_all()
    assert await waiting == "yes"
