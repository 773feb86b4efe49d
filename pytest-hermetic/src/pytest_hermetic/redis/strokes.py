"""The faults a test has set, as one server's connections meet them.

No stroke takes real time: a client that would run into its time-out does so at once, and what it
would have waited passes on the test's clock.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

from pytest_hermetic.faults.fault import Stroke, WouldHang
from pytest_hermetic.faults.redis_kinds import RedisOperation

if TYPE_CHECKING:
    from pytest_hermetic.faults import Faults
    from pytest_hermetic.redis.engine.connected import ConnectedSession

PATIENCE = 10.0
"""Real seconds an asynchronous client without a time-out is let wait: a caller may have one."""


class Strokes:
    """Asked before a connection is made and before each of its commands."""

    def __init__(self, faults: Faults, server: str) -> None:
        self._faults = faults
        self._server = server

    @property
    def active(self) -> bool:
        """Whether the test has a fault set for Redis."""
        return "redis" in self._faults.set_for

    def of(self, fields: list[bytes]) -> Stroke | None:
        """What befalls this request."""
        return self._faults.strike("redis", "command", RedisOperation(self._server, tuple(fields)))

    def connecting(self, patience: float | None) -> None:
        """Let the connection be made; raises the OSError of one that is not."""
        if not self.active:
            return
        stroke = self._faults.strike("redis", "connect", RedisOperation(self._server))
        if stroke is None:
            return
        if stroke.action == "silence":
            self.spend(patience or 0.0)
            raise TimeoutError("timed out")
        raise ConnectionRefusedError(111, "Connection refused")

    def spend(self, seconds: float) -> None:
        """Let time pass on the test's clock."""
        self._faults.spend(seconds)

    def give_up(self, patience: float | None) -> NoReturn:
        """Nothing will come: end the wait of a client that waits `patience` seconds."""
        if patience is None:
            raise WouldHang(
                f"the client of {self._server} has no socket_timeout: here it would wait for ever",
                pytrace=False,
            )
        self.spend(patience)
        raise TimeoutError("timed out")


class Course:
    """What one in-memory connection goes through: its requests run, or meet their stroke."""

    def __init__(self, session: ConnectedSession, strokes: Strokes | None) -> None:
        self._session = session
        self._strokes = strokes
        self._lost = False
        self._room: int | None = None
        self.silent = False
        """Whether no answer reaches the client any more."""
        self.broken = False
        """Whether the connection is to be ended after this request."""

    def run(self, fields: list[bytes], patience: float | None) -> None:
        """Run one request of a client that waits `patience` seconds for its answer."""
        strokes = self._strokes
        if self._lost:
            return
        stroke = strokes.of(fields) if strokes is not None and strokes.active else None
        if strokes is None or stroke is None:
            self._session.handle(fields)
            return
        match stroke.action:
            case "answer":
                self._session.handle(fields, refusal=stroke.text)
                return
            case "delay" if patience is None or stroke.seconds < patience:
                strokes.spend(stroke.seconds)
                self._session.handle(fields)
                return
            case "cut":
                self._room, self.broken = stroke.keep, True
            case _:
                self.silent = self._session.stuck = True
        self._lost = stroke.lost == "request"
        if self._lost:
            self._session.note(fields)
        else:
            self._session.handle(fields)

    def passes(self, data: bytes) -> bytes:
        """What of an answer reaches the client."""
        if self.silent:
            return b""
        if self._room is None:
            return data
        passing, self._room = data[: self._room], max(self._room - len(data), 0)
        return passing

    def give_up(self, patience: float | None) -> NoReturn:
        """See `Strokes`; only a connection that has some can fall silent."""
        assert self._strokes is not None  # noqa: S101  # narrows the type
        self._strokes.give_up(patience)
