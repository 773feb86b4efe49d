"""What somebody could prove themselves with, and what of an unfinished sign-in is still true."""

import hashlib
from dataclasses import dataclass

from sqlalchemy import bindparam, exists, select

from ostiary.authenticators import password
from ostiary.authenticators.proofs import Kind
from ostiary.authenticators.tables import Authenticator
from ostiary.kernel.database import AnyRow, Transaction
from ostiary.runtime import Runtime
from ostiary.settings import Settings
from ostiary.signin.attempt import SECOND, Policy
from ostiary.users.actions import PROFILE, Profile, profile_of
from ostiary.users.tables import User

BY_MAIL: frozenset[Kind] = frozenset({"email_link", "email_code"})
"""What everybody can present: an account without an address does not exist."""

BINDABLE: frozenset[Kind] = frozenset({"totp"})
ORDER: tuple[Kind, ...] = ("password", "totp", "passkey", "backup_code", "email_link", "email_code")
"""The order in which kinds are named to people: what they have at hand comes first."""

_KINDS: tuple[Kind, ...] = ("totp", "passkey", "backup_code")


_STANDING = select(
    *PROFILE,
    select(Authenticator.secret)
    .where(Authenticator.user_id == User.id, Authenticator.kind == password.KIND)
    .scalar_subquery()
    .label("password"),
    *(
        exists()
        .where(
            Authenticator.user_id == User.id,
            Authenticator.kind == kind,
            Authenticator.confirmed_at.is_not(None),
        )
        .label(kind)
        for kind in _KINDS
    ),
).where(User.id == bindparam("user"), User.status == "active")


@dataclass(frozen=True, slots=True)
class Standing:
    """An active account and the kinds that are bound to it, as of a transaction."""

    profile: Profile
    bound: frozenset[Kind]
    password_digest: bytes | None

    @property
    def mfa_enabled(self) -> bool:
        """Whether a second factor is bound."""
        return bool(self.bound & SECOND)


async def standing(tx: Transaction, user_id: str) -> Standing | None:
    """How this user stands; None where there is none, or they are suspended."""
    row = (await tx.execute(_STANDING, {"user": user_id})).one_or_none()
    return None if row is None else _read(row)


async def look(rt: Runtime, user_id: str) -> Standing | None:
    """The same outside a transaction, for what is decided again in one."""
    row = await rt.db.fetch_one(_STANDING, {"user": user_id})
    return None if row is None else _read(row)


def _read(row: AnyRow) -> Standing:
    bound = {kind for kind in _KINDS if getattr(row, kind)}
    if row.password is not None:
        bound.add(password.KIND)
    digest = None if row.password is None else digest_of(row.password)
    return Standing(profile_of(row), BY_MAIL | bound, digest)


def digest_of(encoded: bytes) -> bytes:
    """By which a password is known to be the same later on, without keeping its hash twice."""
    return hashlib.sha256(encoded).digest()


def policy_of(settings: Settings, role: str) -> Policy:
    """What `mfa.policy` asks of somebody with this role."""
    policy = settings.mfa.policy
    is_asked = policy == "required_for_administrators" and role == "administrator"
    return Policy(demands_second=policy == "required" or is_asked, bindable=BINDABLE)


def ordered(kinds: frozenset[Kind]) -> tuple[Kind, ...]:
    """These kinds, in the order in which they are named."""
    return tuple(kind for kind in ORDER if kind in kinds)
