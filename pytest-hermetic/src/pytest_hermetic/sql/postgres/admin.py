"""One connection to a server's maintenance database, by whichever driver is installed."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from importlib.util import find_spec
from typing import Any, Protocol

import pytest

Place = dict[str, Any]
"""host, port, user, password and database, as far as they are needed."""


class Admin(Protocol):
    """Runs statements, each in a transaction of its own. One thread uses it at a time."""

    def run(self, statement: str) -> list[tuple[Any, ...]]:
        """Execute one statement; its rows."""

    def close(self) -> None:
        """Disconnect."""


def connect(place: Place) -> Admin:
    """Connect with psycopg, psycopg2 or asyncpg. Raises `pytest.UsageError` without any."""
    for module, make in (("psycopg", _Psycopg), ("psycopg2", _Psycopg), ("asyncpg", _Asyncpg)):
        if find_spec(module) is not None:
            return make(module, place)
    raise pytest.UsageError("PostgreSQL needs a driver: psycopg, psycopg2 or asyncpg")


class _Psycopg:
    """psycopg and psycopg2 offer the same here."""

    def __init__(self, module: str, place: Place) -> None:
        driver = __import__(module)
        renamed = {("dbname" if name == "database" else name): it for name, it in place.items()}
        self._connection: Any = driver.connect(**renamed)
        self._connection.autocommit = True

    def run(self, statement: str) -> list[tuple[Any, ...]]:
        with self._connection.cursor() as cursor:
            cursor.execute(statement)
            return list(cursor.fetchall()) if cursor.description else []

    def close(self) -> None:
        self._connection.close()


class _Asyncpg:
    """asyncpg, on an event loop in a thread of its own: the caller's thread may be running one."""

    def __init__(self, module: str, place: Place) -> None:
        driver = __import__(module)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(
            target=self._loop.run_forever, name="hermetic-admin", daemon=True
        )
        self._thread.start()
        self._connection: Any = self._wait(driver.connect(**place))

    def run(self, statement: str) -> list[tuple[Any, ...]]:
        return [tuple(row) for row in self._wait(self._connection.fetch(statement))]

    def close(self) -> None:
        self._wait(self._connection.close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _wait(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result()
