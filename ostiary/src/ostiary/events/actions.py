"""`emit` writes what happened into the transaction in which it happened."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import insert

from ostiary.events.catalogue import EventType
from ostiary.events.tables import Event
from ostiary.kernel import tokens
from ostiary.kernel.database import Transaction
from ostiary.kernel.origin import Origin

_ADD = insert(Event)


@dataclass(frozen=True, slots=True)
class Happened:
    """One event to be.

    `actor` is who did it and `subject` whom it happened to, both ids; `data` holds names and
    figures, never a secret and never what somebody typed.
    """

    type: EventType
    subject: str | None = None
    actor: str | None = None
    session_id: str | None = None
    data: dict[str, object] = field(default_factory=dict)


async def emit(
    tx: Transaction,
    now: datetime,
    origin: Origin,
    happened: Happened | Iterable[Happened],
) -> None:
    """Add the events to the log, as a part of `tx`."""
    if isinstance(happened, Happened):
        # One row, not a list of one: drivers take another, slower way for a list.
        await tx.execute(_ADD, _row(now, origin, happened))
        return
    for one in happened:
        await tx.execute(_ADD, _row(now, origin, one))


def _row(now: datetime, origin: Origin, happened: Happened) -> dict[str, object]:
    return {
        "id": tokens.new_id("evt", now),
        "type": happened.type.value,
        "at": now,
        "actor": happened.actor,
        "subject": happened.subject,
        "session_id": happened.session_id,
        "ip_address": origin.ip_address or None,
        "request_id": origin.request_id or None,
        "data": happened.data,
    }
