"""What only a person can rewrite: shown as it is to be, or kept."""

from __future__ import annotations

from mocked_app import APP


def test_a_body_under_a_patch_is_moved_out(found):
    said = found(
        """
        from unittest.mock import patch

        def test_it():
            with patch("app.store.client"):
                if True:
                    assert 1
        """
    )
    assert ("replace", 4, 6, ("    if True:", "        assert 1")) in said


def test_frozen_time_becomes_a_marker(found):
    said = found(
        """
        from freezegun import freeze_time

        @freeze_time("2031-05-04")
        def test_it():
            assert True
        """
    )
    assert said == [
        ("replace", 1, 1, ("import pytest",)),
        ("replace", 3, 3, ('@pytest.mark.hermetic(clock="2031-05-04")',)),
    ]


def test_what_used_the_mock_is_rewritten_by_hand(found):
    said = found(
        """
        import fakeredis
        import pytest

        @pytest.fixture
        def store():
            return fakeredis.FakeAsyncRedis()

        async def test_it(store):
            assert await store.get("key") is None
        """
    )
    assert ("rewrite", 9, 9, ()) in said
    assert ("delete", 4, 6, ()) in said


def test_a_session_of_an_own_engine_becomes_the_test_s(found):
    said = found(
        """
        import pytest
        from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine

        @pytest.fixture
        async def session():
            engine = create_async_engine("sqlite+aiosqlite://")
            async with AsyncSession(engine) as session:
                yield session

        async def test_it(session):
            assert await session.scalar("select 1")
        """
    )
    new = (
        "@pytest.fixture",
        "async def session(hermetic_sql):",
        "    async with hermetic_sql.async_session() as session:",
        "        yield session",
    )
    assert ("replace", 4, 8, new) in said
    assert not [one for one in said if one[0] == "rewrite"]


def test_a_client_without_a_mock_is_kept(found):
    said = found(
        """
        import pytest
        from app.main import app
        from fastapi.testclient import TestClient

        @pytest.fixture
        def client():
            with TestClient(app) as client:
                yield client
        """
    )
    assert said == []


def test_a_client_of_another_framework_is_kept(found):
    said = found(
        """
        import pytest
        from app.main import app
        from app.store import session
        from litestar.testing import TestClient

        @pytest.fixture
        def client():
            app.dependency_overrides[session] = None
            return TestClient(app)
        """
    )
    assert ("delete", 8, 8, ()) in said
    assert [one[0] for one in said if one[1] > 3] == ["delete"]


def test_a_client_with_options_of_its_own_is_kept(found):
    said = found(
        """
        import pytest
        from app.main import app
        from fastapi.testclient import TestClient

        @pytest.fixture
        def client(mocker):
            mocker.patch("app.store.client")
            return TestClient(app, raise_server_exceptions=False)
        """
    )
    assert said == [("delete", 7, 7, ())]


def test_an_answer_made_up_for_a_mail_service_goes(found):
    said = found(
        """
        import respx

        @respx.mock
        def test_it():
            respx.post("https://api.resend.com/emails").respond(200)
            prices = respx.get("https://prices.example/").respond(200)
            assert prices.call_count == 0
        """
    )
    assert said == [("delete", 5, 5, ())]


def test_a_real_wait_is_rewritten(found):
    said = found(
        """
        import asyncio
        import time

        async def test_it():
            time.sleep(2)
            await asyncio.sleep(0.01)
            assert time.time() > 0
        """
    )
    assert said == [("rewrite", 5, 5, ())]


def test_what_the_tests_emptied_is_reset(advice):
    said = advice(
        {
            **APP,
            "app/settings.py": "import functools\n\n@functools.lru_cache\ndef load(): ...\n",
            "tests/conftest.py": """
                import pytest
                from app.settings import load

                @pytest.fixture(autouse=True)
                def fresh():
                    load.cache_clear()
            """,
        }
    )
    entries = {entry.name: entry.value for entry in said.block.entries}
    assert entries["hermetic_reset"] == ("app.settings:load.cache_clear",)
