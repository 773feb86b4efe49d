"""`live` says that the process answers, `ready` that it can serve, and what is missing."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import httpx
import pytest
from factories import ours

from ostiary.app import create_app
from ostiary.kernel.database import Database
from ostiary.kernel.redis import Redis
from ostiary.runtime import Runtime


@pytest.fixture
async def no_database() -> AsyncIterator[Database]:
    """One that nobody answers for: nothing listens on port 1 of this machine."""
    db = Database("postgresql://nobody@127.0.0.1:1/none", pool_size=1)
    yield db
    await db.close()


def _client(rt: Runtime) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(create_app(rt.settings, runtime=rt))
    return httpx.AsyncClient(transport=transport, base_url="http://ostiary.test")


async def _ready(rt: Runtime) -> tuple[int, dict[str, str]]:
    async with _client(rt) as client:
        answer = await client.get("/health/ready")
        if answer.status_code == 503:
            assert int(answer.headers["retry-after"]) >= 1
        assert (await client.get("/health/live")).json() == {"status": "ok"}
    return answer.status_code, answer.json()


async def test_a_server_that_has_everything_is_ready(client: httpx.AsyncClient) -> None:
    answer = await client.get("/health/ready")
    assert answer.status_code == 200
    assert answer.json() == {"status": "ok", "database": "ok", "redis": "ok"}


async def test_without_a_database_it_is_alive_and_not_ready(
    rt: Runtime, no_database: Database
) -> None:
    assert await _ready(replace(rt, db=no_database)) == (
        503,
        {"status": "unavailable", "database": "unavailable", "redis": "ok"},
    )


async def test_without_redis_it_serves_and_says_so(rt: Runtime, no_redis: Redis) -> None:
    assert await _ready(replace(rt, redis=no_redis)) == (
        200,
        {"status": "degraded", "database": "ok", "redis": "unavailable"},
    )


async def test_both_are_named_where_both_are_missing(
    rt: Runtime, no_database: Database, no_redis: Redis
) -> None:
    _, body = await _ready(replace(rt, db=no_database, redis=no_redis))
    assert body == dict.fromkeys(("status", "database", "redis"), "unavailable")


async def test_what_keeps_silent_is_not_waited_for(rt: Runtime, silent_redis: Redis) -> None:
    async with asyncio.timeout(10):
        status, body = await _ready(replace(rt, redis=silent_redis))
    assert (status, body["redis"]) == (200, "unavailable")


async def test_health_says_nothing_of_how_it_is_set_up(client: httpx.AsyncClient) -> None:
    for path in ("/health/live", "/health/ready"):
        text = ours(await client.get(path)).text
        for name in ("sqlite", "postgres", "127.0.0.1", "version"):
            assert name not in text
