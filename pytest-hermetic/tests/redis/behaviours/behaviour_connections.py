"""Where clients connect to, and that loops, threads and lost connections do not matter."""

import asyncio
import threading

import pytest
import redis
import redis.asyncio
from service import PROTOCOL, async_client, sync_client

blocking_pool = redis.asyncio.BlockingConnectionPool.from_url(
    "redis://cache.internal:6379/0", max_connections=2, timeout=60, protocol=PROTOCOL
)
pooled_client = redis.asyncio.Redis(connection_pool=blocking_pool)


def client(url, **options):
    return redis.Redis.from_url(url, protocol=PROTOCOL, decode_responses=True, **options)


def test_two_urls_are_two_servers():
    one, two = client("redis://one:6379/0"), client("redis://two:6379/0")
    one.set("k", "1")
    assert two.get("k") is None
    assert client("redis://one:6379/0").get("k") == "1"
    assert client("redis://one:6380/0").get("k") is None


def test_one_server_has_many_names():
    client("redis://localhost:7777/0").set("k", "v")
    assert client("redis://127.0.0.1:7777/0").get("k") == "v"


def test_databases_are_apart():
    client("redis://one/0").set("k", "zero")
    three = client("redis://one/3")
    assert three.get("k") is None
    three.set("k", "three")
    assert client("redis://one/0").get("k") == "zero"
    assert three.client_info()["db"] in (3, "3")


@pytest.mark.parametrize(
    "url",
    [
        "redis://user:secret@cache:6379/0",
        "redis://:secret@cache:6379/0",
        "rediss://user:secret@cache:6380/0",
        "unix:///run/redis/redis.sock?db=2",
    ],
)
async def test_every_kind_of_url(url):
    protocol = PROTOCOL
    if url.startswith("unix:") and redis.__version__.startswith("7.1."):
        protocol = 2  # redis-py 7.1 asks a unix socket for its host in RESP3, and raises
    sync = redis.Redis.from_url(url, protocol=protocol, decode_responses=True)
    assert sync.set("k", "v")
    other = redis.asyncio.Redis.from_url(url, protocol=protocol, decode_responses=True)
    assert await other.get("k") == "v"
    await (other.aclose() if hasattr(other, "aclose") else other.close())


def test_passwords_count_once_they_are_set():
    sync_client.config_set("requirepass", "secret")
    with pytest.raises(redis.exceptions.AuthenticationError):
        client("redis://cache.internal:6379/0").get("k")
    with pytest.raises(redis.exceptions.AuthenticationError):
        client("redis://:wrong@cache.internal:6379/0").get("k")
    assert client("redis://:secret@cache.internal:6379/0").set("k", "v")


@pytest.mark.parametrize("turn", range(5))
async def test_a_global_client_serves_every_loop(turn):
    await asyncio.gather(*(async_client.incr("n") for _ in range(20)))
    assert await async_client.get("n") == "20"


@pytest.mark.parametrize("turn", range(3))
async def test_a_contended_blocking_pool_serves_every_loop(turn):
    replies = await asyncio.gather(*(pooled_client.incr("n") for _ in range(30)))
    assert sorted(replies) == list(range(1, 31))


def test_one_client_in_several_loops_of_one_test():
    async def work():
        await async_client.incr("n")
        return await async_client.get("n")

    assert [asyncio.run(work()) for _ in range(3)] == ["1", "2", "3"]


async def test_one_client_in_two_loops_at_once():
    """What TestClient does: the application runs on a loop of its own, in a thread."""
    results = []

    def other_loop():
        async def work():
            for _ in range(50):
                await async_client.incr("n")
            return await async_client.get("theirs")

        results.append(asyncio.run(work()))

    await async_client.set("theirs", "seen")
    thread = threading.Thread(target=other_loop)
    thread.start()
    for _ in range(50):
        await async_client.incr("n")
        await asyncio.sleep(0)
    await asyncio.to_thread(thread.join)
    assert results == ["seen"]
    assert await async_client.get("n") == "100"


def test_threads_share_a_client():
    def work():
        for _ in range(100):
            sync_client.incr("n")

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sync_client.get("n") == "800"


def test_a_killed_connection_is_opened_anew():
    victim = client("redis://cache.internal:6379/0", client_name="victim")
    victim.set("k", "v")
    (entry,) = [one for one in sync_client.client_list() if one["name"] == "victim"]
    assert sync_client.client_kill_filter(_id=entry["id"]) == 1
    assert victim.get("k") == "v"


async def test_a_closed_pool_opens_again():
    await async_client.set("k", "v")
    await async_client.connection_pool.disconnect()
    assert await async_client.get("k") == "v"
    sync_client.connection_pool.disconnect()
    assert sync_client.get("k") == "v"


async def test_a_single_connection_client():
    single = redis.asyncio.Redis.from_url(
        "redis://cache.internal:6379/0", protocol=PROTOCOL, single_connection_client=True
    )
    async with single:
        replies = await asyncio.gather(*(single.incr("n") for _ in range(10)))
    assert sorted(replies) == list(range(1, 11))


def test_health_checks_pass():
    checked = client("redis://cache.internal:6379/0", health_check_interval=1)
    checked.set("k", "v")
    for connection in checked.connection_pool._available_connections:
        connection.next_health_check = 0
    assert checked.get("k") == "v"


def test_a_read_timeout_is_the_clients():
    impatient = client("redis://cache.internal:6379/0", socket_timeout=0.05)
    with pytest.raises(redis.exceptions.TimeoutError):
        impatient.blpop("queue", timeout=60)


def test_a_credential_provider_is_asked():
    asked = []

    class Provider(redis.CredentialProvider):
        def get_credentials(self):
            asked.append(1)
            return ("user", "secret")

    own = redis.Redis(
        host="cache", credential_provider=Provider(), protocol=PROTOCOL, decode_responses=True
    )
    assert own.set("k", "v")
    assert asked


def test_the_clock_moves_lifetimes(hermetic):
    sync_client.set("session", "s", ex=900)
    sync_client.set("forever", "f")
    hermetic.clock.advance(seconds=899)
    assert sync_client.ttl("session") == 1
    hermetic.clock.advance(seconds=2)
    assert sync_client.get("session") is None
    assert sync_client.keys("*") == ["forever"]
    assert hermetic.redis.keys() == ["forever"]


def test_looking_into_the_server(hermetic):
    sync_client.set("s", "v")
    sync_client.rpush("l", "a", "b")
    sync_client.hset("h", "f", "v")
    client("redis://other:6379/5").sadd("t", "m")
    assert hermetic.redis.keys() == ["h", "l", "s", "t"]
    assert hermetic.redis.keys("[hl]") == ["h", "l"]
    assert hermetic.redis.keys(server="redis://other:6379") == ["t"]
    assert hermetic.redis.dump() == {
        "s": b"v",
        "l": [b"a", b"b"],
        "h": {b"f": b"v"},
        "t": {b"m"},
    }
    assert "SET s v" in [str(command) for command in hermetic.redis.commands]
    hermetic.redis.flush()
    assert hermetic.redis.keys() == []
