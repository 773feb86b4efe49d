"""What nobody can use any more is deleted, in batches that hold the writer for moments.

Each sweep takes up to `limit` rows by an index and returns how many it took: fewer mean that it
is done. Two workers may sweep at once; each passes over what the other holds.
"""

from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Select, delete, func, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import InstrumentedAttribute

from ostiary.events.actions import Happened, emit
from ostiary.events.catalogue import EventType
from ostiary.kernel.database import Connection
from ostiary.kernel.keyring import PUBLISH_AHEAD, SigningKey
from ostiary.kernel.origin import LOCAL
from ostiary.runtime import Runtime
from ostiary.sessions.actions import add_key
from ostiary.sessions.tables import Device, RefreshToken, Session

# People look for what happened to a session; after that the event log knows it alone.
_SESSIONS_KEPT = timedelta(days=30)
# A clock that was wrong for a day must not have cost a key that is still needed.
_KEYS_KEPT = timedelta(days=7)


async def forget_successors(tx: Connection, now: datetime, *, limit: int, window: timedelta) -> int:
    """Clear the sealed successors of tokens that were used longer than `window` ago."""
    which = _some(
        RefreshToken.id,
        RefreshToken.successor_sealed.is_not(None),
        RefreshToken.used_at <= now - window,
        limit=limit,
    )
    cleared = update(RefreshToken).where(RefreshToken.id.in_(which)).values(successor_sealed=None)
    return (await tx.execute(cleared)).rowcount


async def sweep_refresh_tokens(tx: Connection, now: datetime, *, limit: int) -> int:
    """Delete refresh tokens that have expired, used or not."""
    which = _some(RefreshToken.id, RefreshToken.expires_at <= now, limit=limit)
    return (await tx.execute(delete(RefreshToken).where(RefreshToken.id.in_(which)))).rowcount


async def sweep_expired_sessions(tx: Connection, now: datetime, *, limit: int) -> int:
    """Delete sessions that expired over 30 days ago, with their families and tokens."""
    return await _sweep_sessions(tx, Session.expires_at < now - _SESSIONS_KEPT, limit=limit)


async def sweep_revoked_sessions(tx: Connection, now: datetime, *, limit: int) -> int:
    """Delete sessions that were revoked over 30 days ago, with their families and tokens."""
    return await _sweep_sessions(tx, Session.revoked_at < now - _SESSIONS_KEPT, limit=limit)


async def sweep_devices(tx: Connection, now: datetime, *, limit: int) -> int:
    """Delete known devices that nobody has signed in on for their lifetime."""
    which = _some(Device.id, Device.expires_at <= now, limit=limit)
    return (await tx.execute(delete(Device).where(Device.id.in_(which)))).rowcount


async def sweep_keys(rt: Runtime, now: datetime) -> list[str]:
    """Delete signing keys whose last token expired over a week ago; return their `kid`s."""
    longest = timedelta(seconds=rt.settings.tokens.access_lifetime)
    overtaken = (
        select(func.max(SigningKey.generation))
        .where(SigningKey.signs_from <= now - longest - _KEYS_KEPT)
        .scalar_subquery()
    )
    retired = SigningKey.generation < overtaken
    async with rt.db.read() as connection:
        if await connection.scalar(select(SigningKey.kid).where(retired).limit(1)) is None:
            return []
    async with rt.db.write() as tx:
        deleted = await tx.execute(delete(SigningKey).where(retired).returning(SigningKey.kid))
        kids = list(deleted.scalars())
        await emit(tx, now, LOCAL, [Happened(EventType.KEY_DELETED, subject=kid) for kid in kids])
    return kids


async def rotate_when_due(rt: Runtime) -> str | None:
    """Add a signing key where the newest is older than `tokens.key_lifetime`; return its `kid`."""
    now = rt.clock.now()
    newest = select(func.max(SigningKey.signs_from)).scalar_subquery()
    is_due = select(newest <= now - timedelta(seconds=rt.settings.tokens.key_lifetime))
    async with rt.db.read() as connection:
        if not await connection.scalar(is_due):
            return None
    try:
        async with rt.db.write() as tx:
            # Once more: another worker may have been here since, and one new key is enough.
            if not await tx.scalar(is_due):
                return None
            return await add_key(tx, rt, now, signs_from=now + PUBLISH_AHEAD, origin=LOCAL)
    except IntegrityError:
        return None  # another worker adds one at this very moment


async def _sweep_sessions(tx: Connection, ended: ColumnElement[bool], *, limit: int) -> int:
    which = _some(Session.id, ended, limit=limit)
    return (await tx.execute(delete(Session).where(Session.id.in_(which)))).rowcount


def _some(
    id: InstrumentedAttribute[str], *conditions: ColumnElement[bool], limit: int
) -> Select[str]:
    # What another worker is deleting is passed over, not waited for.
    return select(id).where(*conditions).limit(limit).with_for_update(skip_locked=True)
