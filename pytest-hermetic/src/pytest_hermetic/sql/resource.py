"""The SQL databases of a session: which store serves a connect, and what a test begins with."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from pytest_hermetic.sql import addresses, drivers
from pytest_hermetic.sql.part import SqlPart
from pytest_hermetic.sql.redirect import Redirection
from pytest_hermetic.sql.schema import FromAlembic, FromMetadata, NoSchema, Schema
from pytest_hermetic.sql.sqlite import SqliteStore
from pytest_hermetic.sql.strokes import SqlStrokes
from pytest_hermetic.sql.templates import SqliteTemplates

if TYPE_CHECKING:
    from sqlalchemy.engine import Dialect

    from pytest_hermetic.clock import Clock
    from pytest_hermetic.faults import Faults
    from pytest_hermetic.settings import Settings
    from pytest_hermetic.sql.store import Store


class SqlResource:
    """Gives each test databases of its own, whatever engine asks for them."""

    name = "sql"
    triggers = ("sqlalchemy",)

    def __init__(self, settings: Settings, clock: Clock, faults: Faults) -> None:
        self.settings = settings
        self.clock = clock
        self.faults = faults
        self.schema = _schema(settings)
        self.part = SqlPart(self)
        self.collecting = True
        """Whether no test has begun: what is written now is part of every test's beginning."""
        self.opened: list[tuple[str, str]] = []
        """The (dialect, name) of each database the running test has connected to."""
        self._installed = False
        self._generation = 0
        self._redirection = Redirection(self._point, self._mark, self.schema.left_out, clock)
        self._strokes = SqlStrokes(faults, self._is_faulted)
        self._stores: dict[str, Store] = {}
        self._building = threading.local()
        self._lock = threading.RLock()

    def install(self) -> None:
        """Redirect every engine's connections."""
        if not self._installed:
            self._installed = True
            self._redirection.start()
            self._strokes.start()

    def begin(self, nodeid: str) -> None:  # noqa: ARG002  # of the Resource protocol
        """The next connects open databases that no other test has seen."""
        with self._lock:
            if self.collecting:
                self.collecting = False
                for store in self._stores.values():
                    store.keep()
            self._renew()

    def end(self, nodeid: str) -> None:  # noqa: ARG002  # of the Resource protocol
        """Let go of the databases of the test."""
        with self._lock:
            self._renew()

    def close(self) -> None:
        """Stop redirecting, stop servers, remove files."""
        if self._installed:
            self._strokes.stop()
            self._redirection.stop()
        for store in self._stores.values():
            store.close()
        self._stores.clear()

    def store(self, dialect: str) -> Store:
        """The store of a dialect, made when first needed.

        Raises `pytest.UsageError` for a dialect this session does not serve.
        """
        found = self._stores.get(dialect)
        if found is None:
            found = self._stores[dialect] = self._make(dialect)
        return found

    @contextmanager
    def building(self, dialect: str, target: Any) -> Iterator[None]:
        """Have the connects of this thread mean `target`, the template under construction."""
        self._building.target = (dialect, target)
        try:
            yield
        finally:
            del self._building.target

    def _renew(self) -> None:
        self.opened.clear()
        self._generation += 1
        self._redirection.refresh()
        for store in self._stores.values():
            store.begin()

    def _mark(self) -> object:
        """What a connect means now: the template this thread builds, or the test's databases."""
        return getattr(self._building, "target", self._generation)

    def _point(self, dialect: Dialect, cargs: list[Any], cparams: dict[str, Any]) -> bool:
        if self.settings.is_off("sql"):
            return False
        under_construction = getattr(self._building, "target", None)
        if under_construction is not None:
            wanted, target = under_construction
            if dialect.name != wanted:
                raise pytest.UsageError(
                    f"the schema is being built for {wanted}, but the migrations connect to "
                    f"{dialect.name}: let env.py and the application use one URL"
                )
            self.store(wanted).point_at(target, dialect.driver, cargs, cparams)
            return True
        with self._lock:
            store = self.store(dialect.name)
            name = store.name_of(cargs, cparams)
            if (dialect.name, name) not in self.opened:
                self.opened.append((dialect.name, name))
            asked_for = addresses.shown(dialect, cargs, cparams)
            store.point(name, dialect.driver, cargs, cparams)
            if not drivers.is_hidden(dialect):
                given = addresses.shown(dialect, cargs, cparams)
                self.settings.explain.record("database", asked_for, given)
        if self._strokes.refuses(dialect):
            store.refuse(cargs, cparams)
        return True

    def _is_faulted(self, dialect: Dialect) -> bool:
        """Whether faults strike what is done through `dialect` now."""
        building = getattr(self._building, "target", None) is not None
        return not (building or drivers.is_hidden(dialect) or self.settings.is_off("sql"))

    def _make(self, dialect: str) -> Store:
        wanted = self.settings.db
        if dialect == "sqlite" and wanted in ("auto", "sqlite"):
            folder = self.settings.private()
            return SqliteStore(folder, SqliteTemplates(self, folder))
        if dialect == "postgresql" and wanted != "sqlite":
            from pytest_hermetic.sql.postgres.store import PostgresStore

            url = wanted if "://" in wanted else None
            return PostgresStore(self, self.settings.private(), url)
        raise pytest.UsageError(
            f"hermetic_db = {wanted} has no {dialect} for the engine that connects now; "
            "mark the test hermetic_off('sql') or set hermetic_db"
        )


def _schema(settings: Settings) -> Schema:
    if settings.alembic is not None:
        return FromAlembic(settings.alembic)
    return FromMetadata(settings.metadata) if settings.metadata else NoSchema()
