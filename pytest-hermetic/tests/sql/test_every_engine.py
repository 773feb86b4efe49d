"""Every engine goes to the test's own database: whenever, wherever and however it was made."""

from __future__ import annotations

import pytest

pytest_plugins = ["pytester"]

MODELS = """
    from sqlalchemy import DateTime, String, func
    from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

    class Base(DeclarativeBase): pass

    class User(Base):
        __tablename__ = "user"
        id: Mapped[int] = mapped_column(primary_key=True)
        email: Mapped[str] = mapped_column(String(100), unique=True)
        at = mapped_column(DateTime(timezone=True), server_default=func.now())
"""

ENGINES = """
    import sqlite3
    from sqlalchemy import create_engine, engine_from_config
    from sqlalchemy.ext.asyncio import create_async_engine
    from sqlalchemy.pool import NullPool, QueuePool, SingletonThreadPool, StaticPool

    FILE, HERE = "sqlite:///./shop.db", {"check_same_thread": False}
    synchronous = {
        "file": create_engine(FILE),
        "null": create_engine(FILE, poolclass=NullPool),
        "static": create_engine(FILE, poolclass=StaticPool, connect_args=HERE),
        "thread": create_engine(FILE, poolclass=SingletonThreadPool),
        "pre-ping": create_engine(FILE, pool_pre_ping=True, pool_recycle=10, pool_size=1),
        "autocommit": create_engine(FILE, isolation_level="AUTOCOMMIT"),
        "config": engine_from_config({"sqlalchemy.url": FILE}),
        "uri": create_engine("sqlite:///file:shop.db?uri=true&cache=shared"),
        "options": create_engine(FILE).execution_options(stream_results=True),
    }
    asynchronous = {
        "file": create_async_engine("sqlite+aiosqlite:///./shop.db"),
        "null": create_async_engine("sqlite+aiosqlite:///./shop.db", poolclass=NullPool),
        "static": create_async_engine("sqlite+aiosqlite:///./shop.db", poolclass=StaticPool),
    }
    memory = {
        "memory": create_engine("sqlite://"),
        "named": create_engine("sqlite:///:memory:"),
        "shared": create_engine(
            "sqlite:///file:x?mode=memory&cache=shared&uri=true", poolclass=NullPool
        ),
        "static": create_engine("sqlite://", poolclass=StaticPool, connect_args=HERE),
        "creator": create_engine("sqlite://", creator=lambda: sqlite3.connect(":memory:")),
    }
    other = create_engine("sqlite:///other.db")
"""


def test_sqlite_engines_of_every_kind(suite, pytester: pytest.Pytester) -> None:
    suite(
        """
        import asyncio, pytest
        from sqlalchemy import create_engine, func, insert, select
        from sqlalchemy.exc import IntegrityError
        from app.engines import asynchronous, memory, other, synchronous
        from app.models import User

        COUNT = select(func.count()).select_from(User)

        def add(engine, email):
            with engine.begin() as connection:
                connection.execute(insert(User).values(email=email))
                return connection.scalar(COUNT)

        @pytest.mark.parametrize("i", range(3))
        async def test_all_see_one_database_and_only_it(i, hermetic):
            number = 0
            for name, engine in synchronous.items():
                number += 1
                assert add(engine, name) == number, name
            for name, engine in asynchronous.items():
                number += 1
                async with engine.begin() as connection:
                    await connection.execute(insert(User).values(email=f"async {name}"))
                    assert await connection.scalar(COUNT) == number
            assert len(hermetic.sql.rows("user")) == number
            assert add(create_engine("sqlite:///shop.db"), "made in the test") == number + 1
            assert add(other, "elsewhere") == 1
            with pytest.raises(IntegrityError):
                add(synchronous["file"], "null")

        @pytest.mark.parametrize("i", range(3))
        def test_all_in_memory_ones_share_one_too(i, hermetic):
            for number, (name, engine) in enumerate(memory.items(), 1):
                assert add(engine, name) == number, name
            assert hermetic.sql.databases == ("memory",)

        @pytest.mark.parametrize("i", range(3))
        async def test_parallel_requests_commit_for_real(i, hermetic):
            async def one(number):
                async with asynchronous["file"].begin() as connection:
                    await connection.execute(insert(User).values(email=str(number)))
            await asyncio.gather(*map(one, range(30)))
            # A reader is not kept waiting by a writer that has not committed.
            with synchronous["null"].connect() as reader, synchronous["file"].begin() as writer:
                writer.execute(insert(User).values(email="late"))
                assert reader.scalar(COUNT) == 30

        def test_the_part_looks_without_the_application(hermetic):
            with hermetic.sql.session() as session:
                session.add(User(email="a"))
                session.commit()
            assert hermetic.sql.url.startswith("sqlite:////")
            with pytest.raises(LookupError):
                hermetic.sql.rows("user", database="nowhere")

        async def test_the_part_looks_asynchronously(hermetic):
            async with hermetic.sql.async_session() as session:
                session.add(User(email="a"))
                await session.commit()
            assert [row["email"] for row in hermetic.sql.rows("user")] == ["a"]
        """,
        "hermetic_metadata = app.models:Base",
        files={"app/models.py": MODELS, "app/engines.py": ENGINES},
    ).assert_outcomes(passed=11)
    assert not list(pytester.path.glob("*.db"))


def test_a_test_may_ask_for_its_real_database(suite, pytester: pytest.Pytester) -> None:
    suite(
        """
        import pytest
        from sqlalchemy import create_engine, text

        engine = create_engine("sqlite:///real.db")
        made = "create table t (x integer)"

        @pytest.mark.hermetic_off("sql")
        def test_real():
            with engine.begin() as connection: connection.execute(text(made))

        def test_private():
            with engine.begin() as connection: connection.execute(text(made))
        """,
        args=("-p", "no:randomly"),
    ).assert_outcomes(passed=2)
    assert (pytester.path / "real.db").stat().st_size > 0


def test_a_database_nobody_offers_is_refused_by_name(suite) -> None:
    result = suite(
        """
        from sqlalchemy import create_engine
        def test_it(): create_engine("postgresql+psycopg://db/app").connect()
        """,
        "hermetic_db = sqlite",
    )
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*hermetic_db = sqlite has no postgresql for the engine*"])


def test_connections_follow_the_clock_whatever_makes_them(suite) -> None:
    suite(
        """
        import datetime as dt, sqlite3, pytest
        from sqlalchemy import create_engine, text
        from sqlalchemy.ext.asyncio import create_async_engine

        class Own(sqlite3.Connection): pass

        URL = "sqlite:///a.db"
        plain = create_engine(URL)
        own = create_engine(URL, connect_args={"factory": Own, "timeout": 1})
        asynchronous = create_async_engine("sqlite+aiosqlite:///a.db")
        WORDS = [
            "current_timestamp", "datetime('now')", "datetime()", "strftime('%Y-%m-%d', 'NOW')",
            "date('now', '+1 month', '-1 month')", "datetime(julianday('now'))", "current_date",
            "datetime(strftime('%s', 'now'), 'unixepoch')", "datetime(unixepoch(), 'unixepoch')",
        ]
        ASK = text("select " + ", ".join(WORDS))

        @pytest.mark.parametrize("engine", [plain, own])
        def test_sync(engine, hermetic):
            with engine.connect() as connection:
                assert connection.scalar(text("select date('now')")) == str(dt.date.today())
                hermetic.clock.freeze("2031-02-03T04:05:06Z")
                for word, answer in zip(WORDS, connection.execute(ASK).one()):
                    assert answer.startswith("2031-02-03"), word
                past = connection.scalar(text("select datetime('2020-01-31', '+1 day')"))
                assert past == "2020-02-01 00:00:00"
                assert connection.scalar(text("select current_time")) == "04:05:06"
                assert connection.scalar(text("select time('now')")) == "04:05:06"

        async def test_async(hermetic):
            hermetic.clock.travel("2031-02-03")
            async with asynchronous.connect() as connection:
                for word, answer in zip(WORDS, (await connection.execute(ASK)).one()):
                    assert answer.startswith("2031-02-03"), word
        """
    ).assert_outcomes(passed=3)
