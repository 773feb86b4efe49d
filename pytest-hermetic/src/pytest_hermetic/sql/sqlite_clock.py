"""SQLite's words for now follow Python's clock.

CURRENT_TIMESTAMP and its kin are functions to SQLite, so a connection may bring its own. The
arithmetic stays SQLite's: a second connection computes it on the moment put in place of 'now'.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from typing import Any

_FUNCTIONS = ("date", "time", "datetime", "julianday", "strftime", "unixepoch", "timediff")
_KEYWORDS = {"current_timestamp": "datetime", "current_date": "date", "current_time": "time"}
_LOCAL = threading.local()


def teach(connection: sqlite3.Connection) -> None:
    """Make `connection` take the time from `time.time()`, which the test's clock moves."""
    known = _known()
    for name in _FUNCTIONS:
        if name in known:
            connection.create_function(name, -1, _follow(name), deterministic=True)
    for keyword, name in _KEYWORDS.items():
        connection.create_function(keyword, 0, _follow(name))


def _follow(name: str) -> Any:
    first = 1 if name == "strftime" else 0

    def follow(*given: Any) -> Any:
        # The moment may be left out: SQLite then takes 'now'.
        values = [*given, "now"] if len(given) == first else list(given)
        for place in range(first, len(values) if name == "timediff" else first + 1):
            if isinstance(values[place], str) and values[place].lower() == "now":
                values[place] = _moment()
        marks = ",".join("?" * len(values))
        return _arithmetic().execute(f"select {name}({marks})", values).fetchone()[0]

    return follow


def _moment() -> str:
    # To the millisecond, as SQLite's own 'now'.
    milliseconds = time.time_ns() // 1_000_000
    seconds, rest = divmod(milliseconds, 1000)
    return f"{time.strftime('%Y-%m-%d %H:%M:%S', time.gmtime(seconds))}.{rest:03d}"


def _arithmetic() -> sqlite3.Connection:
    """A connection of this thread whose functions are SQLite's own."""
    found: sqlite3.Connection | None = getattr(_LOCAL, "connection", None)
    if found is None:
        found = _LOCAL.connection = sqlite3.connect(":memory:")
    return found


def _known() -> frozenset[str]:
    found: frozenset[str] | None = getattr(_LOCAL, "known", None)
    if found is None:
        rows = _arithmetic().execute("select name from pragma_function_list")
        found = _LOCAL.known = frozenset(name for (name,) in rows)
    return found
