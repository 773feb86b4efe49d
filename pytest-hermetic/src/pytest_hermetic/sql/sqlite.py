"""SQLite: a write-ahead-logged file per test and database, copied from a template in memory."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import parse_qs, unquote, urlsplit

from pytest_hermetic.sql.sqlite_clock import teach

_MEMORY = "memory"


class Templates(Protocol):
    """Knows what a database is born with."""

    def __call__(self, name: str) -> bytes:
        """The bytes the database `name` begins with."""

    def keep(self, name: str, contents: bytes) -> None:
        """Have the database `name` begin with `contents` from now on."""


class SqliteStore:
    """The SQLite databases of this session, as files in `folder`."""

    dialect = "sqlite"

    def __init__(self, folder: Path, templates: Templates) -> None:
        self._folder = folder
        self._templates = templates
        self._files: dict[str, Path] = {}
        self._made = 0
        self._factories: dict[type[sqlite3.Connection], type[sqlite3.Connection]] = {}

    def name_of(self, cargs: list[Any], cparams: dict[str, Any]) -> str:
        """The absolute path of a file; all in-memory URLs mean one database."""
        place = str(cargs[0] if cargs else cparams.get("database", ""))
        if place.startswith("file:"):
            split = urlsplit(place)
            if "memory" in parse_qs(split.query).get("mode", []):
                return _MEMORY
            place = unquote(split.path)
        return _MEMORY if place in ("", ":memory:") else str(Path(place).absolute())

    def point(self, name: str, driver: str, cargs: list[Any], cparams: dict[str, Any]) -> None:
        """Name the test's own file, and have the connection follow the clock."""
        place = str(cargs[0] if cargs else cparams.pop("database", ""))
        self.point_at(self.file(name), driver, cargs, cparams)
        if "mode=ro" in place:
            cargs[0] = f"file:{cargs[0]}?mode=ro"
            cparams["uri"] = True

    def point_at(
        self,
        target: Path,
        driver: str,  # noqa: ARG002  # both drivers take the same arguments
        cargs: list[Any],
        cparams: dict[str, Any],
    ) -> None:
        """Rewrite the arguments of a connect so that they mean the file `target`."""
        cargs[:] = [str(target), *cargs[1:]]
        cparams.pop("uri", None)
        cparams.pop("async_creator_fn", None)
        cparams["factory"] = self._factory(cparams.get("factory", sqlite3.Connection))

    def refuse(self, cargs: list[Any], cparams: dict[str, Any]) -> None:  # noqa: ARG002  # of the Store protocol
        """Name a file in a folder that does not exist."""
        cargs[0] = str(self._folder / "nowhere" / "none.db")

    def file(self, name: str) -> Path:
        """The file that holds this test's database `name`; it is written when first asked for."""
        found = self._files.get(name)
        if found is None:
            self._made += 1
            found = self._files[name] = self._folder / f"{self._made}.db"
            found.write_bytes(self._templates(name))
        return found

    def url(self, name: str) -> str:
        """The SQLAlchemy URL of the file."""
        return f"sqlite:///{self.file(name)}"

    def keep(self) -> None:
        """What is in the files now is what every test's copy begins with."""
        for name, path in self._files.items():
            self._templates.keep(name, contents(path))

    def begin(self) -> None:
        """Unlink the files at hand; whoever still holds one open keeps it to themselves."""
        for path in self._files.values():
            for suffix in ("", "-wal", "-shm"):
                Path(f"{path}{suffix}").unlink(missing_ok=True)
        self._files.clear()

    def close(self) -> None:
        """Unlink all files."""
        self.begin()

    def _factory(self, wanted: type[sqlite3.Connection]) -> type[sqlite3.Connection]:
        found = self._factories.get(wanted)
        if found is None:
            found = self._factories[wanted] = _following(wanted)
        return found


def empty(path: Path) -> None:
    """Write a database without tables, in write-ahead mode, to `path`."""
    connection = sqlite3.connect(path)
    # A table and an index take a page each, and every test copies them all.
    connection.execute("pragma page_size=1024")
    connection.execute("pragma journal_mode=wal")
    connection.close()


def contents(path: Path) -> bytes:
    """All that was committed to the database at `path`, as the bytes of one file."""
    copy = path.with_suffix(".copy")
    source, target = sqlite3.connect(path), sqlite3.connect(copy)
    try:
        # Not a checkpoint: that leaves out what is in the log while anybody reads.
        source.backup(target)
        target.execute("pragma journal_mode=wal")
        target.close()
        return copy.read_bytes()
    finally:
        source.close()
        target.close()
        copy.unlink(missing_ok=True)


def tables(contents: bytes) -> frozenset[str]:
    """The names of the tables in the bytes of a database; raises if they are none."""
    connection = sqlite3.connect(":memory:")
    try:
        # An in-memory database knows no write-ahead log: bytes 18 and 19 of the header say so.
        connection.deserialize(contents[:18] + b"\1\1" + contents[20:])
        rows = connection.execute("select name from sqlite_master where type = 'table'")
        return frozenset(name for (name,) in rows)
    finally:
        connection.close()


def _following(wanted: type[sqlite3.Connection]) -> type[sqlite3.Connection]:
    class Following(wanted):  # type: ignore[misc, valid-type]  # made per given factory
        """A connection whose clock is the test's, and which need not survive a power cut."""

        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)
            teach(self)
            if not self.in_transaction:
                self.execute("pragma synchronous=off").close()

    return Following
