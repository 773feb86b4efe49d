"""Keys and values as services use them, on clients made at import time."""

import os

import pytest
import redis
from service import PROTOCOL, URL, async_client, raw_client, sync_client


def test_the_environment_is_the_one_asked_for():
    wanted = os.environ.get("BEHAVIOURS_VERSION")
    assert wanted is None or redis.__version__.startswith(wanted)
    parser = os.environ.get("BEHAVIOURS_PARSER")
    connection = sync_client.connection_pool.make_connection()
    connection.connect()
    present = type(connection._parser).__name__
    connection.disconnect()
    if parser == "hiredis":
        assert "Hiredis" in present
    elif parser == "python":
        assert present == f"_RESP{PROTOCOL}Parser"


@pytest.mark.parametrize("turn", range(4))
def test_every_test_starts_empty(turn):
    assert sync_client.dbsize() == 0
    assert sync_client.script_exists("e0e1f9fabfc9d4800c877a703b823ac0578ff8db") == [False]
    sync_client.set("left", "behind")
    sync_client.eval("return 1", 0)


def test_values_come_back():
    assert sync_client.set("k", "v") is True
    assert sync_client.get("k") == "v"
    assert sync_client.get("nothing") is None
    assert sync_client.exists("k", "nothing") == 1


async def test_values_come_back_async():
    assert await async_client.set("k", "v") is True
    assert await async_client.get("k") == "v"
    assert await async_client.delete("k") == 1


def test_bytes_are_safe():
    data = bytes(range(256)) + b"\r\n$5\r\n*3\r\n"
    raw_client.set("k", data)
    assert raw_client.get("k") == data


async def test_sync_and_async_clients_share_the_server():
    await async_client.set("k", "from async")
    assert sync_client.get("k") == "from async"


@pytest.mark.parametrize("size", [70_000, 3_000_000])
async def test_large_values(size):
    value = "x" * size
    sync_client.set("sync", value)
    await async_client.set("async", value)
    assert sync_client.get("async") == value
    assert await async_client.get("sync") == value
    assert await async_client.mget("sync", "async") == [value, value]


def test_collections():
    assert sync_client.hset("h", mapping={"a": "1", "b": "2"}) == 2
    assert sync_client.hgetall("h") == {"a": "1", "b": "2"}
    assert sync_client.rpush("l", "a", "b", "c") == 3
    assert sync_client.lrange("l", 0, -1) == ["a", "b", "c"]
    assert sync_client.sadd("s", "a", "b") == 2
    assert set(sync_client.smembers("s")) == {"a", "b"}
    assert sync_client.zadd("z", {"a": 1, "b": 2.5}) == 2
    assert [tuple(pair) for pair in sync_client.zrange("z", 0, -1, withscores=True)] == [
        ("a", 1.0),
        ("b", 2.5),
    ]
    assert sync_client.zscore("z", "b") == 2.5


def test_counters_and_floats():
    assert sync_client.incr("n") == 1
    assert sync_client.incrby("n", 41) == 42
    assert float(sync_client.incrbyfloat("f", 0.1)) == 0.1
    assert float(sync_client.hincrbyfloat("h", "f", 5.1)) == 5.1
    assert sync_client.get("f") == "0.1"


def test_iterations():
    sync_client.mset({f"user:{number}": number for number in range(50)})
    assert len(set(sync_client.scan_iter(match="user:*", count=7))) == 50
    sync_client.hset("h", mapping={f"f{number}": number for number in range(30)})
    assert len(dict(sync_client.hscan_iter("h"))) == 30


def test_errors_have_their_classes():
    sync_client.set("k", "text")
    with pytest.raises(redis.ResponseError, match="WRONGTYPE"):
        sync_client.lpush("k", "x")
    with pytest.raises(redis.ResponseError, match="not an integer"):
        sync_client.incr("k")
    with pytest.raises(redis.exceptions.NoScriptError):
        sync_client.evalsha("f" * 40, 0)
    with pytest.raises(redis.ResponseError, match="unknown command 'NOSUCH'"):
        sync_client.execute_command("NOSUCH")


def test_questions_to_the_server():
    info = sync_client.info()
    assert info["redis_version"].startswith("7.")
    assert info["role"] == "master"
    assert sync_client.config_get("maxmemory") == {"maxmemory": "0"}
    assert sync_client.config_set("maxmemory-policy", "allkeys-lru")
    assert sync_client.role()[0] == "master"
    assert sync_client.wait(0, 1) == 0
    sync_client.set("k", 1)
    assert sync_client.object("encoding", "k") == "int"
    assert sync_client.touch("k") == 1
    assert sync_client.memory_usage("k") > 0
    assert sync_client.info("keyspace")["db0"]["keys"] == 1


def test_a_connection_about_itself():
    client = redis.Redis.from_url(
        URL, client_name="worker", protocol=PROTOCOL, decode_responses=True
    )
    assert client.client_getname() == "worker"
    names = {entry["name"] for entry in client.client_list()}
    assert "worker" in names
    assert client.client_info()["resp"] == str(PROTOCOL) or client.client_info()["resp"] == PROTOCOL
    client.close()


def test_nothing_reaches_the_network(hermetic):
    sync_client.ping()
    assert hermetic.redis.servers == ["cache.internal:6379"] or hermetic.redis.servers == []
    assert "PING" in [str(command) for command in hermetic.redis.commands]
