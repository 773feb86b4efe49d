"""An administrator changes somebody's account; somebody is always left who can let others in."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, not_, or_, select, update

from ostiary.authenticators.actions import keep_an_administrator, was_opened
from ostiary.events.actions import Happened, emit
from ostiary.events.catalogue import EventType
from ostiary.kernel.database import Connection
from ostiary.kernel.origin import Origin
from ostiary.kernel.problems import NotFound
from ostiary.mail.actions import enqueue
from ostiary.mail.messages import Kind
from ostiary.runtime import Runtime
from ostiary.sessions.actions import count_live, end_all
from ostiary.signin.letters import letter
from ostiary.signin.recovery import send_reset
from ostiary.signin.standing import policy_of
from ostiary.users import actions as users
from ostiary.users.actions import Profile, Role, Status
from ostiary.users.tables import User


@dataclass(frozen=True, slots=True)
class Changed:
    """It is done; `sessions` is how many live sessions it ended, or shut out."""

    sessions: int = 0


@dataclass(frozen=True, slots=True)
class Unchanged:
    """The account was like that before; nothing was written."""


@dataclass(frozen=True, slots=True)
class Mailed:
    """A message with a link was written; the link is good for `lifetime`."""

    lifetime: timedelta


@dataclass(frozen=True, slots=True)
class Shut:
    """The account is suspended, so that no link of it works; nothing was mailed."""


async def suspend(rt: Runtime, user_id: str, *, origin: Origin) -> Changed | Unchanged:
    """Shut an account: every session of it is refused from the next request on.

    Raises `LastAdministrator`, and `NotFound` where there is no such account.
    """
    now = rt.clock.now()
    async with rt.db.write() as tx:
        await keep_an_administrator(tx, user_id)
        if not await _set_status(tx, now, user_id, "suspended", was="active", origin=origin):
            return Unchanged()
        return Changed(await count_live(tx, now, user_id))


async def reactivate(rt: Runtime, user_id: str, *, origin: Origin) -> Changed | Unchanged:
    """Open a suspended account again; its sessions that have not expired work again.

    Raises `NotFound` where there is no such account.
    """
    now = rt.clock.now()
    async with rt.db.write() as tx:
        if not await _set_status(tx, now, user_id, "active", was="suspended", origin=origin):
            return Unchanged()
        return Changed(await count_live(tx, now, user_id))


@dataclass(frozen=True, slots=True)
class Unproven:
    """Somebody was in the account, and nobody has shown to read its mail; nothing was written."""


async def promote(rt: Runtime, user_id: str, *, origin: Origin) -> Changed | Unchanged | Unproven:
    """Make an account an administrator's, unless it may be of somebody else than its email says.

    Where `mfa.policy` asks administrators for a second factor, the sessions of the account end:
    none of them was opened under that rule. Raises `NotFound` where there is no such account.
    """
    now = rt.clock.now()
    async with rt.db.write() as tx:
        is_proven = or_(User.email_verified, not_(was_opened()))
        set_role = _set_role(
            tx, now, user_id, "administrator", is_proven, was="user", origin=origin
        )
        if not await set_role:
            role = await tx.scalar(select(User.role).where(User.id == user_id))
            return Unproven() if role == "user" else Unchanged()
        if not policy_of(rt.settings, "administrator").demands_second:
            return Changed()
        return Changed(await end_all(tx, now, user_id, reason="promoted", origin=origin))


async def demote(rt: Runtime, user_id: str, *, origin: Origin) -> Changed | Unchanged:
    """Make an administrator's account a user's again. What it may do counts from the next request.

    Raises `LastAdministrator`, and `NotFound` where there is no such account.
    """
    now = rt.clock.now()
    async with rt.db.write() as tx:
        await keep_an_administrator(tx, user_id)
        if not await _set_role(tx, now, user_id, "user", was="administrator", origin=origin):
            return Unchanged()
    return Changed()


async def delete(rt: Runtime, user_id: str, *, origin: Origin) -> Changed:
    """Delete an account and everything that belongs to it; events keep its id.

    The person gets a last message where the email was verified: another one may never have been
    theirs. Raises `LastAdministrator`, and `NotFound` where there is no such account.
    """
    now = rt.clock.now()
    async with rt.db.write() as tx:
        await keep_an_administrator(tx, user_id)
        sessions = await count_live(tx, now, user_id)
        gone = await users.remove(tx, now, user_id, reason="administration", origin=origin)
        if gone is None:
            raise NotFound
        if gone.email_verified:
            await enqueue(tx, rt, now, letter(gone, Kind.ACCOUNT_DELETED))
    return Changed(sessions)


async def mail_password_link(rt: Runtime, profile: Profile, *, origin: Origin) -> Mailed | Shut:
    """Mail the owner of an account a link with which they choose a new password."""
    if profile.status != "active":
        return Shut()
    now = rt.clock.now()
    async with rt.db.write() as tx:
        await send_reset(tx, rt, now, profile)
        happened = Happened(EventType.PASSWORD_RESET_REQUESTED, subject=profile.id)
        await emit(tx, now, origin, happened)
    return Mailed(timedelta(seconds=rt.settings.links.reset_lifetime))


async def _set_status(
    tx: Connection, now: datetime, user_id: str, status: Status, *, was: Status, origin: Origin
) -> bool:
    statement = update(User).where(User.id == user_id, User.status == was)
    changed = statement.values(status=status, updated_at=now).returning(User.id)
    if await tx.scalar(changed) is None:
        await _demand(tx, user_id)
        return False
    type = EventType.USER_SUSPENDED if status == "suspended" else EventType.USER_REACTIVATED
    await emit(tx, now, origin, Happened(type, subject=user_id))
    return True


async def _set_role(
    tx: Connection,
    now: datetime,
    user_id: str,
    role: Role,
    *which: ColumnElement[bool],
    was: Role,
    origin: Origin,
) -> bool:
    statement = update(User).where(User.id == user_id, User.role == was, *which)
    changed = statement.values(role=role, updated_at=now).returning(User.id)
    if await tx.scalar(changed) is None:
        await _demand(tx, user_id)
        return False
    type = EventType.USER_DEMOTED if role == "user" else EventType.USER_PROMOTED
    await emit(tx, now, origin, Happened(type, subject=user_id))
    return True


async def _demand(tx: Connection, user_id: str) -> None:
    if await tx.scalar(select(User.id).where(User.id == user_id)) is None:
        raise NotFound
