"""Redis fails on the wire: on both backends, in both protocols, for sync and async clients."""

from __future__ import annotations

import shutil

import pytest

pytest_plugins = ["pytester"]

BACKENDS = [
    "memory",
    pytest.param(
        "server",
        marks=pytest.mark.skipif(
            shutil.which("redis-server") is None, reason="no redis-server on the PATH"
        ),
    ),
]

CLIENTS = """
import pytest
import redis
import redis.asyncio
import redis.asyncio.retry
from redis.backoff import ConstantBackoff
from redis.retry import Retry

URL = "redis://cache.internal:6379/0"

class Plain:
    Retry = Retry

    def __init__(self, **options):
        self.client = redis.Redis.from_url(URL, **options)

    async def run(self, *command):
        return self.client.execute_command(*command)

    async def leave(self):
        self.client.connection_pool.disconnect()

    async def pipeline(self, *commands, transaction):
        with self.client.pipeline(transaction=transaction) as pipeline:
            for command in commands:
                pipeline.execute_command(*command)
            return pipeline.execute(raise_on_error=False)

class Asynchronous:
    Retry = redis.asyncio.retry.Retry

    def __init__(self, **options):
        self.client = redis.asyncio.Redis.from_url(URL, **options)

    async def run(self, *command):
        return await self.client.execute_command(*command)

    async def leave(self):
        await self.client.connection_pool.disconnect()

    async def pipeline(self, *commands, transaction):
        async with self.client.pipeline(transaction=transaction) as pipeline:
            for command in commands:
                pipeline.execute_command(*command)
            return await pipeline.execute(raise_on_error=False)

def both(timeout, retries):
    return {
        f"{kind.__name__}-{protocol}": kind(
            protocol=protocol,
            socket_timeout=timeout,
            retry=kind.Retry(ConstantBackoff(1000), retries),
        )
        for kind in (Plain, Asynchronous)
        for protocol in (2, 3)
    }

USUAL = both(30, retries=3)
ONCE = both(30, retries=0)
HASTY = both(600, retries=0)
PATIENT = both(None, retries=0)

@pytest.fixture(params=USUAL)
def usual(request):
    return USUAL[request.param]

@pytest.fixture(params=ONCE)
def once(request):
    return ONCE[request.param]

@pytest.fixture(params=HASTY)
def hasty(request):
    return HASTY[request.param]

@pytest.fixture(params=PATIENT)
def patient(request):
    return PATIENT[request.param]
"""

WIRE = """
import asyncio
import time
import pytest
import redis
from clients import hasty, once, patient, usual

async def test_nothing_connects_and_open_connections_break(hermetic, usual):
    await usual.run("SET", "k", "v")
    with hermetic.faults.redis("down") as fault:
        begun = time.time()
        with pytest.raises(redis.ConnectionError):
            await usual.run("GET", "k")
        # Its pauses go by on the clock: nobody waits so long for a test.
        assert time.time() - begun >= 3000
        assert hermetic.redis.keys() == ["k"]  # the test itself sees past it
    assert fault.struck[0] == "GET k"
    assert set(fault.struck[1:]) <= {"connect to cache.internal:6379"}
    assert await usual.run("GET", "k") == b"v"

async def test_only_new_connections_are_refused(hermetic, once):
    await once.run("PING")
    with hermetic.faults.redis("refuse", unused="allow") as fault:
        await once.run("PING")
    assert not fault.fired
    await once.leave()
    with hermetic.faults.redis("refuse", server="redis://cache.internal"):
        with pytest.raises(redis.ConnectionError):
            await once.run("PING")

async def test_connecting_times_out(hermetic, once):
    await once.leave()
    with hermetic.faults.redis("timeout", at="connect"):
        with pytest.raises(redis.TimeoutError):
            await once.run("PING")
    await once.run("PING")

@pytest.mark.parametrize(("lost", "value"), [("request", None), ("answer", b"1")])
async def test_no_answer_comes(hermetic, hasty, lost, value):
    begun = time.time()
    with hermetic.faults.redis("timeout", lost=lost, times=1):
        with pytest.raises(redis.TimeoutError):
            await hasty.run("INCR", "n")
    assert time.time() - begun >= 600  # on the clock: nobody waits so long for a test
    assert await hasty.run("GET", "n") == value

@pytest.mark.parametrize("keep", [0, 1, 4, 5])
async def test_the_connection_breaks_within_an_answer(hermetic, once, keep):
    await once.run("SET", "k", "a long value")
    with hermetic.faults.redis("cut", keep=keep, times=1):
        with pytest.raises(redis.ConnectionError):
            await once.run("GETSET", "k", "other")
    assert await once.run("GET", "k") == b"other"

async def test_the_connection_breaks_before_the_command(hermetic, once):
    with hermetic.faults.redis("cut", lost="request", times=1):
        with pytest.raises(redis.ConnectionError):
            await once.run("SET", "k", "v")
    assert await once.run("GET", "k") is None

async def test_latency_within_the_patience_of_the_client(hermetic, once):
    await once.run("SET", "k", "v", "EX", 60)
    with hermetic.faults.redis("latency", seconds=20, times=2):
        assert await once.run("GET", "k") == b"v"
        assert await once.run("TTL", "k") in range(18, 21)

async def test_latency_beyond_the_patience_of_the_client(hermetic, hasty):
    with hermetic.faults.redis("latency", seconds=601, times=1):
        with pytest.raises(redis.TimeoutError):
            await hasty.run("INCR", "n")
    assert await hasty.run("GET", "n") == b"1"  # it ran, late

async def test_a_client_without_time_out_would_hang(hermetic, patient):
    if isinstance(patient.client, redis.asyncio.Redis):
        with hermetic.faults.redis("timeout", times=1):
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(patient.run("GET", "k"), 0.5)  # its caller has one
    else:
        with hermetic.faults.redis("timeout", times=1):
            with pytest.raises(pytest.fail.Exception, match="no socket_timeout"):
                await patient.run("GET", "k")
    assert await patient.run("GET", "k") is None
"""

ANSWERS = """
import pytest
import redis
from clients import once, usual

ERRORS = {
    "loading": redis.exceptions.BusyLoadingError,
    "readonly": redis.exceptions.ReadOnlyError,
    "oom": redis.exceptions.OutOfMemoryError,
    "busy": redis.exceptions.ResponseError,
    "tryagain": redis.exceptions.TryAgainError,
    "clusterdown": redis.exceptions.ClusterDownError,
    "masterdown": redis.exceptions.MasterDownError,
    "misconf": redis.exceptions.ResponseError,
    "moved": redis.exceptions.MovedError,
}

@pytest.mark.parametrize("kind", ERRORS)
async def test_an_error_in_place_of_the_answer(hermetic, once, kind):
    with hermetic.faults.redis(kind, times=1) as fault:
        with pytest.raises(ERRORS[kind]):
            await once.run("SET", "k", "v")
        await once.run("SET", "k", "w")
    assert fault.fired == 1
    assert await once.run("GET", "k") == b"w"
    sent = [str(command) for command in hermetic.redis.commands]
    assert [text for text in sent if text.startswith("SET")] == ["SET k v", "SET k w"]

async def test_an_error_of_the_tests_own_words(hermetic, once):
    with hermetic.faults.redis("error", text="NOPERM no permission", commands=["get"]):
        await once.run("SET", "k", "v")
        with pytest.raises(redis.exceptions.NoPermissionError):
            await once.run("GET", "k")

async def test_reading_goes_on_where_writing_is_refused(hermetic, once):
    await once.run("SET", "k", "v")
    with hermetic.faults.redis("readonly"):
        assert await once.run("GET", "k") == b"v"
        with pytest.raises(redis.exceptions.ReadOnlyError):
            await once.run("DEL", "k")
        with pytest.raises(redis.exceptions.ReadOnlyError):
            await once.run("EVAL", "return redis.call('del', KEYS[1])", 1, "k")

async def test_a_script_is_gone_once(hermetic, usual):
    script = usual.client.register_script("return redis.call('incr', KEYS[1])")
    async def run():
        answer = script(keys=["n"])
        return answer if isinstance(answer, int) else await answer
    assert await run() == 1
    with hermetic.faults.redis("noscript", times=1):
        assert await run() == 2  # the client loads it again

async def test_only_some_keys(hermetic, once):
    with hermetic.faults.redis("oom", keys="limit:*"):
        await once.run("SET", "session:1", "v")
        with pytest.raises(redis.exceptions.OutOfMemoryError):
            await once.run("MSET", "other", 1, "limit:1", 1)

async def test_a_pipeline_keeps_its_order(hermetic, once):
    with hermetic.faults.redis("oom", commands="SET", times=1):
        one, refused, three, four = await once.pipeline(
            ("RPUSH", "l", "a"), ("SET", "k", "v"), ("LRANGE", "l", 0, -1), ("SET", "k", "w"),
            transaction=False,
        )
    assert (one, three) == (1, [b"a"])
    assert isinstance(refused, redis.exceptions.OutOfMemoryError)
    assert await once.run("GET", "k") == b"w"

async def test_an_error_spoils_the_transaction(hermetic, once):
    with hermetic.faults.redis("oom", commands="SET", times=1):
        with pytest.raises(redis.exceptions.OutOfMemoryError):
            await once.pipeline(("INCR", "n"), ("SET", "k", "v"), transaction=True)
    assert await once.run("GET", "n") is None

async def test_the_handshake_passes_uncounted(hermetic, once):
    await once.leave()
    with hermetic.faults.redis("loading", after=1):
        await once.run("GET", "k")
        with pytest.raises(redis.exceptions.BusyLoadingError):
            await once.run("GET", "k")
"""


@pytest.mark.parametrize("backend", BACKENDS)
def test_what_befalls_the_wire(suite, backend):
    outcome = suite(WIRE, f"hermetic_redis = {backend}", files={"clients.py": CLIENTS})
    outcome.assert_outcomes(passed=4 * 13)


@pytest.mark.parametrize("backend", BACKENDS)
def test_what_the_server_answers(suite, backend):
    outcome = suite(ANSWERS, f"hermetic_redis = {backend}", files={"clients.py": CLIENTS})
    outcome.assert_outcomes(passed=4 * 16)
