"""The schema every database is born with: named metadata, or the application's migrations."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import pytest
from sqlalchemy import MetaData, Table, create_mock_engine
from sqlalchemy.engine import Connection, Dialect
from sqlalchemy.exc import CompileError
from sqlalchemy.schema import CreateTable

from pytest_hermetic.objects import find


class Schema(Protocol):
    """Something that can create tables in an empty database."""

    waits_for_collection: bool
    """Whether it is known only once the application has been imported in full."""

    left_out: dict[tuple[str, str], str]
    """By (dialect, table): why a table could not be created in databases of the dialect."""

    def prepare(self) -> None:
        """Import what is needed; called in the thread that asks, never in a helper."""

    def digest(self, dialect: str) -> str:
        """A hash that differs wherever the created schema may differ."""

    def tables(self, dialect: str) -> frozenset[str]:
        """The tables a database has at least once it is built."""

    def build(self, run: RunsOnConnection) -> None:
        """Create the tables, with `run` giving a connection to the new database."""


RunsOnConnection = Callable[[Callable[[Connection], None]], None]


class NoSchema:
    """Databases are born empty; the application creates its own tables."""

    waits_for_collection = False

    def __init__(self) -> None:
        self.left_out: dict[tuple[str, str], str] = {}

    def prepare(self) -> None:
        """Nothing is imported."""

    def digest(self, dialect: str) -> str:
        """One and the same."""
        return f"empty-{dialect}"

    def tables(self, dialect: str) -> frozenset[str]:  # noqa: ARG002  # of the Schema protocol
        """None."""
        return frozenset()

    def build(self, run: RunsOnConnection) -> None:
        """Nothing is created."""


class FromMetadata:
    """`hermetic_metadata`: metadata objects, or classes that have one (declarative bases)."""

    waits_for_collection = True

    def __init__(self, names: tuple[str, ...]) -> None:
        self._names = names
        self._metadata: tuple[MetaData, ...] = ()
        self.left_out: dict[tuple[str, str], str] = {}

    def prepare(self) -> None:
        """Import the modules that define the tables."""
        if not self._metadata:
            self._metadata = tuple(_metadata(name) for name in self._names)

    def digest(self, dialect: str) -> str:
        """The hash of all DDL the metadata compiles to, with what its listeners execute."""
        digest = hashlib.sha256(dialect.encode())

        def collect(statement: Any, *parameters: Any, **_: Any) -> None:
            if not isinstance(statement, str):
                statement = statement.compile(dialect=engine.dialect)
            digest.update(f"{statement}{parameters!r};".encode())

        engine = create_mock_engine(f"{dialect}://", collect)
        for metadata in self._metadata:
            metadata.create_all(engine, self._tables(metadata, engine.dialect), checkfirst=False)
        return digest.hexdigest()[:24]

    def tables(self, dialect: str) -> frozenset[str]:
        """Those of the metadata that the dialect can hold."""
        engine = create_mock_engine(f"{dialect}://", lambda *_: None)
        return frozenset(
            table.name
            for metadata in self._metadata
            for table in self._tables(metadata, engine.dialect)
            if table.schema is None
        )

    def build(self, run: RunsOnConnection) -> None:
        """Create every table that is not there yet, and that the dialect can hold."""

        def create(connection: Connection) -> None:
            for metadata in self._metadata:
                metadata.create_all(connection, self._tables(metadata, connection.dialect))

        run(create)

    def _tables(self, metadata: MetaData, dialect: Dialect) -> list[Table]:
        """Those the dialect can hold: a service may keep JSONB tables in its other database."""
        fitting = []
        for table in metadata.sorted_tables:
            try:
                CreateTable(table).compile(dialect=dialect)
            except CompileError as error:
                self.left_out[dialect.name, table.name] = str(error)
            else:
                fitting.append(table)
        return fitting


class FromAlembic:
    """`hermetic_alembic`: the migrations, run up to their heads by the project's own env.py."""

    waits_for_collection = False

    def __init__(self, ini: Path) -> None:
        self._ini = ini
        self.left_out: dict[tuple[str, str], str] = {}

    def prepare(self) -> None:
        """See that the file is there."""
        if not self._ini.is_file():
            raise pytest.UsageError(f"hermetic_alembic: there is no {self._ini}")

    def digest(self, dialect: str) -> str:
        """The hash of alembic.ini and of every file beside the migrations."""
        import alembic
        from alembic.config import Config
        from alembic.script import ScriptDirectory

        digest = hashlib.sha256(f"{dialect} {alembic.__version__}".encode())
        scripts = ScriptDirectory.from_config(Config(str(self._ini)))
        folders = [Path(scripts.dir), *(Path(place) for place in scripts.version_locations or [])]
        files = {path for folder in folders for path in folder.rglob("*") if _is_source(path)}
        for path in (self._ini, *sorted(files)):
            digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
        return digest.hexdigest()[:24]

    def tables(self, dialect: str) -> frozenset[str]:  # noqa: ARG002  # of the Schema protocol
        """Not known without running the migrations."""
        return frozenset()

    def build(self, run: RunsOnConnection) -> None:  # noqa: ARG002  # env.py connects itself
        """Run `upgrade heads`. Connections env.py opens are redirected by the caller."""
        from alembic import command
        from alembic.config import Config

        with _logging_kept():
            command.upgrade(Config(str(self._ini)), "heads")


def _metadata(name: str) -> MetaData:
    found = find(name, setting="hermetic_metadata")
    found = getattr(found, "metadata", found)
    if not isinstance(found, MetaData):
        raise pytest.UsageError(f"hermetic_metadata: {name!r} is no MetaData and has none")
    return found


def _is_source(path: Path) -> bool:
    return path.is_file() and "__pycache__" not in path.parts


@contextmanager
def _logging_kept() -> Iterator[None]:
    """Undo what `fileConfig` in env.py does to the loggers, which would silence `caplog`."""
    root = logging.getLogger()
    level, handlers = root.level, root.handlers[:]
    before = [
        (found, found.disabled, found.level, found.propagate)
        for found in root.manager.loggerDict.values()
        if isinstance(found, logging.Logger)
    ]
    try:
        yield
    finally:
        root.setLevel(level)
        root.handlers[:] = handlers
        for found, disabled, its_level, propagate in before:
            found.disabled, found.propagate = disabled, propagate
            found.setLevel(its_level)
