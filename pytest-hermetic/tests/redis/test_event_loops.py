"""A client made at import time, tests with a loop each: what fails on a plain server holds here."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time

import pytest

pytest_plugins = ["pytester"]

pytestmark = pytest.mark.timeout(120)

GLOBAL_CLIENT = """
import asyncio
import os
import pytest
import redis.asyncio
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

# Without retries: redis-py 8 would spend minutes on them where connections are of no use.
client = redis.asyncio.Redis.from_url(os.environ["SERVICE_REDIS"], retry=Retry(NoBackoff(), 0))

@pytest.mark.parametrize("number", range(int(os.environ.get("TESTS", "300"))))
async def test_in_a_loop_of_its_own(number):
    await asyncio.gather(*(client.incr("n") for _ in range(3)))
    assert int(await client.get("n")) >= 3
"""


def test_three_hundred_tests_share_a_client(suite, monkeypatch):
    monkeypatch.setenv("SERVICE_REDIS", "redis://cache.internal:6379/0")
    suite(GLOBAL_CLIENT).assert_outcomes(passed=300)


@pytest.mark.skipif(shutil.which("redis-server") is None, reason="no redis-server on the PATH")
def test_the_same_tests_on_a_plain_server_fail(suite, monkeypatch, tmp_path):
    """The control: without the plugin, connections belong to the loop that opened them."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = subprocess.Popen(
        ["redis-server", "--port", str(port), "--save", "", "--dir", str(tmp_path)],
        stdout=subprocess.DEVNULL,
    )
    try:
        for _ in range(3000):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.02)
        monkeypatch.setenv("SERVICE_REDIS", f"redis://127.0.0.1:{port}/0")
        monkeypatch.setenv("TESTS", "60")
        outcomes = suite(GLOBAL_CLIENT, args=("--no-hermetic", "-W", "ignore")).parseoutcomes()
    finally:
        server.terminate()
        server.wait()
    assert outcomes.get("failed", 0) >= 15, outcomes


@pytest.mark.skipif(shutil.which("redis-server") is None, reason="no redis-server on the PATH")
def test_tests_share_a_client_on_the_server_backend(suite, monkeypatch):
    monkeypatch.setenv("SERVICE_REDIS", "redis://cache.internal:6379/0")
    monkeypatch.setenv("TESTS", "60")
    result = suite(GLOBAL_CLIENT, args=("--hermetic-backend=server",))
    result.assert_outcomes(passed=60)


def test_every_runner_has_the_same_client(suite):
    suite(
        """
        import asyncio
        import unittest
        import anyio
        import pytest
        import redis.asyncio

        client = redis.asyncio.Redis.from_url("redis://cache/0")

        async def test_with_pytest_asyncio():
            assert await client.incr("n") == 1

        @pytest.mark.anyio
        async def test_with_anyio(anyio_backend):
            assert await client.incr("n") == 1

        def test_with_a_loop_of_its_own():
            assert asyncio.run(client.incr("n")) == 1

        class TestWithUnittest(unittest.IsolatedAsyncioTestCase):
            async def test_it(self):
                assert await client.incr("n") == 1

        @pytest.fixture
        def anyio_backend():
            return "asyncio"
        """
    ).assert_outcomes(passed=4)
