"""A real private instance for every test: database, Redis, limits and all, on an owned clock.

On the embedded default; on PostgreSQL and Redis where TEST_DATABASE_URL and TEST_REDIS_URL name
them (`make test-services`). Nothing is patched.
"""

import asyncio
import itertools
import os
import shutil
import tempfile
from base64 import b64encode
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import hypothesis
import psycopg
import pytest
from clock import OwnedClock
from compiled import shared
from hypothesis import HealthCheck
from inbox import Mailbox
from psycopg.sql import SQL, Identifier
from redis import Redis
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import create_async_engine
from starlette.types import ASGIApp

from ostiary.app import create_app
from ostiary.installation import making
from ostiary.kernel.database import Base
from ostiary.kernel.redis import Redis as AsyncRedis
from ostiary.kernel.redis import open_redis
from ostiary.runtime import Runtime, open_runtime
from ostiary.settings import Settings

SECRET_KEY = b64encode(b"a key of thirty-two bytes, fixed").decode()
# How often a race is run. SQLite has one writer, which a few rounds show. On PostgreSQL two writers
# can meet, and the whole suite runs there again.
ROUNDS = 20 if os.environ.get("TEST_DATABASE_URL") else 5
# The real algorithm at a low cost; test_hashing.py runs at the production cost, and refuses.
CHEAP = {"memory_kib": 64, "iterations": 1, "max_wait": 30}

# Two runs of one commit say the same. HYPOTHESIS_PROFILE=explore looks further.
hypothesis.settings.register_profile(
    "repeat", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
hypothesis.settings.register_profile("explore", deadline=None, max_examples=2_000)
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "repeat"))

# Commits wait for the disk that they lie on: here they wait for none.
MEMORY = Path("/dev/shm")
ROOM = 256 * 1024 * 1024

ClientAt = Callable[[str], httpx.AsyncClient]


@pytest.fixture(scope="session")
def worker() -> str:
    """This test process's name, for what several of them must not share."""
    return os.environ.get("PYTEST_XDIST_WORKER", "gw0")


@pytest.fixture(scope="session", autouse=True)
def statements() -> Iterator[None]:
    """SQL is compiled once for the test process, as in a server."""
    with shared():
        yield


@pytest.fixture(scope="session")
def storage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder for SQLite files, in memory where the system offers it with enough room."""
    if os.access(MEMORY, os.W_OK) and shutil.disk_usage(MEMORY).free > ROOM:
        with tempfile.TemporaryDirectory(prefix="ostiary-test-", dir=MEMORY) as folder:
            yield Path(folder)
    else:
        yield tmp_path_factory.mktemp("storage")


@pytest.fixture(scope="session")
def numbers() -> Iterator[int]:
    """Counts the files in `storage`."""
    return itertools.count(1)


@pytest.fixture(scope="session")
def database_template(storage: Path, worker: str) -> str:
    """A migrated database: an SQLite file to copy, or a PostgreSQL one to empty."""
    server = os.environ.get("TEST_DATABASE_URL")
    if server:
        url = make_url(server).set(database=f"ostiary_test_{worker}")
        asyncio.run(_recreate(make_url(server), str(url.database)))
        text = url.render_as_string(hide_password=False)
    else:
        text = f"sqlite:///{storage}/template.db"
    asyncio.run(_migrate(text))
    return text


@pytest.fixture(scope="session")
def emptying(database_template: str) -> Iterator[psycopg.Connection | None]:
    """What empties a PostgreSQL database between tests: not one connection for each of them."""
    if database_template.startswith("sqlite"):
        yield None
        return
    with psycopg.connect(database_template, autocommit=True) as connection:
        yield connection


@pytest.fixture
def database_url(
    database_template: str,
    emptying: psycopg.Connection | None,
    storage: Path,
    numbers: Iterator[int],
) -> Iterator[str]:
    """An empty, migrated database of this test's own."""
    if emptying is not None:
        tables = reversed(Base.metadata.sorted_tables)
        emptying.execute(
            SQL("; ").join(SQL("DELETE FROM {}").format(Identifier(one.name)) for one in tables)
        )
        yield database_template
        return
    folder = storage / str(next(numbers))
    folder.mkdir()
    copy = folder / "ostiary.db"
    shutil.copy(database_template.removeprefix("sqlite:///"), copy)
    yield f"sqlite:///{copy}"
    shutil.rmtree(folder)


@pytest.fixture
def redis_url(worker: str) -> Iterator[str]:
    """An empty Redis of this test's own."""
    server = os.environ.get("TEST_REDIS_URL")
    if not server:
        yield "memory://"
        return
    url = f"{server.rstrip('/')}/{int(worker.removeprefix('gw')) + 1}"
    with Redis.from_url(url) as connected:
        connected.flushdb()
    yield url


@pytest.fixture
def clock() -> OwnedClock:
    """The instance's clock."""
    return OwnedClock()


@pytest.fixture
def settings(request: pytest.FixtureRequest, database_url: str, redis_url: str) -> Settings:
    """The instance's settings; `@pytest.mark.settings(signup={"mode": "closed"})` adds to them."""
    values: dict[str, Any] = {
        "database_url": database_url,
        "redis_url": redis_url,
        "secret_keys": (SECRET_KEY,),
        "hashing": CHEAP,
    }
    for mark in request.node.iter_markers("settings"):
        values |= mark.kwargs
    return Settings(**values)


@pytest.fixture
def mailbox() -> Mailbox:
    """What the instance has delivered; `inbox.deliver(rt)` is the round that does it."""
    return Mailbox()


@pytest.fixture
async def rt(settings: Settings, clock: OwnedClock, mailbox: Mailbox) -> AsyncIterator[Runtime]:
    """An open Runtime."""
    async with open_runtime(settings, clock=clock, mailer=mailbox) as opened:
        yield opened


@pytest.fixture
def app(rt: Runtime) -> ASGIApp:
    """The application on that Runtime."""
    return create_app(rt.settings, runtime=rt)


@pytest.fixture
async def client_at(app: ASGIApp) -> AsyncIterator[ClientAt]:
    """Makes a client with the given IP address."""
    opened: list[httpx.AsyncClient] = []

    def make(address: str) -> httpx.AsyncClient:
        transport = httpx.ASGITransport(app, client=(address, 50_000))
        opened.append(httpx.AsyncClient(transport=transport, base_url="http://ostiary.test"))
        return opened[-1]

    yield make
    for client in opened:
        await client.aclose()


@pytest.fixture
def client(client_at: ClientAt) -> httpx.AsyncClient:
    """A client of the application, at 203.0.113.7."""
    return client_at("203.0.113.7")


@pytest.fixture
async def no_redis() -> AsyncIterator[AsyncRedis]:
    """A Redis that does not answer: nothing listens on port 1 of this machine."""
    redis = open_redis("redis://127.0.0.1:1")
    yield redis
    await redis.aclose()


@pytest.fixture
async def silent_redis() -> AsyncIterator[AsyncRedis]:
    """A Redis that takes the call and never says a word."""
    gone = asyncio.Event()

    async def keep_silent(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await gone.wait()
        writer.close()

    server = await asyncio.start_server(keep_silent, "127.0.0.1", 0)
    redis = open_redis(f"redis://127.0.0.1:{server.sockets[0].getsockname()[1]}")
    yield redis
    await redis.aclose()
    gone.set()
    server.close()
    await server.wait_closed()


async def _migrate(url: str) -> None:
    settings = Settings.model_validate({"database_url": url, "secret_keys": (SECRET_KEY,)})
    making.create(settings)
    await making.migrate(settings)


async def _recreate(server: Any, name: str) -> None:
    engine = create_async_engine(
        server.set(drivername="postgresql+asyncpg"), isolation_level="AUTOCOMMIT"
    )
    async with engine.connect() as connection:
        await connection.exec_driver_sql(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
        # It sorts as people do, like most installations, and not by code points as C does.
        await connection.exec_driver_sql(
            f'CREATE DATABASE "{name}" TEMPLATE template0 ENCODING UTF8 '
            "LOCALE_PROVIDER icu ICU_LOCALE 'en-US'"
        )
    await engine.dispose()
