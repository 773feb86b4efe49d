"""`enqueue` writes a message into the transaction that causes it; operators list and retry."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from sqlalchemy import delete, insert, select, update

from ostiary.kernel import tokens
from ostiary.kernel.database import Connection, Transaction
from ostiary.mail.messages import Kind, Letter
from ostiary.mail.tables import Mail
from ostiary.runtime import Runtime

_PURPOSE = "mail"
_ADD = insert(Mail)
_KEPT = timedelta(days=30)


async def enqueue(tx: Transaction, rt: Runtime, now: datetime, letter: Letter) -> None:
    """Add `letter` to the outbox, as a part of `tx`: it is sent if, and only if, that commits."""
    id = tokens.new_id("mail", now)
    row = {
        "id": id,
        "kind": letter.kind.value,
        "user_id": letter.user_id,
        "sealed": _seal(rt, id, letter),
        "attempts": 0,
        "created_at": now,
        "due_at": now,
    }
    await tx.execute(_ADD, row)


def _seal(rt: Runtime, id: str, letter: Letter) -> bytes:
    content = {"to": letter.to, "locale": letter.locale, "values": dict(letter.values)}
    # The links in it open accounts: a copy of the database must give none of them away.
    return rt.vault.seal(_PURPOSE, json.dumps(content).encode(), context=id)


def unseal(rt: Runtime, id: str, kind: str, user_id: str | None, sealed: bytes) -> Letter:
    """The letter of a row. Raises `SealBroken` where its key is not among `secret_keys`."""
    content = json.loads(rt.vault.open(_PURPOSE, sealed, context=id))
    return Letter(Kind(kind), content["to"], content["locale"], user_id, content["values"])


@dataclass(frozen=True, slots=True)
class Undelivered:
    """A message in the outbox, without its content. `due_at` is None where it was put aside."""

    id: str
    kind: str
    user_id: str | None
    attempts: int
    created_at: datetime
    due_at: datetime | None
    failure: str | None

    @property
    def state(self) -> Literal["waiting", "failed"]:
        """Whether it is going to be tried again."""
        return "failed" if self.due_at is None else "waiting"


_COLUMNS = tuple(getattr(Mail, name) for name in Undelivered.__slots__)


async def undelivered(rt: Runtime, *, after: str, limit: int) -> list[Undelivered]:
    """Up to `limit` messages, oldest first, of those whose id sorts behind `after`."""
    statement = select(*_COLUMNS).where(Mail.id > after).order_by(Mail.id).limit(limit)
    async with rt.db.read() as connection:
        return [Undelivered(*row) for row in await connection.execute(statement)]


async def retry(rt: Runtime, ids: Sequence[str] | None) -> frozenset[str]:
    """Make messages due that were put aside: these, or all where `ids` is None.

    Returns the ids of those; an id that is not a put-aside message's is not among them.
    """
    now = rt.clock.now()
    statement = (
        update(Mail)
        .where(Mail.failed_at.is_not(None))
        .values(due_at=now, attempts=0, failed_at=None, failure=None)
        .returning(Mail.id)
    )
    if ids is not None:
        statement = statement.where(Mail.id.in_(ids))
    async with rt.db.write() as tx:
        return frozenset((await tx.execute(statement)).scalars())


async def sweep(tx: Connection, now: datetime, *, limit: int) -> int:
    """Delete up to `limit` messages that were put aside over 30 days ago. Return how many."""
    old = select(Mail.id).where(Mail.failed_at < now - _KEPT).limit(limit)
    skipping = old.with_for_update(skip_locked=True)
    return (await tx.execute(delete(Mail).where(Mail.id.in_(skipping)))).rowcount
