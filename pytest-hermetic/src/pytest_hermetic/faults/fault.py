"""One fault: when it strikes is counted, never left to time or chance."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

from _pytest.outcomes import Failed

Unused = Literal["fail", "allow"]


class WouldHang(Failed):
    """The client would wait for ever, for it has no time-out; the test fails where it would hang.

    Not an `Exception`, so that no `except Exception` of the application takes it for an answer.
    """


@dataclass(frozen=True, slots=True)
class Stroke:
    """What befalls one operation."""

    kind: str
    """The word the test used: "timeout", "serialization"."""
    action: str
    """What the wire does: "refuse", "answer", "silence", "cut", "delay", "raise"."""
    text: str = ""
    """The error an "answer" consists of, in the server's words."""
    lost: str = "request"
    """"request": the operation is not done. "answer": it is done, and nobody is told."""
    keep: int = 0
    """Bytes of the answer that still arrive before a "cut"."""
    seconds: float = 0.0
    """How long a "delay" takes on the test's clock."""


@dataclass(eq=False)
class Fault:
    """A fault that is set. `fired` and `struck` tell afterwards what it did."""

    resource: str
    at: str
    """The operations it may strike: "connect", "command", "statement", "commit", "open" (all)."""
    stroke: Callable[[Any], Stroke | None]
    """The stroke for an operation of that kind, or None when the fault does not concern it."""
    title: str
    """As the test wrote it: `redis "timeout" after=3`."""
    after: int = 0
    """How many operations of its kind pass before it strikes."""
    times: int | None = None
    """How often it strikes; None for as long as it is set."""
    unused: Unused = "fail"
    seen: int = 0
    """Operations it might have struck."""
    fired: int = 0
    """How often it struck."""
    struck: list[str] = field(default_factory=list)
    """The operations it struck, in words."""

    def meet(self, at: str, operation: Any) -> Stroke | None:
        """The stroke for this operation, if the fault's turn has come."""
        if self.at not in (at, "open"):
            return None
        stroke = self.stroke(operation)
        if stroke is None:
            return None
        self.seen += 1
        if self.seen <= self.after or (self.times is not None and self.fired >= self.times):
            return None
        self.fired += 1
        self.struck.append(str(operation))
        return stroke

    def complaint(self) -> str:
        """Why a test whose fault never struck proves nothing."""
        if self.seen:
            met = f"it met {self.seen} operations of its kind, and after={self.after} let them pass"
        else:
            met = "no operation of its kind was met"
        return f"the fault {self.title} never struck: {met}. Set unused='allow' if that is meant."
