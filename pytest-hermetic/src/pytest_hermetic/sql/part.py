"""`hermetic.sql`: look into the test's database from the test."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.engine import Engine, make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.pool import NullPool

from pytest_hermetic.sql import drivers

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncSession
    from sqlalchemy.orm import Session

    from pytest_hermetic.sql.resource import SqlResource


class SqlPart:
    """The databases of the running test, seen past every fault.

    A service with several databases names the one it means: the file's absolute path or
    "memory" for SQLite, the database's name for PostgreSQL (`databases` lists those opened).
    Without a name, the first opened is meant; before any was, the one `DATABASE_URL` names.
    """

    def __init__(self, resource: SqlResource) -> None:
        self._resource = resource

    @property
    def databases(self) -> tuple[str, ...]:
        """The names of the databases the test has connected to, in that order."""
        return tuple(name for _dialect, name in self._resource.opened)

    @property
    def url(self) -> str:
        """Where the test's database really is: for a process of its own to connect to."""
        dialect, name = self._meant(None)
        return self._resource.store(dialect).url(name)

    def engine(self, database: str | None = None) -> Engine:
        """A synchronous engine on the test's database. It pools nothing."""
        dialect, name = self._meant(database)
        engine = create_engine(_sync_url(dialect, name), poolclass=NullPool)
        drivers.hide(engine.dialect)
        return engine

    def session(self, database: str | None = None) -> Session:
        """A synchronous ORM session on the test's database; close it, or use `with`."""
        from sqlalchemy.orm import Session

        return Session(self.engine(database))

    def async_session(self, database: str | None = None) -> AsyncSession:
        """An asynchronous ORM session on the test's database; use `async with`."""
        from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine

        dialect, name = self._meant(database)
        engine = create_async_engine(_async_url(dialect, name), poolclass=NullPool)
        drivers.hide(engine.dialect)
        return AsyncSession(engine)

    def rows(self, table: str, database: str | None = None) -> list[dict[str, Any]]:
        """Every committed row of `table`, each as a dictionary by column name."""
        engine = self.engine(database)
        quoted = engine.dialect.identifier_preparer.format_table
        from sqlalchemy import table as named

        with engine.connect() as connection:
            found = connection.execute(text(f"select * from {quoted(named(table))}"))  # noqa: S608  # quoted
            return [dict(row) for row in found.mappings()]

    def _meant(self, database: str | None) -> tuple[str, str]:
        opened = self._resource.opened
        for dialect, name in opened:
            if database in (None, name):
                return dialect, name
        if database is not None:
            raise LookupError(f"the test has not connected to {database!r}, only to {opened}")
        return _configured() or ("sqlite", "memory")


def _configured() -> tuple[str, str] | None:
    """The database an environment variable names, DATABASE_URL before others."""
    names = sorted(os.environ, key=lambda name: (name != "DATABASE_URL", name))
    for value in (os.environ[name] for name in names):
        if "://" not in value:
            continue
        try:
            url = make_url(value)
        except ArgumentError:
            continue
        dialect = url.get_backend_name()
        if dialect == "sqlite":
            is_file = url.database not in (None, "", ":memory:")
            return dialect, os.path.abspath(str(url.database)) if is_file else "memory"
        if dialect in ("postgresql", "postgres"):
            return "postgresql", url.database or "postgres"
    return None


def _sync_url(dialect: str, name: str) -> str:
    if dialect == "sqlite":
        return "sqlite://" if name == "memory" else f"sqlite:///{name}"
    for driver in ("psycopg", "psycopg2"):
        if _importable(driver):
            return f"postgresql+{driver}://hermetic/{name}"
    raise pytest.UsageError("a synchronous session on PostgreSQL needs psycopg or psycopg2")


def _async_url(dialect: str, name: str) -> str:
    if dialect == "sqlite":
        return "sqlite+aiosqlite://" if name == "memory" else f"sqlite+aiosqlite:///{name}"
    driver = "asyncpg" if _importable("asyncpg") else "psycopg"
    return f"postgresql+{driver}://hermetic/{name}"


def _importable(module: str) -> bool:
    from importlib.util import find_spec

    return find_spec(module) is not None
