"""The event log is read newest first, a page at a time, by an index whatever is asked for.

Identifiers sort by the millisecond of their event. Within one, their order means nothing.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, select

from ostiary.events.catalogue import EventType
from ostiary.events.tables import Event
from ostiary.kernel import tokens
from ostiary.runtime import Runtime

_PREFIX = "evt"
# Sorts behind every identifier in any collation.
_LAST = f"{_PREFIX}_{'z' * 26}"


@dataclass(frozen=True, slots=True)
class Logged:
    """One event of the log. `actor` and `subject` are ids; they outlive what they name."""

    id: str
    type: str
    at: datetime
    actor: str | None
    subject: str | None
    session_id: str | None
    ip_address: str | None
    request_id: str | None
    data: dict[str, Any]


_COLUMNS = tuple(getattr(Event, name) for name in Logged.__slots__)


@dataclass(frozen=True, slots=True)
class Filter:
    """Which events are meant: those for which each member that is not None holds.

    `after` and `before` are instants; an event at exactly one of them is not meant.
    """

    type: EventType | None = None
    subject: str | None = None
    actor: str | None = None
    after: datetime | None = None
    before: datetime | None = None

    def conditions(self, cursor: str | None) -> Iterator[ColumnElement[bool]]:
        """The same for a WHERE, and only events that sort before `cursor`."""
        yield Event.id < (cursor or _LAST)
        if self.type is not None:
            yield Event.type == self.type.value
        if self.subject is not None:
            yield Event.subject == self.subject
        if self.actor is not None:
            yield Event.actor == self.actor
        # By the id to get there, by the time to be exact.
        if self.after is not None:
            yield Event.id >= tokens.lowest_id(_PREFIX, self.after)
            yield Event.at > self.after
        if self.before is not None:
            yield Event.id <= tokens.highest_id(_PREFIX, self.before)
            yield Event.at < self.before


async def listed(
    rt: Runtime, which: Filter | None = None, *, cursor: str | None = None, limit: int
) -> list[Logged]:
    """Up to `limit` events of `which` (of all), newest first, of those that sort before `cursor`.

    The id of the last one is the cursor of the next page.
    """
    statement = select(*_COLUMNS).where(*(which or Filter()).conditions(cursor))
    page = statement.order_by(Event.id.desc()).limit(limit)
    async with rt.db.read() as connection:
        return [Logged(*row) for row in await connection.execute(page)]
