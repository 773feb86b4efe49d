"""A module-global async engine works in every event loop, and says nothing when one ends."""

from __future__ import annotations

import pytest

pytest_plugins = ["pytester"]

ENGINES = """
    import os
    from sqlalchemy import Column, Integer, MetaData, Table, create_engine, func, select
    from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
    metadata = MetaData()
    thing = Table("thing", metadata, Column("id", Integer, primary_key=True))
    engine = create_async_engine(os.environ["URL"], pool_pre_ping=True, pool_size=2)
    sessions = async_sessionmaker(engine)
    COUNT = select(func.count()).select_from(thing)

    async def add():
        async with sessions() as session:
            await session.execute(thing.insert())
            await session.commit()
            return await session.scalar(COUNT)
"""

TESTS = """
    import asyncio, gc, threading, unittest, pytest
    from fastapi import FastAPI
    from app.engines import COUNT, add, engine, thing

    app = FastAPI()
    app.get("/")(add)

    @pytest.mark.parametrize("i", range(4))
    async def test_the_loop_of_the_runner(i):
        assert await add() == 1
        # More than the pool holds: the pool's queue is bound to this loop.
        await asyncio.gather(*(add() for _ in range(30)))
        assert await add() == 32

    def test_a_loop_after_the_other():
        assert [asyncio.run(add()) for _ in range(3)] == [1, 2, 3]

    def test_a_loop_per_request():
        from starlette.testclient import TestClient
        client = TestClient(app)
        assert [client.get("/").json() for _ in range(3)] == [1, 2, 3]

    def test_a_loop_beside_the_other(hermetic_test_client):
        assert hermetic_test_client.get("/").json() == 1
        assert asyncio.run(add()) == 2
        assert hermetic_test_client.get("/").json() == 3

    async def test_both_clients(hermetic_test_client, hermetic_client):
        numbers = []
        for _ in range(3):
            numbers.append((await hermetic_client.get("/")).json())
            numbers.append(await asyncio.to_thread(lambda: hermetic_test_client.get("/").json()))
        assert numbers == [1, 2, 3, 4, 5, 6]

    def test_a_loop_that_is_closed_without_goodbye():
        loop = asyncio.new_event_loop()
        assert loop.run_until_complete(add()) == 1
        loop.close()
        del loop
        gc.collect()
        assert asyncio.run(add()) == 2

    def test_uvloop():
        import uvloop
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            assert runner.run(add()) == 1
        assert asyncio.run(add()) == 2

    class TestUnit(unittest.IsolatedAsyncioTestCase):
        async def test_it(self): assert await add() == 1

    async def test_a_connection_that_is_not_given_back():
        connection = await engine.connect()
        await connection.execute(thing.insert())
        # The next test must not wait for this transaction, nor hear of it.
        await connection.close()
"""


@pytest.mark.parametrize(
    "url",
    [
        "sqlite+aiosqlite:///./app.db",
        "postgresql+asyncpg://u:p@db.internal/app",
        "postgresql+psycopg://u:p@db.internal/app",
    ],
    ids=["aiosqlite", "asyncpg", "psycopg"],
)
@pytest.mark.parametrize("scope", ["function", "session"])
def test_every_loop(suite, url: str, scope: str) -> None:
    result = suite(
        TESTS,
        "hermetic_app = test_inside:app",
        "hermetic_metadata = app.engines:metadata",
        f"hermetic_env = URL={url}",
        f"asyncio_default_test_loop_scope = {scope}",
        files={"app/engines.py": ENGINES},
    )
    result.assert_outcomes(passed=12)
    for noise in ("*Event loop is closed*", "*different loop*", "*garbage collector*"):
        result.stdout.no_fnmatch_line(noise)
        result.stderr.no_fnmatch_line(noise)


def test_asyncio_debug_mode_has_nothing_to_say(suite, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONASYNCIODEBUG", "1")
    monkeypatch.setenv("PYTHONDEVMODE", "1")
    result = suite(
        """
        import pytest
        from app.engines import add

        @pytest.mark.parametrize("i", range(3))
        async def test_it(i): assert await add() == 1

        @pytest.mark.anyio
        @pytest.mark.parametrize("i", range(3))
        async def test_anyio(i, anyio_backend_name): assert await add() == 1
        """,
        "hermetic_metadata = app.engines:metadata",
        "hermetic_env = URL=postgresql+asyncpg://u:p@db.internal/app",
        files={
            "app/engines.py": ENGINES,
            "conftest.py": "import pytest\n@pytest.fixture\ndef anyio_backend(): return 'asyncio'",
        },
    )
    result.assert_outcomes(passed=6)
    assert "Error" not in result.stderr.str()
