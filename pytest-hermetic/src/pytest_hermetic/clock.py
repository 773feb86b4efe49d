"""One clock for the test: what moves it moves Python, and all that asks Python for the time."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from importlib.util import find_spec
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from time_machine import Traveller, travel

Moment = datetime | str | float
_monotonic = time.monotonic


class Clock:
    """The time of the running test. It is the real time until the test moves it.

    Moved are `time`, `datetime` and what is built on them, the in-memory Redis, SQLite and
    PostgreSQL. Not moved is `time.monotonic`, by which event loops measure their waits.
    """

    def __init__(self, start: str | None) -> None:
        self._start = start
        self._travel: travel | None = None
        self._traveller: Traveller | None = None
        self._ticks = True
        self._anchor = (0.0, 0.0)
        self._off = False
        self.at = ""
        """The moment it was last moved to (ISO 8601); empty if it was not moved."""
        self.by = ""
        """How far it is ahead of the real time ("1500 microseconds"); empty if it is frozen."""

    def begin(self, start: str | None = None, *, off: bool = False) -> None:
        """Begin a test at `start` (ISO 8601), at the configured moment, or now."""
        self._off = off or "off" in (start, start or self._start)
        begins_at = start or self._start
        if begins_at and not self._off:
            self.travel(begins_at, backwards=True)

    def end(self) -> None:
        """Give the real time back."""
        if self._travel is not None:
            self._travel.stop()
            self._travel = self._traveller = None
            self._ticks = True
            self.at = self.by = ""

    def now(self) -> datetime:
        """The moment it is for the test, in UTC."""
        return datetime.fromtimestamp(time.time(), UTC)  # noqa: TID251  # the clock itself

    @property
    def is_moved(self) -> bool:
        """Whether the test's time differs from the real time."""
        return self._traveller is not None

    @property
    def is_frozen(self) -> bool:
        """Whether time stands still."""
        return not self._ticks

    def advance(
        self,
        by: timedelta | float = 0,
        /,
        *,
        seconds: float = 0,
        minutes: float = 0,
        hours: float = 0,
        days: float = 0,
        weeks: float = 0,
    ) -> None:
        """Move the clock forwards by the sum of the arguments; a bare number means seconds.

        Raises `ValueError` for a negative sum: `travel(…, backwards=True)` says so on purpose.
        """
        span = by if isinstance(by, timedelta) else timedelta(seconds=by)
        span += timedelta(weeks=weeks, days=days, hours=hours, minutes=minutes, seconds=seconds)
        if span < timedelta(0):
            raise ValueError("advance goes forwards; travel(…, backwards=True) goes back")
        self._started().shift(span)
        self._tell()

    def let_pass(self, seconds: float) -> None:
        """Let a wait that nobody waits pass; where the clock cannot be moved, it takes no time."""
        if not self._off and find_spec("time_machine") is not None:
            self.advance(seconds)

    def travel(self, to: Moment, *, backwards: bool = False) -> None:
        """Move the clock to a moment: a datetime, ISO 8601 text, or seconds since 1970.

        A datetime without a zone is UTC. Raises `ValueError` for a moment in the past, unless
        `backwards`.
        """
        moment = self._allowed(to, backwards=backwards)
        self._started().move_to(moment, tick=self._ticks)
        self._tell()

    def freeze(self, at: Moment | None = None, *, backwards: bool = False) -> None:
        """Stop the clock, here or `at` a moment. `advance` and `travel` still move it."""
        moment = self.now() if at is None else self._allowed(at, backwards=backwards)
        self._ticks = False
        self._started().move_to(moment, tick=False)
        self._tell()

    def tick(self) -> None:
        """Let a frozen clock run on."""
        self._ticks = True
        self._started().move_to(self.now(), tick=True)
        self._tell()

    def monotonic(self) -> float:
        """A `time.monotonic` that moves with this clock, for caches that measure ages by it."""
        if self._traveller is None:
            return _monotonic()
        wall, monotonic = self._anchor
        return monotonic + time.time() - wall  # noqa: TID251  # the clock itself

    def _allowed(self, to: Moment, *, backwards: bool) -> datetime:
        moment, now = _moment(to), self.now()
        if moment < now and not backwards:
            raise ValueError(f"{moment} is before {now}; say backwards=True to go there")
        return moment

    def _tell(self) -> None:
        from time_machine import escape_hatch

        ahead = (time.time_ns() - escape_hatch.time.time_ns()) // 1000
        self.at = self.now().isoformat()
        self.by = f"{ahead} microseconds" if self._ticks else ""

    def _started(self) -> Traveller:
        if self._off:
            raise pytest.UsageError("the clock is off in this test")
        if self._traveller is None:
            travel = _time_machine()
            self._anchor = (time.time(), _monotonic())  # noqa: TID251  # the clock itself
            self._travel = travel(self.now(), tick=True)
            self._traveller = self._travel.start()
        return self._traveller


def _time_machine() -> Callable[..., travel]:
    try:
        from time_machine import travel
    except ModuleNotFoundError as error:
        raise pytest.UsageError(
            "moving the clock needs time-machine: install pytest-hermetic[time]"
        ) from error
    return travel


def _moment(given: Moment) -> datetime:
    if isinstance(given, str):
        given = datetime.fromisoformat(given)
    if isinstance(given, int | float):
        return datetime.fromtimestamp(given, UTC)
    return given.replace(tzinfo=UTC) if given.tzinfo is None else given
