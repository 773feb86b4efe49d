"""All time comes from the runtime's clock, so that a test can own it."""

from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """Tells the time. The only source of it in Ostiary."""

    def now(self) -> datetime:
        """The current instant, in UTC, aware of its zone."""
        ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """The current instant, in UTC."""
        return datetime.now(UTC)  # noqa: TID251 -- the one place that asks the machine
