"""An SQLite installation, and an empty target: PostgreSQL where the suite runs on it."""

import os
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
from clock import OwnedClock
from conftest import CHEAP, SECRET_KEY
from inbox import Mailbox
from psycopg.sql import SQL, Identifier
from sqlalchemy.engine import make_url

from ostiary.installation import making
from ostiary.kernel.database import Database
from ostiary.runtime import Runtime, open_runtime
from ostiary.settings import Settings

OpenAt = Callable[[str], AbstractAsyncContextManager[Runtime]]


@pytest.fixture
def source_url(tmp_path: Path) -> str:
    """The SQLite file that is copied; `open_at` makes it."""
    return f"sqlite:///{tmp_path}/source.db"


@pytest.fixture
def open_at(clock: OwnedClock, mailbox: Mailbox) -> OpenAt:
    """Opens a Runtime on a database, under the secret keys of every test."""

    @asynccontextmanager
    async def opened(url: str, **more: Any) -> AsyncIterator[Runtime]:
        values = {"database_url": url, "secret_keys": (SECRET_KEY,), "hashing": CHEAP, **more}
        settings = Settings(**values)
        await making.prepare(settings)
        async with open_runtime(settings, clock=clock, mailer=mailbox) as rt:
            yield rt

    return opened


@pytest.fixture
def target_url(tmp_path: Path, worker: str) -> Iterator[str]:
    """A database without tables, which nobody is connected to."""
    server = os.environ.get("TEST_DATABASE_URL")
    if not server:
        (tmp_path / "target.db").touch()
        yield f"sqlite:///{tmp_path}/target.db"
        return
    name = f"ostiary_test_{worker}_copy"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(Identifier(name)))
        # It sorts as people do: the source, which sorts by code points, has another order.
        connection.execute(
            SQL(
                "CREATE DATABASE {} TEMPLATE template0 ENCODING UTF8 "
                "LOCALE_PROVIDER icu ICU_LOCALE 'en-US'"
            ).format(Identifier(name))
        )
        yield make_url(server).set(database=name).render_as_string(hide_password=False)
        connection.execute(SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(Identifier(name)))


@pytest.fixture
async def target(target_url: str) -> AsyncIterator[Database]:
    """That database, opened to copy to it."""
    db = Database(target_url, pool_size=2)
    yield db
    await db.close()
