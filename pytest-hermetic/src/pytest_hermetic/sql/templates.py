"""The bytes a SQLite database is born with: built once per content hash, reused by all."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import threading
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import create_engine
from sqlalchemy.pool import NullPool

from pytest_hermetic.folders import cache, locked
from pytest_hermetic.sql import sqlite

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

    from pytest_hermetic.sql.resource import SqlResource

_KEPT_FOR = 30 * 86_400
"""Seconds a cached template that no session used stays on disk."""


class SqliteTemplates:
    """Answers, per database name, the bytes each test's copy begins with."""

    def __init__(self, resource: SqlResource, folder: Path) -> None:
        self._resource = resource
        self._folder = folder
        self._kept: dict[str, bytes] = {}
        self._schema: bytes | None = None

    def __call__(self, name: str) -> bytes:
        """The beginning of the database `name`."""
        resource = self._resource
        if resource.collecting and resource.schema.waits_for_collection:
            # The application is being imported: its tables are not all known yet.
            return self._written(sqlite.empty)
        return self._kept.get(name) or self._from_schema()

    def keep(self, name: str, contents: bytes) -> None:
        """Let the database `name` begin with `contents`, completed by the schema."""
        if not self._resource.schema.waits_for_collection:
            self._kept[name] = contents
            return

        def write(path: Path) -> None:
            path.write_bytes(contents)
            self._build(path)

        self._kept[name] = self._written(write)

    def _from_schema(self) -> bytes:
        if self._schema is None:
            self._resource.schema.prepare()
            key = f"{self._resource.schema.digest('sqlite')}-{sqlite3.sqlite_version}"
            folder = cache()
            kept = folder / f"{key}-{version('pytest-hermetic')}.sqlite"
            with locked(folder / "sqlite.lock"):
                self._schema = self._reused(kept)
                if self._schema is None:
                    self._schema = self._written(self._create)
                    _store(kept, self._schema)
        return self._schema

    def _reused(self, kept: Path) -> bytes | None:
        """What another session built, if it is whole."""
        try:
            contents = kept.read_bytes()
            os.utime(kept)
            found = sqlite.tables(contents)
        except (OSError, sqlite3.DatabaseError):
            return None
        return contents if found >= self._resource.schema.tables("sqlite") else None

    def _create(self, path: Path) -> None:
        sqlite.empty(path)
        self._build(path)

    def _build(self, path: Path) -> None:
        schema = self._resource.schema
        schema.prepare()

        def build() -> None:
            with self._resource.building("sqlite", path):
                schema.build(_run)

        if in_this_thread(self._resource):
            build()
        else:
            apart(build)

    def _written(self, write: Callable[[Path], None]) -> bytes:
        path = self._folder / "template.db"
        try:
            write(path)
            return sqlite.contents(path)
        finally:
            for suffix in ("", "-wal", "-shm"):
                Path(f"{path}{suffix}").unlink(missing_ok=True)


def apart(work: Callable[[], None]) -> None:
    """Do `work` in a thread of its own, where an env.py may run an event loop, and wait."""
    failure: list[BaseException] = []

    def run() -> None:
        try:
            work()
        except BaseException as error:  # raised again in the caller's thread
            failure.append(error)

    thread = threading.Thread(target=run, name="hermetic-schema")
    thread.start()
    thread.join()
    if failure:
        raise failure[0]


def _run(action: Callable[[Connection], None]) -> None:
    engine = create_engine("sqlite:///template", poolclass=NullPool)
    with engine.begin() as connection:
        action(connection)


def in_this_thread(resource: SqlResource) -> bool:
    """Whether to build here: an import under way in this thread would block another's imports."""
    if not resource.collecting:
        return False
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return True
    return False


def _store(path: Path, contents: bytes) -> None:
    unfinished = path.with_suffix(f".{os.getpid()}")
    handle = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(contents)
    unfinished.replace(path)
    for other in path.parent.glob("*.sqlite"):
        if path.stat().st_mtime - other.stat().st_mtime > _KEPT_FOR:
            other.unlink(missing_ok=True)
