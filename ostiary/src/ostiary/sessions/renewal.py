"""A session goes on: with a new chain of refresh tokens, or with a stronger proof behind it."""

from datetime import datetime

from sqlalchemy import insert, update

from ostiary.kernel import tokens
from ostiary.kernel.database import Connection
from ostiary.kernel.tokens import Token
from ostiary.runtime import Runtime
from ostiary.sessions.done import Done
from ostiary.sessions.tables import Family, Session
from ostiary.sessions.tokens import FIRST_PARTY, add


async def renew(tx: Connection, rt: Runtime, now: datetime, *, session_id: str) -> Token | None:
    """A refresh token of a new family of this session; None where the session has ended.

    What was handed out before is refused from then on.
    """
    alive = (
        update(Session)
        .where(Session.id == session_id, Session.revoked_at.is_(None), Session.expires_at > now)
        .values(last_seen_at=now)
        .returning(Session.expires_at)
    )
    session = (await tx.execute(alive)).one_or_none()
    if session is None:
        return None
    await tx.execute(
        update(Family)
        .where(
            Family.session_id == session_id,
            Family.client_id == FIRST_PARTY,
            Family.revoked_at.is_(None),
        )
        .values(revoked_at=now)
    )
    family_id = tokens.new_id("fam", now)
    await tx.execute(
        insert(Family).values(
            id=family_id,
            session_id=session_id,
            client_id=FIRST_PARTY,
            created_at=now,
            expires_at=session.expires_at,
        )
    )
    return await add(tx, rt, now, family_id=family_id, ends_at=session.expires_at)


async def strengthen(tx: Connection, now: datetime, *, session_id: str, done: Done) -> bool:
    """Note that the session's holder has proven themselves again. False where it has ended."""
    proven: dict[str, object] = {"auth_time": now, "amr": " ".join(done.amr), "acr": done.acr}
    if done.has_second:
        proven["second_factor_at"] = now
    statement = (
        update(Session)
        .where(Session.id == session_id, Session.revoked_at.is_(None), Session.expires_at > now)
        .values(proven)
        .returning(Session.id)
    )
    return (await tx.execute(statement)).one_or_none() is not None
