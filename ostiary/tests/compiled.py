"""SQL that is compiled once for a test process, not once for each test's engine.

A server has one engine and compiles each statement once. Each test has engines of its own, and
SQLAlchemy keeps compiled statements by engine; to compile them anew was a sixth of a test's time.
"""

from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Engine, event


class Statements(dict[Hashable, Any]):
    """SQLAlchemy's `compiled_cache`; dialects of one name and driver share their statements."""

    def get(self, key: Any, default: Any = None) -> Any:
        """What is kept for a statement of that dialect."""
        return super().get(_without_engine(key), default)

    def __setitem__(self, key: Any, compiled: Any) -> None:
        super().__setitem__(_without_engine(key), compiled)


@contextmanager
def shared() -> Iterator[Statements]:
    """Have every connection of every engine keep its statements in one place."""
    statements = Statements()

    def keep(connection: Connection) -> None:
        connection.execution_options(compiled_cache=statements)

    event.listen(Engine, "engine_connect", keep)
    yield statements
    event.remove(Engine, "engine_connect", keep)


def _without_engine(key: Any) -> Hashable:
    dialect, *rest = key
    return dialect.name, dialect.driver, *rest
