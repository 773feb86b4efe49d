"""List and revoke sessions. What is revoked is refused from then on, everywhere."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sqlalchemy import ColumnElement, delete, func, select, update

from ostiary.events.actions import Happened, emit
from ostiary.events.catalogue import EventType
from ostiary.kernel import tokens
from ostiary.kernel.database import Connection
from ostiary.kernel.keyring import PUBLISH_AHEAD
from ostiary.kernel.origin import Origin
from ostiary.kernel.problems import NotFound
from ostiary.runtime import Runtime
from ostiary.sessions.tables import Device, Family, RefreshToken, Session
from ostiary.sessions.tokens import FIRST_PARTY, InvalidRefreshToken

Reason = Literal[
    "logout",
    "revoked",
    "password_changed",
    "password_reset",
    "email_changed",
    "email_change_undone",
    "reclaimed",
    "mfa_reset",
    "promoted",
]


@dataclass(frozen=True, slots=True)
class Listed:
    """A live session, as its user sees it."""

    id: str
    created_at: datetime
    last_seen_at: datetime
    expires_at: datetime
    ip_address: str
    user_agent: str
    amr: str
    acr: str


_COLUMNS = tuple(getattr(Session, name) for name in Listed.__slots__)


async def list_sessions(rt: Runtime, user_id: str, *, before: str, limit: int) -> list[Listed]:
    """Up to `limit` live sessions, newest first, of those whose id sorts before `before`."""
    statement = (
        select(*_COLUMNS)
        .where(
            Session.user_id == user_id,
            Session.id < before,
            Session.revoked_at.is_(None),
            Session.expires_at > rt.clock.now(),
        )
        .order_by(Session.id.desc())
        .limit(limit)
    )
    async with rt.db.read() as connection:
        return [Listed(*row) for row in await connection.execute(statement)]


async def revoke_one(
    rt: Runtime, user_id: str, session_id: str, *, reason: Reason, origin: Origin
) -> None:
    """End one session of this user. Raises `NotFound` where it is none of theirs, or has ended."""
    revoked = await _revoke(rt, user_id, reason, origin, Session.id == session_id)
    if not revoked:
        raise NotFound


async def revoke_others(rt: Runtime, user_id: str, session_id: str, *, origin: Origin) -> None:
    """End every session of this user but `session_id`."""
    await _revoke(rt, user_id, "revoked", origin, Session.id != session_id)


async def sign_out(rt: Runtime, presented: str, *, origin: Origin) -> None:
    """End the session that a refresh token belongs to, used or not.

    Raises `InvalidRefreshToken` where it belongs to no live one.
    """
    token = tokens.parse_token("ostrt", presented)
    if token is None:
        raise InvalidRefreshToken
    now = rt.clock.now()
    theirs = (
        select(Family.session_id)
        .join(RefreshToken, RefreshToken.family_id == Family.id)
        .where(
            RefreshToken.id == token.id,
            RefreshToken.digest == token.digest,
            RefreshToken.expires_at > now,
            Family.client_id == FIRST_PARTY,
        )
    )
    async with rt.db.write() as tx:
        revoked = await _end(tx, now, "logout", origin, Session.id.in_(theirs))
    if not revoked:
        raise InvalidRefreshToken


async def end_all(
    tx: Connection,
    now: datetime,
    user_id: str,
    *,
    reason: Reason,
    origin: Origin,
    but: str | None = None,
) -> int:
    """End every session of a user (except `but`) as a part of a change that calls for it.

    Returns how many ended.
    """
    which = [Session.user_id == user_id] + ([Session.id != but] if but else [])
    return len(await _end(tx, now, reason, origin, *which))


async def count_live(tx: Connection, now: datetime, user_id: str) -> int:
    """How many sessions of a user have neither ended nor expired."""
    statement = select(func.count()).where(
        Session.user_id == user_id, Session.revoked_at.is_(None), Session.expires_at > now
    )
    return await tx.scalar(statement) or 0


async def forget_devices(tx: Connection, user_id: str) -> None:
    """No device of this user is known any more: one of them may be somebody else's."""
    await tx.execute(delete(Device).where(Device.user_id == user_id))


async def _revoke(
    rt: Runtime, user_id: str, reason: Reason, origin: Origin, which: ColumnElement[bool]
) -> list[str]:
    async with rt.db.write() as tx:
        return await _end(tx, rt.clock.now(), reason, origin, which, Session.user_id == user_id)


async def _end(
    tx: Connection,
    now: datetime,
    reason: Reason,
    origin: Origin,
    *which: ColumnElement[bool],
) -> list[str]:
    statement = (
        update(Session)
        .where(Session.revoked_at.is_(None), Session.expires_at > now, *which)
        .values(revoked_at=now)
        .returning(Session.id, Session.user_id)
    )
    rows = (await tx.execute(statement)).all()
    happened = [
        Happened(
            EventType.SESSION_REVOKED,
            subject=row.user_id,
            actor=row.user_id,
            session_id=row.id,
            data={"reason": reason},
        )
        for row in rows
    ]
    await emit(tx, now, origin, happened)
    return [row.id for row in rows]


async def rotate_keys(rt: Runtime, *, at_once: bool, origin: Origin) -> str:
    """Add a signing key and return its `kid`.

    It signs after the time that verifiers need to learn of it, or at once where the present one
    may have leaked.
    """
    now = rt.clock.now()
    async with rt.db.write() as tx:
        signs_from = now if at_once else now + PUBLISH_AHEAD
        return await add_key(tx, rt, now, signs_from=signs_from, origin=origin)


async def add_key(
    tx: Connection, rt: Runtime, now: datetime, *, signs_from: datetime, origin: Origin
) -> str:
    """Add a signing key that takes over at `signs_from`, as a part of `tx`; return its `kid`.

    Raises `IntegrityError` where another process adds one now.
    """
    kid = await rt.keys.add(tx, signs_from=signs_from)
    data: dict[str, object] = {"kid": kid, "signs_from": signs_from.isoformat()}
    await emit(tx, now, origin, Happened(EventType.KEY_ADDED, subject=kid, data=data))
    return kid
