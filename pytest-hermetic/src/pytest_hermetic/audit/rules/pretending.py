"""Rules about what stands in for the real thing, the application's own part included."""

from __future__ import annotations

from pytest_hermetic.audit.rules.rule import Rule

RULES: tuple[Rule, ...] = (
    Rule(
        code="H006",
        title="a mock stands in for the database or Redis",
        why="A mock agrees with every query: what the real one refuses is never seen.",
        fix="Delete it. The plugin gives each test a private database and Redis.",
        bad="""
            from unittest.mock import AsyncMock

            import pytest

            @pytest.fixture
            def db_session():
                return AsyncMock()

            def test_order(db_session):
                assert db_session is not None
        """,
        good="""
            import sqlite3

            import pytest

            @pytest.fixture
            def db_session(tmp_path):
                connection = sqlite3.connect(tmp_path / "shop.db")
                yield connection
                connection.close()

            def test_order(db_session):
                assert db_session.execute("select 1").fetchall() == [(1,)]
        """,
    ),
    Rule(
        code="H007",
        title="the test is skipped for want of something the plugin provides",
        why="Nobody runs it, and the summary is green.",
        fix="Take the skip away and run the test.",
        bad="""
            import pytest

            @pytest.mark.skip(reason="needs a running Redis")
            def test_cart():
                assert sum([1, 2]) == 3
        """,
        good="""
            import pytest

            @pytest.mark.skip(reason="gift cards come with the next release")
            def test_cart():
                assert sum([1, 2]) == 3
        """,
    ),
    Rule(
        code="H010",
        title="a coroutine is made and never awaited",
        why="The call did nothing at all: what is asserted after it holds without it.",
        fix="Await it.",
        bad="""
            orders = []

            async def order(name):
                orders.append(name)

            async def test_order():
                order("tea")
                assert orders == []
        """,
        good="""
            orders = []

            async def order(name):
                orders.append(name)

            async def test_order():
                await order("tea")
                assert orders == ["tea"]
        """,
    ),
    Rule(
        code="H012",
        title="the application behaves differently because it is tested",
        why="What is tested is not what runs in production.",
        fix="Let what differs come in by configuration: a key, a URL, a cost.",
        bad="""
            import os

            def hashing_rounds():
                if os.environ.get("ENV") == "test":
                    return 1
                return 12
        """,
        good="""
            import os

            def hashing_rounds():
                return int(os.environ.get("HASHING_ROUNDS", "12"))
        """,
        file="shop/passwords.py",
    ),
    Rule(
        code="H015",
        title="the test waits for real time to go by",
        why="Seconds are lost in every run, and on a busy machine the wait is too short.",
        fix="Move the clock (hermetic.clock.advance), or wait for the event itself.",
        bad="""
            import time

            def test_expiry():
                begun = time.time()
                time.sleep(0.2)
                assert time.time() > begun
        """,
        good="""
            import time

            def test_expiry(hermetic):
                begun = time.time()
                hermetic.clock.advance(seconds=0.2)
                assert time.time() > begun
        """,
    ),
)
