"""Create an account, read a profile, change one's own."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, cast

from sqlalchemy import ColumnElement, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from ostiary.events.actions import Happened, emit
from ostiary.events.catalogue import EventType
from ostiary.kernel import tokens
from ostiary.kernel.database import AnyRow, Connection
from ostiary.kernel.origin import Origin
from ostiary.kernel.problems import NotFound, Problem
from ostiary.runtime import Runtime
from ostiary.users.names import email_key, username_key
from ostiary.users.tables import User

Role = Literal["user", "administrator"]
Status = Literal["active", "suspended"]


class EmailTaken(Problem):
    """Another account uses this email address. Sign in to that one, or use another address."""

    status, slug, title = 409, "email-taken", "Email already in use"


class UsernameTaken(Problem):
    """Another account uses this user name. Choose another; user names are unique without case."""

    status, slug, title = 409, "username-taken", "User name already in use"


class LastAdministrator(Problem):
    """This account is the last active administrator. Create another administrator first."""

    status, slug, title = 409, "last-administrator", "The last administrator cannot be removed"


@dataclass(frozen=True, slots=True)
class NewUser:
    """What an account starts with."""

    email: str
    username: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    locale: str | None = None
    role: Role = "user"
    email_verified: bool = False


@dataclass(frozen=True, slots=True)
class Profile:
    """What a person may know of their own account."""

    id: str
    email: str
    email_verified: bool
    username: str | None
    first_name: str | None
    last_name: str | None
    display_name: str | None
    locale: str | None
    role: str
    status: str
    metadata_public: dict[str, Any]
    created_at: datetime
    updated_at: datetime
    last_sign_in_at: datetime | None


PROFILE = tuple(getattr(User, name) for name in Profile.__slots__)
"""The columns of a `Profile`, in its order."""


def profile_of(row: AnyRow) -> Profile:
    """The profile in a row that starts with the columns of `PROFILE`."""
    return Profile(*row[: len(PROFILE)])


async def add(tx: Connection, now: datetime, new: NewUser) -> Profile:
    """Insert an account. Raises `EmailTaken` or `UsernameTaken`; `tx` is then of no more use."""
    values = {
        "id": tokens.new_id("usr", now),
        "email": new.email,
        "email_key": email_key(new.email),
        "email_verified": new.email_verified,
        "username": new.username,
        "username_key": username_key(new.username) if new.username else None,
        "first_name": new.first_name,
        "last_name": new.last_name,
        "locale": new.locale,
        "role": new.role,
        "status": "active",
        "metadata_public": {},
        "metadata_private": {},
        "created_at": now,
        "updated_at": now,
    }
    try:
        row = (await tx.execute(insert(User).values(values).returning(*PROFILE))).one()
    except IntegrityError as error:
        raise _conflict(error) from None
    return profile_of(row)


async def change_profile(
    rt: Runtime, user_id: str, changes: Mapping[str, object], *, origin: Origin
) -> Profile:
    """Set the members of `changes` (names, locale, username, metadata_public).

    Raises `UsernameTaken`, and `NotFound` where the account is gone.
    """
    now = rt.clock.now()
    values: dict[str, object] = dict(changes)
    if "username" in values:
        username = cast("str | None", values["username"])
        values["username_key"] = username_key(username) if username else None
    async with rt.db.write() as tx:
        statement = update(User).where(User.id == user_id).values(**values, updated_at=now)
        try:
            row = (await tx.execute(statement.returning(*PROFILE))).one_or_none()
        except IntegrityError as error:
            raise _conflict(error) from None
        if row is None:
            raise NotFound
        happened = Happened(
            EventType.USER_UPDATED,
            subject=user_id,
            actor=user_id,
            data={"changed": sorted(changes)},
        )
        await emit(tx, now, origin, happened)
    return profile_of(row)


async def read(tx: Connection, user_id: str) -> Profile:
    """The account as it is within `tx`. It has to exist."""
    return profile_of((await tx.execute(select(*PROFILE).where(User.id == user_id))).one())


async def lock(tx: Connection, user_id: str) -> None:
    """Make every other transaction that changes this account wait until `tx` ends."""
    await tx.execute(select(User.id).where(User.id == user_id).with_for_update())


async def find(rt: Runtime, email: str) -> Profile:
    """The account with this address, in whatever spelling.

    Raises `NotFound`, and `ValueError` where `email` is no address.
    """
    async with rt.db.read() as connection:
        return await read_by_email(connection, email)


async def read_by_email(tx: Connection, email: str) -> Profile:
    """`find`, as of within `tx`."""
    statement = select(*PROFILE).where(User.email_key == email_key(email))
    row = (await tx.execute(statement)).one_or_none()
    if row is None:
        raise NotFound
    return profile_of(row)


@dataclass(frozen=True, slots=True)
class Filter:
    """Which accounts are meant: those for which each member that is not None holds."""

    email_prefix: str | None = None
    role: Role | None = None
    status: Status | None = None

    def conditions(self) -> list[ColumnElement[bool]]:
        """The same for a WHERE. Emails are compared without case."""
        found: list[ColumnElement[bool]] = []
        if self.email_prefix is not None:
            prefix = self.email_prefix.lower()
            found.append(User.email_key.startswith(prefix, autoescape=True))
        if self.role is not None:
            found.append(User.role == self.role)
        if self.status is not None:
            found.append(User.status == self.status)
        return found


async def listed(
    rt: Runtime, *, after: str, limit: int, which: Filter | None = None
) -> list[Profile]:
    """Up to `limit` accounts of `which` (of all) whose id sorts behind `after`, oldest first."""
    statement = select(*PROFILE).where(User.id > after, *(which or Filter()).conditions())
    statement = statement.order_by(User.id).limit(limit)
    async with rt.db.read() as connection:
        return [profile_of(row) for row in await connection.execute(statement)]


async def mark_verified(tx: Connection, now: datetime, user_id: str) -> Profile:
    """Note that this person reads the mail of their address. The account has to exist."""
    statement = update(User).where(User.id == user_id)
    changed = statement.values(email_verified=True, updated_at=now).returning(*PROFILE)
    return profile_of((await tx.execute(changed)).one())


async def is_first_proof(tx: Connection, now: datetime, user_id: str) -> bool:
    """Note that this person reads the mail of their address; whether nobody had shown it before."""
    statement = (
        update(User)
        .where(User.id == user_id, User.email_verified.is_(False))
        .values(email_verified=True, updated_at=now)
        .returning(User.id)
    )
    return (await tx.execute(statement)).one_or_none() is not None


async def set_email(tx: Connection, now: datetime, user_id: str, email: str) -> Profile:
    """Give an account another address, which its owner has shown to read.

    Raises `EmailTaken`; `tx` is then of no more use.
    """
    statement = (
        update(User)
        .where(User.id == user_id)
        .values(email=email, email_key=email_key(email), email_verified=True, updated_at=now)
        .returning(*PROFILE)
    )
    try:
        return profile_of((await tx.execute(statement)).one())
    except IntegrityError as error:
        raise _conflict(error) from None


async def forget_profile(tx: Connection, now: datetime, user_id: str) -> None:
    """Clear everything that a person may enter about themselves, but the address."""
    cleared: dict[str, object] = dict.fromkeys(
        ("username", "username_key", "first_name", "last_name", "display_name", "locale")
    )
    statement = update(User).where(User.id == user_id)
    await tx.execute(statement.values(**cleared, metadata_public={}, updated_at=now))


async def remove(
    tx: Connection,
    now: datetime,
    user_id: str,
    *which: ColumnElement[bool],
    reason: str,
    origin: Origin,
    actor: str | None = None,
) -> Profile | None:
    """Delete an account for which `which` holds, and log why; None where there is none such.

    Everything that belongs to the account goes with it; events keep its id. Returns the profile
    as it was.
    """
    statement = delete(User).where(User.id == user_id, *which).returning(*PROFILE)
    row = (await tx.execute(statement)).one_or_none()
    if row is None:
        return None
    data: dict[str, object] = {"reason": reason}
    happened = Happened(EventType.USER_DELETED, subject=user_id, actor=actor, data=data)
    await emit(tx, now, origin, happened)
    return profile_of(row)


async def has_administrator(tx: Connection) -> bool:
    """Whether somebody can let others in."""
    statement = select(User.id).where(User.role == "administrator").limit(1)
    return await tx.scalar(statement) is not None


def metadata_size(metadata: Mapping[str, object]) -> int:
    """How many bytes `metadata` takes as JSON in UTF-8."""
    return len(json.dumps(metadata, ensure_ascii=False, separators=(",", ":")).encode())


def _conflict(error: IntegrityError) -> Problem:
    # Both databases name the column or its constraint; neither text leaves this function.
    # Only the first line counts: PostgreSQL quotes the values, which may say anything, below it.
    complaint = str(error.orig).partition("\n")[0]
    if "username_key" in complaint:
        return UsernameTaken()
    if "email_key" in complaint:
        return EmailTaken()
    raise error
