"""A database is born with the schema: from metadata or migrations, built once per content."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest_plugins = ["pytester"]

MODELS = """
    from sqlalchemy import Column, ForeignKey, Integer, MetaData, String, Table, event, insert
    metadata = MetaData()
    kind = Table("kind", metadata, Column("name", String, primary_key=True))
    thing = Table("thing", metadata, Column("id", Integer, primary_key=True),
        Column("kind", ForeignKey("kind.name"), index=True))
    event.listen(kind, "after_create",
        lambda table, connection, **_: connection.execute(insert(table).values(name="seed")))
"""

ALEMBIC = {
    "alembic.ini": "[alembic]\nscript_location = %(here)s/migrations\n"
    "[loggers]\nkeys = root\n[handlers]\nkeys = none\n[formatters]\nkeys =\n"
    "[logger_root]\nlevel = ERROR\nhandlers = none\n"
    "[handler_none]\nclass = NullHandler\nargs = ()\n",
    "migrations/versions/one.py": """
        from alembic import op
        import sqlalchemy as sa
        revision, down_revision = "1", None
        def upgrade():
            op.create_table("thing", sa.Column("id", sa.Integer, primary_key=True),
                sa.Column("at", sa.DateTime, server_default=sa.text("CURRENT_TIMESTAMP")))
            with open("built", "a") as file: file.write("x")
    """,
    "migrations/versions/two.py": """
        from alembic import op
        revision, down_revision = "2", "1"
        def upgrade(): op.execute("insert into thing (id) values (7)")
    """,
}
ENV = """
    import os
    from alembic import context
    from logging.config import fileConfig
    from sqlalchemy import create_engine
    fileConfig(context.config.config_file_name)
    with create_engine(os.environ["DATABASE_URL"]).connect() as connection:
        context.configure(connection=connection)
        with context.begin_transaction():
            context.run_migrations()
"""
ASYNC_ENV = """
    import asyncio, os
    from alembic import context
    from sqlalchemy.ext.asyncio import create_async_engine

    def run(connection):
        context.configure(connection=connection)
        with context.begin_transaction():
            context.run_migrations()

    async def main():
        engine = create_async_engine(os.environ["ASYNC_URL"])
        async with engine.connect() as connection:
            await connection.run_sync(run)
        await engine.dispose()

    asyncio.run(main())
"""
URLS = {
    "sqlite": ("sqlite:///app.db", "sqlite+aiosqlite:///app.db"),
    "postgresql": ("postgresql+psycopg://u:p@db/app", "postgresql+asyncpg://u:p@db/app"),
}
USES_IT = """
    import logging, os, pytest
    from sqlalchemy import create_engine, text
    from sqlalchemy.ext.asyncio import create_async_engine

    engine = create_engine(os.environ["DATABASE_URL"])
    asynchronous = create_async_engine(os.environ["ASYNC_URL"])
    log = logging.getLogger("app")

    @pytest.mark.parametrize("i", range(2))
    async def test_async(i, hermetic, caplog):
        async with asynchronous.begin() as connection:
            await connection.execute(text("insert into thing (id) values (8)"))
        assert [row["id"] for row in hermetic.sql.rows("thing")] == [7, 8]
        with caplog.at_level("INFO"):
            log.info("still heard")
        assert caplog.messages == ["still heard"]

    @pytest.mark.parametrize("i", range(2))
    def test_sync(i, hermetic):
        hermetic.clock.travel("2031-02-03")
        with engine.begin() as connection:
            connection.execute(text("insert into thing (id) values (8)"))
            rows = connection.execute(text("select id, at from thing order by id")).all()
        assert [row.id for row in rows] == [7, 8]
        assert str(rows[1].at).startswith("2031-02-03")
"""


@pytest.mark.parametrize("dialect", ["sqlite", "postgresql"])
@pytest.mark.parametrize("env", [ENV, ASYNC_ENV], ids=["sync-env", "async-env"])
def test_migrations_run_once_for_all_workers_and_sessions(
    suite, pytester: pytest.Pytester, dialect: str, env: str
) -> None:
    urls = URLS[dialect]
    ini = (
        "hermetic_alembic = alembic.ini",
        f"hermetic_env =\n    DATABASE_URL={urls[0]}\n    ASYNC_URL={urls[1]}",
    )
    # Of this test's own content, so that no other test's template serves it.
    files = {**ALEMBIC, "migrations/env.py": env, "migrations/which.txt": f"{dialect} {env[:40]}"}
    for args in (("-n", "2"), ()):
        result = suite(USES_IT, *ini, files=files, args=args)
        result.assert_outcomes(passed=4)
    assert (pytester.path / "built").read_text() == "x"

    files["migrations/versions/two.py"] += "    # changed\n"
    suite(USES_IT, *ini, files=files).assert_outcomes(passed=4)
    assert (pytester.path / "built").read_text() == "xx"


def test_metadata_is_built_once_with_what_its_listeners_write(suite, shared_cache: Path) -> None:
    source = """
        import pytest
        from sqlalchemy import create_engine, select, inspect
        from app.models import kind, thing
        engine = create_engine("sqlite:///app.db")

        @pytest.mark.parametrize("i", range(3))
        def test_it(i):
            with engine.begin() as connection:
                assert connection.scalars(select(kind.c.name)).all() == ["seed"]
                connection.execute(thing.insert().values(kind="seed"))
                assert len(connection.execute(select(thing)).all()) == 1
                assert inspect(connection).get_indexes("thing")
    """
    ini = "hermetic_metadata = app.models:metadata"
    before = set(shared_cache.rglob("*.sqlite"))
    for args in ((), ("-n", "2")):
        result = suite(source, ini, files={"app/models.py": MODELS}, args=args)
        result.assert_outcomes(passed=3)
    (made,) = set(shared_cache.rglob("*.sqlite")) - before

    # A damaged or emptied template is not believed.
    for contents in (b"nonsense" * 1000, _without_tables()):
        made.write_bytes(contents)
        suite(source, ini, files={"app/models.py": MODELS}).assert_outcomes(passed=3)
    changed = MODELS.replace('"kind", ForeignKey', '"extra", String), Column("kind", ForeignKey')
    suite(source, ini, files={"app/models.py": changed}).assert_outcomes(passed=3)
    assert len(set(shared_cache.rglob("*.sqlite")) - before) == 2


def _without_tables() -> bytes:
    import sqlite3

    with sqlite3.connect(":memory:") as connection:
        connection.execute("pragma user_version = 1")
        return connection.serialize()


@pytest.mark.parametrize("url", [urls[0] for urls in URLS.values()])
def test_what_imports_write_is_in_every_test(suite, url: str) -> None:
    suite(
        """
        import pytest
        from sqlalchemy import select, text, inspect
        from app.main import engine, early
        from app.models import thing

        @pytest.mark.parametrize("i", range(3))
        def test_it(i):
            with engine.begin() as connection:
                assert connection.scalars(select(early.c.id)).all() == [1]
                connection.execute(early.insert().values(id=2))
                assert inspect(connection).has_table("thing")
        """,
        "hermetic_metadata = app.models:metadata",
        files={
            "app/models.py": MODELS,
            "app/main.py": f"""
                from sqlalchemy import Column, Integer, MetaData, Table, create_engine
                from sqlalchemy import inspect
                engine = create_engine({url!r})
                metadata = MetaData()
                early = Table("early", metadata, Column("id", Integer, primary_key=True))
                metadata.create_all(engine)
                with engine.begin() as connection:
                    assert inspect(connection).get_table_names() == ["early"]
                    connection.execute(early.insert().values(id=1))
                from app import models
            """,
        },
    ).assert_outcomes(passed=3)


def test_tables_are_reflected_at_import_from_migrations(suite) -> None:
    suite(
        """
        from app.main import engine, thing
        def test_it():
            with engine.connect() as connection:
                assert [row.id for row in connection.execute(thing.select())] == [7]
        """,
        "hermetic_alembic = alembic.ini",
        "hermetic_env = DATABASE_URL=sqlite:///app.db",
        files={
            **ALEMBIC,
            "migrations/env.py": ENV,
            "app/main.py": """
                from sqlalchemy import MetaData, Table, create_engine
                engine = create_engine("sqlite:///app.db")
                thing = Table("thing", MetaData(), autoload_with=engine)
            """,
        },
    ).assert_outcomes(passed=1)


def test_a_table_the_dialect_cannot_hold_is_named_when_missed(suite) -> None:
    result = suite(
        """
        from sqlalchemy import create_engine
        from app.models import document, plain
        engine = create_engine("sqlite:///app.db")
        def test_other_tables_are_there():
            with engine.connect() as connection: connection.execute(plain.select())
        def test_it():
            with engine.connect() as connection: connection.execute(document.select())
        """,
        "hermetic_metadata = app.models:metadata",
        files={
            "app/models.py": """
                from sqlalchemy import Column, Integer, MetaData, Table
                from sqlalchemy.dialects.postgresql import TSVECTOR
                metadata = MetaData()
                document = Table("document", metadata, Column("body", TSVECTOR))
                plain = Table("plain", metadata, Column("id", Integer))
            """
        },
    )
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(["*hermetic: document is not in this sqlite database*TSVECTOR*"])


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("hermetic_metadata = app.models:nothing", "*'app.models:nothing': there is no nothing*"),
        ("hermetic_metadata = app.models:Integer", "*is no MetaData and has none*"),
        ("hermetic_alembic = nowhere.ini", "*hermetic_alembic: there is no */nowhere.ini*"),
    ],
)
def test_a_schema_that_is_not_there(suite, line: str, complaint: str) -> None:
    result = suite(
        "from sqlalchemy import create_engine\n"
        "def test_it(): create_engine('sqlite:///a.db').connect()",
        line,
        files={"app/models.py": MODELS},
    )
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines([complaint])


@pytest.mark.parametrize("url", ["sqlite+aiosqlite:///:memory:", "sqlite://", "sqlite:///app.db"])
def test_rows_written_before_the_service_connects_are_the_service_s(suite, url) -> None:
    suite(
        """
        import os
        from app.models import Base, Item
        from sqlalchemy import create_engine, text

        def test_it(hermetic):
            with hermetic.sql.session() as session:
                session.add(Item(id=7))
                session.commit()
            url = os.environ["DATABASE_URL"].replace("+aiosqlite", "")
            with create_engine(url).connect() as connection:
                assert connection.scalar(text("select id from item")) == 7
        """,
        f"hermetic_env = DATABASE_URL={url}",
        "hermetic_metadata = app.models:Base",
        files={
            "app/models.py": """
                from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

                class Base(DeclarativeBase): ...

                class Item(Base):
                    __tablename__ = "item"
                    id: Mapped[int] = mapped_column(primary_key=True)
            """,
        },
    ).assert_outcomes(passed=1)
