"""What mocked suites are full of: found, with what to do about it; and what is left alone."""

from __future__ import annotations

import pytest
from mocked_app import APP

DELETED = {
    "an override of the session": """
        from app.main import app
        from app.store import session

        app.dependency_overrides[session] = lambda: None
    """,
    "a client in the place of a module's own": """
        import app.store
        import fakeredis

        app.store.client = fakeredis.FakeRedis()
    """,
    "a database container": """
        import pytest
        from testcontainers.postgres import PostgresContainer

        @pytest.fixture(scope="session")
        def postgres():
            with PostgresContainer("postgres:16") as container:
                yield container
    """,
    "an engine of the tests' own": """
        import pytest
        from sqlalchemy.ext.asyncio import create_async_engine

        @pytest.fixture
        async def engine():
            engine = create_async_engine("sqlite+aiosqlite://")
            yield engine
            await engine.dispose()
    """,
    "a limiter that is switched off": """
        from slowapi import Limiter

        limiter = Limiter(key_func=str)
        limiter.enabled = False
    """,
    "an event loop": """
        import asyncio
        import pytest

        @pytest.fixture(scope="session")
        def event_loop():
            loop = asyncio.new_event_loop()
            yield loop
            loop.close()
    """,
    "a fixture that truncates": """
        import pytest
        from app.store import client

        @pytest.fixture(autouse=True)
        async def clean():
            await client.flushdb()
            yield
            await client.flushdb()
    """,
    "frozen time for all tests": """
        import pytest
        from freezegun import freeze_time

        @pytest.fixture(autouse=True)
        def frozen():
            with freeze_time("2030-01-01"):
                yield
    """,
    "a session that is a mock": """
        import pytest
        from unittest.mock import AsyncMock

        @pytest.fixture
        def db_session():
            session = AsyncMock()
            session.commit.return_value = None
            return session
    """,
    "keys that are made and written": """
        import pytest
        from cryptography.hazmat.primitives.asymmetric import rsa

        @pytest.fixture(scope="session", autouse=True)
        def keys(tmp_path_factory):
            key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
            (tmp_path_factory.mktemp("keys") / "private.pem").write_bytes(key)
    """,
    "a mail server": """
        import pytest
        from aiosmtpd.controller import Controller

        @pytest.fixture
        def smtp():
            controller = Controller(object())
            controller.start()
            yield controller
            controller.stop()
    """,
    "a mock by mocker": """
        import pytest

        @pytest.fixture(autouse=True)
        def no_redis(mocker):
            mocker.patch("app.store.client")
    """,
    "a mock by monkeypatch": """
        import pytest

        @pytest.fixture(autouse=True)
        def no_redis(monkeypatch):
            monkeypatch.setattr("app.store.client", None)
    """,
}


@pytest.mark.parametrize("source", DELETED.values(), ids=DELETED)
def test_it_is_deleted_whole(advice, source):
    said = advice({**APP, "tests/conftest.py": source})
    actions = {one.action for one in said.findings}
    assert actions == {"delete"}
    kept = set(range(1, source.strip().count("\n") + 2))
    for one in said.findings:
        kept -= set(range(one.first, one.last + 1))
    lines = source.strip().splitlines()
    left = [lines[number - 1].strip() for number in sorted(kept) if lines[number - 1].strip()]
    # The application is still imported where the tests may use it for something else.
    assert left in ([], ["from slowapi import Limiter", "limiter = Limiter(key_func=str)"])


KEPT = {
    "a mock of one's own function": (
        """
        from unittest.mock import patch

        @patch("app.prices.fetch_prices", return_value=[1])
        def test_it(fetch):
            assert fetch is not None
        """,
        "ask",
    ),
    "a user in the place of the one who signed in": (
        """
        from app.main import app
        from app.accounts import current_user

        app.dependency_overrides[current_user] = lambda: "ada"
        """,
        "ask",
    ),
    "work that needs no outside": (
        """
        import pytest

        @pytest.fixture
        def numbers():
            return [1, 2, 3]

        def test_it(numbers, tmp_path, monkeypatch):
            monkeypatch.setenv("LANG", "C")
            assert sum(numbers) == 6
        """,
        None,
    ),
    "a skip for another platform": (
        """
        import sys
        import pytest

        @pytest.mark.skipif(sys.platform == "win32", reason="Windows has no unix sockets")
        def test_it():
            assert sys.platform
        """,
        None,
    ),
    "another service, answered by respx": (
        """
        import httpx
        import respx

        @respx.mock
        def test_it():
            respx.get("https://prices.example/").respond(200)
            assert httpx.get("https://prices.example/").status_code == 200
        """,
        None,
    ),
}


@pytest.mark.parametrize(("source", "action"), KEPT.values(), ids=KEPT)
def test_it_is_left_alone(found, source, action):
    assert {one[0] for one in found(source)} == ({action} if action else set())
