"""A mailed link is good for one thing, for one account, once: its row is deleted by its use.

Kind, purpose, account and address are all in the WHERE, so that a link is worth nothing anywhere
else, nor after the address it went to is no longer the account's.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from sqlalchemy import bindparam, delete, exists, insert, or_, select

from ostiary.authenticators import password
from ostiary.authenticators.tables import Authenticator
from ostiary.events.actions import Happened, emit
from ostiary.events.catalogue import EventType
from ostiary.kernel import tokens
from ostiary.kernel.database import AnyRow, Connection, Transaction
from ostiary.kernel.limits import Budget, Claim, Spent
from ostiary.kernel.origin import Origin
from ostiary.kernel.problems import Problem
from ostiary.kernel.tokens import Token
from ostiary.runtime import Runtime
from ostiary.settings import Settings
from ostiary.signin.budgets import spend
from ostiary.signin.tables import OneTimeToken
from ostiary.users import actions as users
from ostiary.users.actions import PROFILE, Profile, profile_of
from ostiary.users.tables import User

Purpose = Literal[
    "verify_email",
    "reset_password",
    "change_email",
    "undo_email_change",
    "invitation",
    "bootstrap",
]

_PAGES: dict[Purpose, str] = {
    "verify_email": "/verify-email",
    "reset_password": "/reset-password",
    "change_email": "/email-change",
    "undo_email_change": "/email-change/undo",
    "invitation": "/invitation",
    "bootstrap": "/setup",
}
_KEPT = timedelta(days=7)  # so that "expired" can be told from "invalid"


class TokenInvalid(Problem):
    """The link is unknown, was used before, or belongs to an address that has changed since."""

    status, slug, title = 400, "token-invalid", "This link is not valid"


class TokenExpired(Problem):
    """The link was good once and is too old now. Ask for a new one."""

    status, slug, title = 400, "token-expired", "This link has expired"


@dataclass(frozen=True, slots=True)
class Wanted:
    """A link to be: for whom, mailed where, good for how long.

    `email_key` binds it to the account's present address; `new_email` is what it is about.
    """

    purpose: Purpose
    lifetime: timedelta
    user_id: str | None = None
    session_id: str | None = None
    email: str | None = None
    email_key: str | None = None
    new_email: str | None = None


@dataclass(frozen=True, slots=True)
class Link:
    """A link that is good now, as its holder may see it before using it."""

    token_id: str
    purpose: str
    profile: Profile | None
    email: str | None
    new_email: str | None
    has_password: bool
    expires_at: datetime


_ADD = insert(OneTimeToken)


async def create(tx: Transaction, now: datetime, wanted: Wanted) -> Token:
    """Store a link and return what its address has to carry."""
    token = tokens.new_token("ostlt", tokens.new_id("tok", now))
    row = {
        "id": token.id,
        "purpose": wanted.purpose,
        "user_id": wanted.user_id,
        "session_id": wanted.session_id,
        "digest": token.digest,
        "email": wanted.email,
        "email_key": wanted.email_key,
        "new_email": wanted.new_email,
        "created_at": now,
        "expires_at": now + wanted.lifetime,
    }
    await tx.execute(_ADD, row)
    return token


def address(settings: Settings, purpose: Purpose, token: Token) -> str:
    """Where the link leads: the team's own page where there is one, else ours."""
    templates = {
        "verify_email": settings.links.verify,
        "reset_password": settings.links.reset,
        "change_email": settings.links.email_change,
    }
    own = f"{settings.public_url}{_PAGES[purpose]}?token={{token}}"
    return (templates.get(purpose) or own).replace("{token}", str(token))


async def attempt(rt: Runtime, origin: Origin) -> Spent:
    """Take one of this address's attempts with links. Raises `TooManyRequests`.

    Nobody guesses 256 bits: it bounds what a flood of wrong ones may write.
    """
    limits = rt.settings.limits
    budget = Budget("link-address", limits.signin_attempts, limits.signin_window)
    return await spend(rt, Claim(budget, origin.network), EventType.LINK_LIMITED, origin)


_GOOD = (
    OneTimeToken.id == bindparam("token"),
    OneTimeToken.digest == bindparam("token_digest"),
    OneTimeToken.purpose == bindparam("wanted"),
)
_STILL = (
    OneTimeToken.expires_at > bindparam("at"),
    or_(
        OneTimeToken.user_id.is_(None),
        exists()
        .where(
            User.id == OneTimeToken.user_id,
            User.status == "active",
            or_(OneTimeToken.email_key.is_(None), OneTimeToken.email_key == User.email_key),
        )
        .correlate(OneTimeToken),
    ),
)
# An account's rows are locked in one order everywhere, or two transactions wait for each other:
# its authenticators, as a sign-in does first, then the account, then what hangs on it.
_LOCKS = [
    select(table.id)
    .join(OneTimeToken, OneTimeToken.user_id == owner)
    .where(*_GOOD)
    .order_by(table.id)
    .with_for_update(of=table)
    for table, owner in ((Authenticator, Authenticator.user_id), (User, User.id))
]
_CLAIM = delete(OneTimeToken).where(*_GOOD, *_STILL).returning(*OneTimeToken.__table__.columns)
_LOOK = (
    select(
        *PROFILE,
        *(column.label(f"token_{column.name}") for column in OneTimeToken.__table__.columns),
        exists()
        .where(Authenticator.user_id == User.id, Authenticator.kind == password.KIND)
        .label("has_password"),
    )
    .select_from(OneTimeToken)
    .outerjoin(User, User.id == OneTimeToken.user_id)
    .where(*_GOOD, *_STILL)
)
_EXPIRED = select(OneTimeToken.user_id).where(*_GOOD, OneTimeToken.expires_at <= bindparam("at"))


async def claim(tx: Connection, now: datetime, presented: str, purpose: Purpose) -> AnyRow | None:
    """Use a link up and return its row; None where it is not good, or somebody was faster.

    Whatever else changes the account waits until `tx` ends.
    """
    token = tokens.parse_token("ostlt", presented)
    if token is None:
        return None
    asked = _asked(token, now, purpose)
    for lock in _LOCKS:
        await tx.execute(lock, asked)
    return (await tx.execute(_CLAIM, asked)).one_or_none()


async def look(rt: Runtime, presented: str, purpose: Purpose) -> Link:
    """What a link is good for, without using it. Raises `TokenInvalid`, `TokenExpired`."""
    now = rt.clock.now()
    token = tokens.parse_token("ostlt", presented)
    row = await rt.db.fetch_one(_LOOK, _asked(token, now, purpose)) if token else None
    if row is None:
        raise (await _why(rt, now, presented, purpose))[0]
    return Link(
        token_id=row.token_id,
        purpose=row.token_purpose,
        profile=profile_of(row) if row.id else None,
        email=row.token_email,
        new_email=row.token_new_email,
        has_password=row.has_password,
        expires_at=row.token_expires_at,
    )


async def refuse(rt: Runtime, presented: str, purpose: Purpose, *, origin: Origin) -> Problem:
    """Note that a link gave nothing, and return what its holder may know of it."""
    now = rt.clock.now()
    problem, user_id = await _why(rt, now, presented, purpose)
    reason = problem.slug.removeprefix("token-")
    async with rt.db.write() as tx:
        data: dict[str, object] = {"reason": reason, "purpose": purpose}
        await emit(tx, now, origin, Happened(EventType.LINK_REFUSED, subject=user_id, data=data))
    return problem


async def end_outstanding(tx: Connection, user_id: str, *, since: datetime | None = None) -> None:
    """Make every link of this account worthless, but those that undo a change of address.

    These were sent to somebody who may have lost the account: only one of them ends the others,
    those that were made `since` it was.
    """
    await users.lock(tx, user_id)
    theirs = delete(OneTimeToken).where(OneTimeToken.user_id == user_id)
    is_other = OneTimeToken.purpose != "undo_email_change"
    if since is not None:
        is_other = or_(is_other, OneTimeToken.created_at >= since)
    await tx.execute(theirs.where(is_other))


async def end_purpose(tx: Connection, user_id: str, purpose: Purpose) -> None:
    """Make this account's other links of one purpose worthless."""
    await users.lock(tx, user_id)
    await tx.execute(
        delete(OneTimeToken).where(OneTimeToken.user_id == user_id, OneTimeToken.purpose == purpose)
    )


async def sweep(tx: Connection, now: datetime, *, limit: int) -> int:
    """Delete up to `limit` links that expired long ago; return how many that were."""
    old = select(OneTimeToken.id).where(OneTimeToken.expires_at < now - _KEPT).limit(limit)
    swept = await tx.execute(delete(OneTimeToken).where(OneTimeToken.id.in_(old)))
    return swept.rowcount


async def _why(
    rt: Runtime, now: datetime, presented: str, purpose: Purpose
) -> tuple[Problem, str | None]:
    token = tokens.parse_token("ostlt", presented)
    row = await rt.db.fetch_one(_EXPIRED, _asked(token, now, purpose)) if token else None
    return (TokenInvalid(), None) if row is None else (TokenExpired(), row.user_id)


def _asked(token: Token, now: datetime, purpose: Purpose) -> dict[str, object]:
    return {"token": token.id, "token_digest": token.digest, "wanted": purpose, "at": now}
