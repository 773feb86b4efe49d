"""Clients are redirected whenever they were made, and only while the plugin says so."""

from __future__ import annotations

pytest_plugins = ["pytester"]

EARLY = """
import redis
import redis.asyncio

client = redis.Redis.from_url("redis://before-the-plugin:6379/0")
pool = redis.asyncio.BlockingConnectionPool.from_url(
    "redis://before-the-plugin:6379/0", max_connections=1
)
async_client = redis.asyncio.Redis(connection_pool=pool)
"""


def test_clients_made_before_the_plugin(suite, pytester, monkeypatch):
    folder = pytester.mkdir("early")
    (folder / "sitecustomize.py").write_text(EARLY)
    monkeypatch.setenv("PYTHONPATH", str(folder))
    suite(
        """
        import asyncio
        import pytest
        import sitecustomize

        @pytest.mark.parametrize("turn", range(3))
        async def test_they_meet_the_private_server(turn):
            assert sitecustomize.client.dbsize() == 0
            client = sitecustomize.async_client
            await asyncio.gather(*(client.incr("n") for _ in range(10)))
            assert sitecustomize.client.get("n") == b"10"
        """
    ).assert_outcomes(passed=3)


def test_a_test_may_ask_for_the_real_thing(suite):
    suite(
        """
        import pytest
        import redis

        client = redis.Redis(host="127.0.0.1", port=1, socket_connect_timeout=1, retry=None)

        def test_redirected():
            assert client.ping()

        @pytest.mark.hermetic_off("redis", "network")
        def test_really_connecting():
            other = redis.Redis(host="127.0.0.1", port=1, socket_connect_timeout=1)
            with pytest.raises(redis.exceptions.ConnectionError):
                other.ping()

        def test_redirected_again():
            assert client.ping()
        """,
        args=("-p", "no:randomly"),
    ).assert_outcomes(passed=3)


def test_a_fakeredis_beside_us_stays_what_it_is(suite):
    suite(
        """
        import fakeredis
        import redis

        def test_both():
            ours = redis.Redis(host="cache")
            theirs = fakeredis.FakeRedis()
            ours.set("k", "ours")
            assert theirs.get("k") is None
            assert theirs.set("k", "theirs")
            assert theirs.eval("return 1", 0) == 1
            assert ours.get("k") == b"ours"
        """,
        args=("-W", "ignore"),  # its connections are closed by the collector
    ).assert_outcomes(passed=1)


def test_one_test_on_a_real_server(suite):
    import shutil

    import pytest

    if shutil.which("redis-server") is None:
        pytest.skip("no redis-server on the PATH")
    suite(
        """
        import pytest
        import redis

        client = redis.Redis.from_url("redis://cache/0")

        def test_in_memory():
            client.set("k", "v")
            assert client.info()["executable"] == "/redis-server"

        @pytest.mark.hermetic(redis="server")
        def test_on_a_server():
            assert client.dbsize() == 0
            assert client.info()["executable"] != "/redis-server"
            client.set("k", "v")

        def test_in_memory_again():
            assert client.dbsize() == 0
            assert client.info()["executable"] == "/redis-server"
        """,
        args=("-p", "no:randomly"),
    ).assert_outcomes(passed=3)
