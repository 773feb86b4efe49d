"""Limiters and caches really work in each test, and carry nothing into the next."""

from __future__ import annotations

pytest_plugins = ["pytester"]


def test_a_limit_is_met_and_recovered_from_in_every_test(suite) -> None:
    suite(
        """
        import pytest
        from slowapi import Limiter, _rate_limit_exceeded_handler
        from slowapi.errors import RateLimitExceeded
        from slowapi.util import get_remote_address
        from fastapi import FastAPI, Request

        limiter = Limiter(key_func=get_remote_address)
        app = FastAPI()
        app.state.limiter = limiter
        app.add_exception_handler(RateLimitExceeded, _rate_limit_exceeded_handler)

        @app.get("/")
        @limiter.limit("3/minute")
        def read(request: Request): return "ok"

        @pytest.mark.parametrize("i", range(5))
        async def test_it(i, hermetic, hermetic_client):
            codes = [(await hermetic_client.get("/")).status_code for _ in range(4)]
            assert codes == [200, 200, 200, 429]
            hermetic.clock.advance(minutes=1)
            assert (await hermetic_client.get("/")).status_code == 200
        """,
        "hermetic_app = test_inside:app",
    ).assert_outcomes(passed=5)


def test_stores_begin_empty_however_old_they_are(suite) -> None:
    suite(
        """
        import asyncio, pytest, limits.storage, limits.aio.storage, limits.strategies
        import limits.aio.strategies, cachetools, early
        from cachetools import TTLCache, LRUCache, cached
        from limits import parse

        LIMIT = parse("2/minute")
        moving = limits.strategies.MovingWindowRateLimiter(limits.storage.MemoryStorage())
        windows = limits.strategies.SlidingWindowCounterRateLimiter(limits.storage.MemoryStorage())
        aio = limits.aio.strategies.FixedWindowRateLimiter(limits.aio.storage.MemoryStorage())
        kept, aged = LRUCache(10), TTLCache(10, ttl=30)
        calls = []

        @cached(cache={})
        def dear(): calls.append(1); return len(calls)

        def forget(): dear.cache.clear()

        @pytest.mark.parametrize("i", range(4))
        async def test_it(i, hermetic):
            for limiter in (moving, windows, early.limiter):
                assert [limiter.hit(LIMIT, "k") for _ in range(3)] == [True, True, False]
            hits = await asyncio.gather(*(aio.hit(LIMIT, "k") for _ in range(3)))
            assert sorted(hits) == [False, True, True]
            assert not kept and not aged and not early.cache
            kept["a"] = aged["a"] = early.cache["a"] = 1
            hermetic.clock.advance(29)
            assert "a" in aged
            hermetic.clock.advance(2)
            assert "a" not in aged and "a" in kept
            before = len(calls)
            assert dear() == dear() == before + 1
        """,
        "hermetic_reset = test_inside:forget",
        files={
            "early.py": """
                import limits.storage, limits.strategies, cachetools
                limiter = limits.strategies.FixedWindowRateLimiter(limits.storage.MemoryStorage())
                cache = cachetools.TLRUCache(5, ttu=lambda key, value, now: now + 10)
            """,
            # Imported by a plugin that comes before ours: the stores are older than the watch.
            "older.py": "import early",
        },
        args=("-p", "older"),
    ).assert_outcomes(passed=4)


def test_a_reset_that_cannot_work_is_told(suite) -> None:
    result = suite(
        """
        async def forget(): pass
        def test_it(): pass
        """,
        "hermetic_reset =\n    test_inside:forget",
    )
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*must not be asynchronous*"])

    result = suite("def test_it(): pass", "hermetic_reset =\n    app.misspelt:forget")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["*never imported, so never called: app.misspelt:forget*"])


def test_one_test_may_keep_them(suite) -> None:
    suite(
        """
        import pytest, cachetools
        kept = cachetools.LRUCache(5)
        def test_first(): kept["a"] = 1
        @pytest.mark.hermetic_off("caches")
        def test_second(): assert kept["a"]
        def test_third(): assert not kept
        """,
        args=("-p", "no:randomly"),
    ).assert_outcomes(passed=3)
