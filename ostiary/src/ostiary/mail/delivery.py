"""Lease, send, delete: a message is lost never, and doubled at most once for each kill.

One message at a time: only the one in flight can be sent and not yet deleted when a process dies.
"""

import logging
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import bindparam, delete, select, update
from sqlalchemy.orm import aliased

from ostiary.events.actions import Happened, emit
from ostiary.events.catalogue import EventType
from ostiary.kernel.database import AnyRow, Transaction
from ostiary.kernel.mail import MailDeferred, MailRefused, MailServerDown
from ostiary.kernel.origin import LOCAL
from ostiary.kernel.templates import TemplateBroken
from ostiary.kernel.vault import SealBroken
from ostiary.mail.actions import unseal
from ostiary.mail.messages import Kind
from ostiary.mail.rendering import render
from ostiary.mail.tables import Mail
from ostiary.runtime import Runtime

_log = logging.getLogger(__name__)

# Longer than a mailer takes for a message at the most, so that nobody else sends it meanwhile.
_LEASE = timedelta(minutes=5)
_FIRST_PAUSE = timedelta(seconds=30)
_LONGEST_PAUSE = timedelta(hours=6)


@dataclass(frozen=True, slots=True)
class Delivered:
    """Everything due was tried; `count` messages are gone."""

    count: int


@dataclass(frozen=True, slots=True)
class Interrupted:
    """The server takes nothing now, so nothing more was tried; `count` messages are gone."""

    count: int


@dataclass(frozen=True, slots=True)
class _Sent:
    id: str


@dataclass(frozen=True, slots=True)
class _Forgotten:
    """It was to nobody."""

    id: str


@dataclass(frozen=True, slots=True)
class _Later:
    """To be tried again. An attempt that met no server does not count."""

    row: AnyRow
    why: str
    counts: bool


@dataclass(frozen=True, slots=True)
class _Never:
    row: AnyRow
    why: str


_Outcome = _Sent | _Forgotten | _Later | _Never

_waiting = aliased(Mail)
_due = _waiting.due_at <= bindparam("at")
_ANY = select(_waiting.id).where(_due).limit(1)
_LEASE_NEXT = (
    update(Mail)
    .where(
        Mail.id
        == select(_waiting.id)
        .where(_due)
        .order_by(_waiting.due_at, _waiting.id)
        .limit(1)
        .with_for_update(skip_locked=True)
        .scalar_subquery()
    )
    .values(due_at=bindparam("until"), attempts=Mail.attempts + 1)
    .returning(*Mail.__table__.columns)
)
_DELETE = delete(Mail).where(Mail.id == bindparam("mail"))
# Only while the lease is ours: a process that slept for longer must not undo another's.
_ours = (Mail.id == bindparam("mail"), Mail.due_at == bindparam("lease"))
_POSTPONE = update(Mail).where(*_ours).values(due_at=bindparam("at"), attempts=bindparam("tries"))
_GIVE_UP = (
    update(Mail)
    .where(*_ours)
    .values(due_at=None, failed_at=bindparam("at"), failure=bindparam("why"))
    .returning(Mail.id)
)


async def deliver(
    rt: Runtime, *, is_stopping: Callable[[], bool] = lambda: False
) -> Delivered | Interrupted:
    """Send what is due, one message after the other, until there is no more.

    Between two messages it looks whether it `is_stopping`. Raises what the database raises.
    """
    count = 0
    try:
        outcome: _Outcome | None = None
        while outcome is not None or await _is_any_due(rt):
            row = await _settle_and_lease(rt, outcome, is_last=is_stopping())
            if isinstance(outcome, _Later) and not outcome.counts:
                return Interrupted(count)
            if row is None:
                break
            outcome = await _attempt(rt, row)
            count += isinstance(outcome, _Sent)
    finally:
        await rt.mailer.close()
    return Delivered(count)


async def _is_any_due(rt: Runtime) -> bool:
    # A read first: most rounds find nothing, and SQLite has one writer for everybody.
    return await rt.db.fetch_one(_ANY, {"at": rt.clock.now()}) is not None


async def _settle_and_lease(
    rt: Runtime, outcome: _Outcome | None, *, is_last: bool
) -> AnyRow | None:
    """Write down how the last message fared and take the next, in one transaction."""
    now = rt.clock.now()
    is_over = is_last or (isinstance(outcome, _Later) and not outcome.counts)
    async with rt.db.write_hot() as tx:
        if outcome is not None:
            await _settle(tx, rt, now, outcome)
        if is_over:
            return None
        return (await tx.execute(_LEASE_NEXT, {"at": now, "until": now + _LEASE})).one_or_none()


async def _settle(tx: Transaction, rt: Runtime, now: datetime, outcome: _Outcome) -> None:
    match outcome:
        case _Sent(id) | _Forgotten(id):
            await tx.execute(_DELETE, {"mail": id})
        case _Later(row, why, counts):
            if counts and row.attempts >= rt.settings.mail.max_attempts:
                await _give_up(tx, now, row, why)
                return
            at = now + _pause(row.attempts) if counts else now
            tries = row.attempts if counts else row.attempts - 1
            lease = {"mail": row.id, "lease": row.due_at}
            await tx.execute(_POSTPONE, {**lease, "at": at, "tries": tries})
        case _Never(row, why):
            await _give_up(tx, now, row, why)


async def _give_up(tx: Transaction, now: datetime, row: AnyRow, why: str) -> None:
    given = {"mail": row.id, "lease": row.due_at, "at": now, "why": why}
    if (await tx.execute(_GIVE_UP, given)).one_or_none() is None:
        return
    data: dict[str, object] = {"mail": row.id, "kind": row.kind, "reason": why}
    await emit(tx, now, LOCAL, Happened(EventType.MAIL_FAILED, subject=row.user_id, data=data))


async def _attempt(rt: Runtime, row: AnyRow) -> _Outcome:
    if row.attempts > rt.settings.mail.max_attempts:
        # Whoever had it before never came back to say why.
        return _Never(row, "the attempts were broken off")
    if row.kind not in set(Kind):
        return _Later(row, "this version knows no such kind", counts=True)
    outcome: _Later | _Never
    try:
        letter = unseal(rt, row.id, row.kind, row.user_id, row.sealed)
        if letter.to is None:
            return _Forgotten(row.id)
        await rt.mailer.send(render(rt, row.id, letter.to, letter, written_at=row.created_at))
    except MailRefused as error:
        outcome = _Never(row, str(error))
    except SealBroken:
        outcome = _Never(row, "no key among secret_keys opens it")
    except MailServerDown as error:
        outcome = _Later(row, str(error), counts=False)
    except (MailDeferred, TemplateBroken) as error:
        outcome = _Later(row, str(error), counts=True)
    else:
        _log.info("mail %s sent", row.id)
        return _Sent(row.id)
    _log.warning("mail %s not sent: %s", row.id, outcome.why)
    return outcome


def _pause(attempts: int) -> timedelta:
    """Twice as long each time, between half and all of it: retries must not come in a crowd."""
    longest = min(_FIRST_PAUSE * (1 << (attempts - 1)), _LONGEST_PAUSE)
    return longest * (0.5 + secrets.randbelow(1_000) / 2_000)
