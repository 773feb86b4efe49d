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
