"""Databases fail as they do: PostgreSQL's own errors, connections that are really broken."""

from __future__ import annotations

pytest_plugins = ["pytester"]

DATABASES = """
import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.ext.asyncio import create_async_engine

class Plain:
    def __init__(self, url):
        self.engine = create_engine(url)
        self.dialect = self.engine.dialect.name

    async def run(self, action):
        with self.engine.begin() as connection:
            return action(connection)

    async def dispose(self):
        self.engine.dispose()

class Asynchronous:
    def __init__(self, url):
        self.engine = create_async_engine(url)
        self.dialect = self.engine.dialect.name

    async def run(self, action):
        async with self.engine.begin() as connection:
            return await connection.run_sync(action)

    async def dispose(self):
        await self.engine.dispose()

MADE = {
    "sqlite3": Plain("sqlite:///shop.db"),
    "aiosqlite": Asynchronous("sqlite+aiosqlite:///shop.db"),
    "psycopg": Plain("postgresql+psycopg://u@db.internal/shop"),
    "psycopg-async": Asynchronous("postgresql+psycopg://u@db.internal/shop"),
    "asyncpg": Asynchronous("postgresql+asyncpg://u@db.internal/shop"),
}

@pytest.fixture(params=MADE.values(), ids=MADE)
async def db(request):
    await request.param.run(lambda c: c.execute(text("create table t (n integer)")))
    return request.param

def insert(connection):
    connection.execute(text("insert into t (n) values (:n)"), {"n": 1})

def count(connection):
    return connection.execute(text("select count(*) from t")).scalar()
"""

RAISED = """
import pytest
from databases import count, db, insert
from sqlalchemy import exc

CODES = {
    "serialization": ("40001", "database is locked"),
    "deadlock": ("40P01", "database is locked"),
    "locked": ("55P03", "database is locked"),
    "timeout": ("57014", "interrupted"),
    "readonly": ("25006", "attempt to write a readonly database"),
    "full": ("53100", "database or disk is full"),
}

@pytest.mark.parametrize("at", ["statement", "commit"])
@pytest.mark.parametrize("kind", CODES)
async def test_the_database_refuses(hermetic, db, kind, at):
    with hermetic.faults.sql(kind, at=at, times=1) as fault:
        with pytest.raises(exc.DBAPIError) as caught:
            await db.run(insert)
    code, message = CODES[kind]
    if db.dialect == "sqlite":
        assert str(caught.value.orig) == message
    else:
        assert caught.value.orig.sqlstate == code
    assert fault.fired == 1
    assert hermetic.sql.rows("t") == []
    await db.run(insert)
    assert hermetic.sql.rows("t") == [{"n": 1}]

async def test_any_state_of_postgresql(hermetic, db):
    if db.dialect == "sqlite":
        with hermetic.faults.sql("error", sqlstate="23505"):
            with pytest.raises(pytest.UsageError, match="knows no sqlstate"):
                await db.run(insert)
        return
    with hermetic.faults.sql("error", sqlstate="23505"):
        with pytest.raises(exc.IntegrityError):
            await db.run(insert)

async def test_only_the_statements_that_are_named(hermetic, db):
    with hermetic.faults.sql("deadlock", statements="INSERT INTO t") as fault:
        assert await db.run(count) == 0
        with pytest.raises(exc.DBAPIError):
            await db.run(insert)
    assert fault.struck[0].startswith("statement insert into t (n) values")
    assert fault.seen == fault.fired == 1

async def test_the_first_pass(hermetic, db):
    with hermetic.faults.sql("locked", after=1, times=1):
        await db.run(insert)
        with pytest.raises(exc.DBAPIError):
            await db.run(insert)
        await db.run(insert)
    assert await db.run(count) == 2
"""

BROKEN = """
import time
import pytest
from databases import count, db, insert
from sqlalchemy import exc, text

@pytest.mark.parametrize(
    ("at", "lost"), [("statement", "request"), ("commit", "request"), ("commit", "answer")]
)
async def test_the_connection_breaks(hermetic, db, at, lost):
    with hermetic.faults.sql("disconnect", at=at, lost=lost, times=1):
        with pytest.raises(exc.DBAPIError) as caught:
            await db.run(insert)
    assert caught.value.connection_invalidated
    assert await db.run(count) == (1 if lost == "answer" else 0)

async def test_nothing_connects(hermetic, db):
    await db.dispose()
    with hermetic.faults.sql("refuse") as fault:
        with pytest.raises((exc.DBAPIError, OSError)):
            await db.run(insert)
    assert fault.struck == ["connect"]
    assert await db.run(count) == 0

async def test_the_database_is_down(hermetic, db):
    with hermetic.faults.sql("down") as fault:
        for _ in range(2):  # first the open connection breaks, then none is made
            with pytest.raises((exc.DBAPIError, OSError)):
                await db.run(insert)
        assert hermetic.sql.rows("t") == []  # the test itself sees past it
    assert fault.fired == 2
    await db.run(insert)
    assert await db.run(count) == 1

async def test_a_slow_statement_takes_time_on_the_clock(hermetic, db):
    with hermetic.faults.sql("slow", seconds=3600, statements="insert into"):
        begun = time.time()
        await db.run(insert)
        assert time.time() - begun >= 3600
    assert await db.run(count) == 1

async def test_a_slow_statement_is_cancelled_in_time(hermetic, db):
    if db.dialect == "sqlite":
        return  # it has no time-out of its own

    def impatient(connection):
        connection.execute(text("set local statement_timeout = '1s'"))
        insert(connection)

    with hermetic.faults.sql("slow", seconds=2, statements="insert into"):
        with pytest.raises(exc.DBAPIError, match="statement timeout"):
            await db.run(impatient)
    assert await db.run(count) == 0
"""


def test_errors_are_the_databases_own(suite):
    outcome = suite(RAISED, files={"databases.py": DATABASES})
    outcome.assert_outcomes(passed=75)


def test_connections_break_and_statements_are_slow(suite):
    outcome = suite(BROKEN, files={"databases.py": DATABASES})
    outcome.assert_outcomes(passed=35)
