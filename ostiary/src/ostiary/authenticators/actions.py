"""Questions about a user's authenticators that other slices ask, and unbinding them all."""

from sqlalchemy import (
    ColumnElement,
    SQLColumnExpression,
    bindparam,
    delete,
    exists,
    or_,
    select,
)
from sqlalchemy.orm import aliased

from ostiary.authenticators.tables import Authenticator
from ostiary.kernel.database import Connection
from ostiary.runtime import Runtime
from ostiary.users.actions import LastAdministrator
from ostiary.users.tables import User

SECOND_FACTORS = ("totp", "passkey")
"""The kinds that can stand behind a password (NIST SP 800-63B §2.2.1)."""


def has_second_factor(user_id: SQLColumnExpression[str]) -> ColumnElement[bool]:
    """Whether that user has confirmed one, as an expression of the statement that asks."""
    # Aliased: the statement that asks may select from the same table for another reason.
    theirs = aliased(Authenticator)
    return exists().where(
        theirs.user_id == user_id,
        # Not IN: SQLAlchemy writes that anew for every execution.
        or_(*(theirs.kind == kind for kind in SECOND_FACTORS)),
        theirs.confirmed_at.is_not(None),
    )


def was_opened() -> ColumnElement[bool]:
    """Whether anybody can have been in an account, as an expression of the statement that asks."""
    bound = exists().where(Authenticator.user_id == User.id).correlate(User)
    return or_(User.last_sign_in_at.is_not(None), bound)


async def is_opened(tx: Connection, user_id: str) -> bool:
    """Whether anybody can have been in an account: somebody signed in, or something is bound.

    Only an account that an operator made without a password is not, until its owner comes.
    """
    statement = select(User.id).where(User.id == user_id, was_opened())
    return await tx.scalar(statement) is not None


async def keep_an_administrator(tx: Connection, user_id: str) -> None:
    """Let `tx` take this user's powers away. Raises `LastAdministrator` where nobody else has any.

    Counted are active administrators who can sign in: an invitation that nobody has accepted
    lets nobody in. Their rows stay locked until `tx` ends, so that of two administrators who
    remove each other at the same moment one is refused.
    """
    able = select(User.id).where(
        User.role == "administrator", User.status == "active", was_opened()
    )
    found = set(await tx.scalars(able.order_by(User.id).with_for_update()))
    if found == {user_id}:
        raise LastAdministrator


async def unbind_all(tx: Connection, user_id: str) -> None:
    """Leave this user without any authenticator."""
    await tx.execute(delete(Authenticator).where(Authenticator.user_id == user_id))


async def unbind_second_factors(tx: Connection, user_id: str) -> set[str]:
    """Leave this user without a second factor and its backup codes; the kinds that there were."""
    gone = await tx.execute(
        delete(Authenticator)
        .where(
            Authenticator.user_id == user_id,
            Authenticator.kind.in_((*SECOND_FACTORS, "backup_code")),
        )
        .returning(Authenticator.kind, Authenticator.confirmed_at)
    )
    return {row.kind for row in gone if row.confirmed_at is not None}


_MFA_ENABLED = select(has_second_factor(User.id).label("mfa_enabled")).where(
    User.id == bindparam("user")
)


async def is_mfa_enabled(rt: Runtime, user_id: str) -> bool:
    """Whether this user has a second factor."""
    row = await rt.db.fetch_one(_MFA_ENABLED, {"user": user_id})
    return row is not None and bool(row.mfa_enabled)
