"""A clock that the test owns."""

from datetime import UTC, datetime, timedelta


class OwnedClock:
    """Stands still until it is told to go."""

    def __init__(self) -> None:
        self._now = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)

    def now(self) -> datetime:
        """The instant that the test has reached."""
        return self._now

    def advance(self, **span: float) -> None:
        """Go on by `timedelta(**span)`."""
        self._now += timedelta(**span)
