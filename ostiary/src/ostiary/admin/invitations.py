"""Inviting people: an account without a password, and a link with which its owner chooses one."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import exists, select

from ostiary.admin.users import Shut
from ostiary.authenticators import password
from ostiary.authenticators.tables import Authenticator
from ostiary.events.actions import Happened, emit
from ostiary.events.catalogue import EventType
from ostiary.kernel.database import Connection
from ostiary.kernel.origin import Origin
from ostiary.runtime import Runtime
from ostiary.signin import invitations
from ostiary.users import actions as users
from ostiary.users.actions import PROFILE, NewUser, Profile, profile_of
from ostiary.users.names import email_key, username_key
from ostiary.users.tables import User


@dataclass(frozen=True, slots=True)
class Invited:
    """A message with a link was written; `is_new` where the account was made for it."""

    profile: Profile
    expires_at: datetime
    is_new: bool


@dataclass(frozen=True, slots=True)
class HasPassword:
    """The account has a password, so that there is none to choose; nothing was changed."""

    profile: Profile


@dataclass(frozen=True, slots=True)
class Differs:
    """The account was made with another role or user name; nothing was changed."""

    profile: Profile


async def invite(
    rt: Runtime, new: NewUser, *, origin: Origin
) -> Invited | HasPassword | Differs | Shut:
    """Make an account without a password and mail its owner a link to choose one.

    An account that has no password yet gets a new link, and its old one ends. Raises
    `UsernameTaken`, and `EmailTaken` where somebody makes the account at this very moment.
    """
    now = rt.clock.now()
    async with rt.db.write() as tx:
        found = await _find(tx, new.email)
        if found is None:
            profile = await users.add(tx, now, new)
            data: dict[str, object] = {"role": profile.role}
            happened = Happened(EventType.USER_CREATED, subject=profile.id, data=data)
            await emit(tx, now, origin, happened)
        else:
            profile, has_password = found
            if has_password:
                return HasPassword(profile)
            if profile.status != "active":
                return Shut()
            if _differs(new, profile):
                return Differs(profile)
        expires_at = await invitations.send(tx, rt, now, profile)
        await emit(tx, now, origin, Happened(EventType.USER_INVITED, subject=profile.id))
    return Invited(profile, expires_at, is_new=found is None)


async def _find(tx: Connection, email: str) -> tuple[Profile, bool] | None:
    # Locked, so that of two invitations at once the second finds the link of the first.
    locked = select(User.id).where(User.email_key == email_key(email)).with_for_update()
    user_id = await tx.scalar(locked)
    if user_id is None:
        return None
    # By a statement of its own: a lock that was waited for shows the newest account, but other
    # tables as they were before.
    has_password = exists().where(
        Authenticator.user_id == User.id, Authenticator.kind == password.KIND
    )
    statement = select(*PROFILE, has_password.label("has_password")).where(User.id == user_id)
    row = (await tx.execute(statement)).one()
    return profile_of(row), bool(row.has_password)


def _differs(new: NewUser, profile: Profile) -> bool:
    """Whether an invitation asks for more than the account is. What it leaves out stays."""
    if new.role == "administrator" and profile.role != new.role:
        return True
    if new.username is None:
        return False
    return profile.username is None or username_key(profile.username) != username_key(new.username)
