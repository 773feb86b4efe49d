"""What was redirected and what was refused, test by test: the data of `--hermetic-explain`.

Whatever answers in place of something outside the process says so here, once per connection or
call: `settings.explain.record("mail", "smtp://mail.example:587", "hermetic.mail")`.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import dataclass

OUTSIDE = ""
"""In place of a test's node id: what happened while modules were imported, or between tests."""

Row = tuple[str, str, str, int]
"""An `Entry`'s kind, what and where, and how often it was recorded; survives JSON and xdist."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing the application asked for, and what it got. No secret may be in it."""

    kind: str
    """One word: redis, database, mail, http, blocked, allowed, fault, cluster."""
    what: str
    """What was asked for, in the words of the application: a URL without password, host:port."""
    where: str
    """What answered instead ("in memory", "clone of PostgreSQL 15.4"), or what was done."""


class Recorder:
    """Counts the entries of each test. Safe to call from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._nodeid = OUTSIDE
        self._counts: dict[str, dict[Entry, int]] = {}

    def begin(self, nodeid: str) -> None:
        """What is recorded from now on belongs to the test `nodeid`."""
        self._nodeid = nodeid

    def end(self) -> None:
        """What is recorded from now on belongs to no test."""
        self._nodeid = OUTSIDE

    def record(self, kind: str, what: str, where: str) -> None:
        """Note that the running test asked for `what` and met `where`; see `Entry`."""
        entry = Entry(kind, what, where)
        with self._lock:
            counts = self._counts.setdefault(self._nodeid, {})
            counts[entry] = counts.get(entry, 0) + 1

    def entries(self, nodeid: str | None = None) -> list[Entry]:
        """What the test `nodeid`, or else the running one, met, in the order first met."""
        with self._lock:
            return list(self._counts.get(self._nodeid if nodeid is None else nodeid, ()))

    def take(self) -> dict[str, list[Row]]:
        """Hand over, by node id, all that was recorded, and forget it."""
        with self._lock:
            counts, self._counts = self._counts, {}
        return {
            nodeid: [(entry.kind, entry.what, entry.where, count) for entry, count in found.items()]
            for nodeid, found in counts.items()
        }


def lines(rows: Iterable[Row]) -> list[str]:
    """One line of text per row, the columns aligned."""
    shown = [(kind, what, f"{where} ({n}×)" if n > 1 else where) for kind, what, where, n in rows]
    kinds = max((len(kind) for kind, _, _ in shown), default=0)
    whats = max((len(what) for _, what, _ in shown), default=0)
    return [f"{kind:<{kinds}}  {what:<{whats}}  → {where}" for kind, what, where in shown]
