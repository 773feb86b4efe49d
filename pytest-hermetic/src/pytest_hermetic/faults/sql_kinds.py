"""What can befall a database, by the word a test uses.

`disconnect` (the connection breaks), `down` (nothing connects, what is open breaks), `refuse`
(nothing connects); `serialization`, `deadlock`, `locked`, `timeout` (the statement is cancelled),
`readonly`, `full`; `slow` (seconds=…: a statement that takes longer than the time-out of its
connection is cancelled, any other only takes time on the test's clock); `error` (sqlstate="23505").
When: at="statement" (by itself), or at="commit"; of a `disconnect`, lost="answer" says that it was
done and only its confirmation did not arrive. Which statements: statements="insert into orders",
a part of their text whatever its case. ROLLBACK is never struck.
PostgreSQL raises the errors itself; SQLite's are of the kind and the text it has for them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from pytest_hermetic.faults.fault import Stroke

_RAISED = ("serialization", "deadlock", "locked", "timeout", "readonly", "full", "error")
_BROKEN = ("disconnect", "down", "refuse")
_KINDS = (*_BROKEN, *_RAISED, "slow")


@dataclass(frozen=True, slots=True)
class SqlOperation:
    """A statement, a commit (without text), or a connection to be opened."""

    at: str
    statement: str = ""

    def __str__(self) -> str:
        text = " ".join(self.statement.split())
        return f"{self.at} {text[:60]}".rstrip() if self.at != "connect" else "connect"


def build(
    kind: str,
    *,
    at: str | None = None,
    lost: str | None = None,
    seconds: float | None = None,
    sqlstate: str | None = None,
    statements: str | None = None,
) -> tuple[str, Callable[[Any], Stroke | None]]:
    """The operations a fault of `kind` may strike, and how it strikes one.

    Raises `pytest.UsageError` for a kind, or a use of an option, that does not exist.
    """
    if kind not in _KINDS:
        raise pytest.UsageError(f"sql has no fault {kind!r}; it has {', '.join(_KINDS)}")
    if at not in (None, "statement", "commit") or (at and kind in ("down", "refuse")):
        raise pytest.UsageError(f"a sql fault {kind!r} cannot be at={at!r}")
    if lost not in (None, "request", "answer") or (lost == "answer" and kind != "disconnect"):
        raise pytest.UsageError(f"a sql fault {kind!r} cannot have lost={lost!r}")
    if at == "commit" and statements is not None:
        raise pytest.UsageError("a commit has no text: leave `statements` out")
    for owner, name, value in (("slow", "seconds", seconds), ("error", "sqlstate", sqlstate)):
        if (kind == owner) != (value is not None):
            verb = "needs" if kind == owner else "takes no"
            raise pytest.UsageError(f"a sql fault {kind!r} {verb} {name}=…")
    wanted = (statements or "").lower()

    def stroke(operation: SqlOperation) -> Stroke | None:
        if operation.at == "connect":
            return Stroke(kind, "refuse")
        if wanted not in operation.statement.lower():
            return None
        if kind == "slow":
            return Stroke(kind, "delay", seconds=seconds or 0.0)
        if kind in _BROKEN:
            return Stroke(kind, "cut", lost=lost or "request")
        return Stroke(kind, "raise", text=sqlstate or "")

    where = {"refuse": "connect", "down": "open"}.get(kind, at or "statement")
    return where, stroke
