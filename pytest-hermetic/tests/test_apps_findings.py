"""What the example services found wrong: the smallest suite that shows each fault."""

from __future__ import annotations

import shutil

import pytest
from lean import lean

pytest_plugins = ["pytester"]

INI = """
[pytest]
hermetic = true
asyncio_mode = auto
asyncio_default_fixture_loop_scope = function
filterwarnings = error
"""


@pytest.fixture
def suite(pytester: pytest.Pytester):
    """Run a test module inside, with the plugin on: `suite(source, *ini lines)`."""

    def run(source: str, *ini: str) -> pytest.RunResult:
        pytester.makeini("\n".join([INI, *ini]))
        pytester.makepyfile(source)
        return pytester.runpytest_subprocess(*lean(source, *ini))

    return run


def test_blmove_waits(suite):
    suite(
        """
        import asyncio
        import redis
        import redis.asyncio

        async def test_a_worker_waits_for_an_element():
            client = redis.asyncio.Redis(host="queue")
            moved = asyncio.create_task(client.blmove("from", "to", 60, "RIGHT", "LEFT"))
            await asyncio.sleep(0.05)
            assert not moved.done()
            await client.lpush("from", "element")
            assert await asyncio.wait_for(moved, 60) == b"element"
            await client.aclose()

        def test_a_sync_worker_gives_up_after_its_timeout():
            import time
            started = time.perf_counter()
            with redis.Redis(host="queue") as client:
                assert client.blmove("from", "to", 0.2, "RIGHT", "LEFT") is None
            assert time.perf_counter() - started >= 0.15
        """
    ).assert_outcomes(passed=2)


def test_client_info_names_the_database(suite):
    suite(
        """
        import redis

        def test_it():
            with redis.Redis.from_url("redis://cache/3") as client:
                assert client.client_info()["db"] == 3
                client.select(5)
                assert client.client_info()["db"] == 5
        """
    ).assert_outcomes(passed=1)


def test_pool_options_are_accepted(suite):
    suite(
        """
        import pytest
        from sqlalchemy import create_engine, text
        from sqlalchemy.ext.asyncio import create_async_engine

        OPTIONS = {
            "pool_pre_ping": True,
            "pool_recycle": 300,
            "pool_reset_on_return": "rollback",
            "pool_logging_name": "main",
            "pool_size": 3,
            "max_overflow": 2,
            "pool_timeout": 5,
            "pool_use_lifo": True,
        }

        def test_a_sync_engine():
            with create_engine("sqlite:///app.db", **OPTIONS).connect() as connection:
                assert connection.scalar(text("select 1")) == 1

        async def test_an_async_engine():
            engine = create_async_engine("sqlite+aiosqlite:///app.db", **OPTIONS)
            async with engine.connect() as connection:
                assert await connection.scalar(text("select 1")) == 1

        def test_an_unknown_option_is_refused_as_ever():
            with pytest.raises(TypeError, match="pool_colour"):
                create_engine("sqlite:///app.db", pool_colour="red")
        """
    ).assert_outcomes(passed=3)


def test_the_clock_freezes_here(suite):
    suite(
        """
        import time

        def test_it(hermetic):
            hermetic.clock.freeze()
            frozen = time.time()
            time.sleep(0.01)
            assert time.time() == frozen
        """
    ).assert_outcomes(passed=1)


@pytest.mark.parametrize("url", ["sqlite+aiosqlite:///app.db", "postgresql+asyncpg://db/app"])
def test_two_running_loops_share_an_engine_with_pre_ping(suite, url):
    suite(
        f"""
        import anyio.from_thread
        import pytest
        from sqlalchemy import text
        from sqlalchemy.ext.asyncio import create_async_engine

        engine = create_async_engine("{url}", pool_pre_ping=True)

        async def ask():
            async with engine.connect() as connection:
                return await connection.scalar(text("select 1"))

        @pytest.mark.parametrize("_round", range(3))
        async def test_the_loop_of_the_test_and_one_in_a_thread(_round):
            with anyio.from_thread.start_blocking_portal() as portal:
                for _ in range(5):
                    assert portal.call(ask) == 1
                    assert await ask() == 1
        """
    ).assert_outcomes(passed=3)


@pytest.mark.parametrize("name", ["REDIS_URL", "QUEUE_URL"])
def test_the_first_test_may_prepare_keys(suite, name):
    suite(
        f"""
        import os
        import pytest
        import redis

        service = redis.Redis.from_url(os.environ["{name}"])

        @pytest.mark.parametrize("_round", range(2))
        def test_it(hermetic, _round):
            hermetic.redis.client().set("flag", "on")
            assert service.get("flag") == b"on"
        """,
        f"hermetic_env = {name}=redis://redis.internal:6380/0",
    ).assert_outcomes(passed=2)


@pytest.mark.skipif(shutil.which("redis-server") is None, reason="no redis-server on the PATH")
def test_a_global_client_outlives_tests_on_a_real_server(suite):
    suite(
        """
        import asyncio
        import pytest
        import redis
        import redis.asyncio

        client = redis.asyncio.from_url("redis://cache/3")
        sync_client = redis.from_url("redis://cache/3")

        @pytest.mark.parametrize("_round", range(10))
        async def test_in_the_loop_of_the_test(_round):
            assert await client.incr("n") == 1

        @pytest.mark.parametrize("_round", range(10))
        def test_in_a_loop_of_its_own(_round):
            async def twice():
                return [await client.incr("n") for _ in range(2)]
            assert asyncio.run(twice()) == [1, 2]

        @pytest.mark.parametrize("_round", range(10))
        def test_without_a_loop(_round):
            assert sync_client.incr("n") == 1
        """,
        "hermetic_redis = server",
    ).assert_outcomes(passed=30)


@pytest.mark.skipif(shutil.which("redis-server") is None, reason="no redis-server on the PATH")
def test_the_part_follows_the_clock_on_a_real_server(suite):
    suite(
        """
        import redis

        def test_it(hermetic):
            with redis.Redis(host="cache") as client:
                client.set("short", 1, ex=60)
                client.set("long", 1, ex=3600)
            hermetic.clock.advance(minutes=2)
            assert hermetic.redis.keys() == ["long"]
            assert hermetic.redis.dump() == {"long": b"1"}
        """,
        "hermetic_redis = server",
    ).assert_outcomes(passed=1)
