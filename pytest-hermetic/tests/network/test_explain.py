"""`--hermetic-explain` tells, test by test, what stood in for the outside world."""

from __future__ import annotations

import pytest

from pytest_hermetic.explain import OUTSIDE, Entry, Recorder, lines

pytest_plugins = ["pytester"]

APPLICATION = {
    "shop/main.py": """
        import socket
        import redis
        from sqlalchemy import create_engine, text

        cache = redis.Redis(host="cache.internal")
        engine = create_engine("sqlite:///shop.db", connect_args={})

        def order():
            cache.incr("orders")
            with engine.connect() as connection:
                connection.execute(text("select 1"))
            try:
                socket.create_connection(("rates.example", 443))
            except OSError:
                return None
    """
}
SUITE = """
    from shop.main import order

    def test_an_order(hermetic):
        order()
        assert hermetic.network.blocked

    def test_arithmetic():
        assert 1 + 1 == 2
"""


@pytest.mark.parametrize("workers", ["-n0", "-n1"])
def test_the_story_of_a_small_application(suite, workers) -> None:
    result = suite(SUITE, files=APPLICATION, args=("--hermetic-explain", workers))
    result.assert_outcomes(passed=2)
    result.stdout.fnmatch_lines(
        [
            "*hermetic: what each test met*",
            "test_inside.py::test_an_order",
            "  redis *cache.internal:6379 *→ in memory",
            "  database *sqlite+pysqlite:///*/shop.db *→ sqlite+pysqlite:///*",
            "  blocked *rates.example:443 *→ refused",
            "1 test met nothing outside the process",
        ],
        consecutive=False,
    )


def test_it_is_not_printed_unasked(suite) -> None:
    result = suite(SUITE, files=APPLICATION)
    result.stdout.no_fnmatch_line("*what each test met*")


def test_no_password_is_shown(suite) -> None:
    result = suite(
        """
        from sqlalchemy import create_engine

        def test_it():
            create_engine("postgresql+psycopg://app:hunter2@db:6000/shop").connect().close()
        """,
        args=("--hermetic-explain",),
    )
    result.assert_outcomes(passed=1)
    result.stdout.no_fnmatch_line("*hunter2*")
    result.stdout.fnmatch_lines(["*postgresql+psycopg://app@db:6000/shop *→ *"])


def test_the_recorder_counts_by_test() -> None:
    recorder = Recorder()
    recorder.record("http", "https://a.example", "app")
    recorder.begin("test_a")
    recorder.record("redis", "cache:6379", "in memory")
    recorder.record("redis", "cache:6379", "in memory")
    assert recorder.entries() == [Entry("redis", "cache:6379", "in memory")]
    recorder.end()
    assert recorder.take() == {
        OUTSIDE: [("http", "https://a.example", "app", 1)],
        "test_a": [("redis", "cache:6379", "in memory", 2)],
    }
    assert recorder.take() == {}


def test_lines_are_aligned() -> None:
    shown = lines([("redis", "cache:6379", "in memory", 2), ("http", "https://a", "app", 1)])
    assert shown == [
        "redis  cache:6379  → in memory (2×)",
        "http   https://a   → app",
    ]
