"""Whom a typed address or user name means, with what a sign-in has to know of them."""

from dataclasses import dataclass

from sqlalchemy import and_, bindparam, select

from ostiary.authenticators import password
from ostiary.authenticators.actions import has_second_factor
from ostiary.authenticators.tables import Authenticator
from ostiary.kernel import tokens
from ostiary.kernel.database import AnyRow
from ostiary.runtime import Runtime
from ostiary.sessions.tables import Device
from ostiary.users.actions import PROFILE
from ostiary.users.names import email_key, username_key
from ostiary.users.tables import User

# Built once: making a statement costs more than running it.
_FOUND = (
    select(
        *PROFILE,
        has_second_factor(User.id).label("mfa_enabled"),
        Authenticator.id.label("authenticator_id"),
        Authenticator.secret,
        Authenticator.failures,
        Device.id.label("device_id"),
    )
    .join(Authenticator, Authenticator.user_id == User.id)
    .outerjoin(
        Device,
        and_(
            Device.user_id == User.id,
            Device.id == bindparam("device"),
            Device.digest == bindparam("device_digest"),
            Device.expires_at > bindparam("at"),
            Device.failures < bindparam("most"),
        ),
    )
    .where(Authenticator.kind == password.KIND)
)
_BY_ADDRESS = _FOUND.where(User.email_key == bindparam("key"))
_BY_NAME = _FOUND.where(User.username_key == bindparam("key"))
_ACTIVE = select(*PROFILE).where(User.email_key == bindparam("key"), User.status == "active")
_DEVICE = select(Device.id).where(
    Device.user_id == bindparam("user"),
    Device.id == bindparam("device"),
    Device.digest == bindparam("device_digest"),
    Device.expires_at > bindparam("at"),
    Device.failures < bindparam("most"),
)


@dataclass(frozen=True, slots=True)
class PasswordProof:
    """What somebody presents: one of `email` and `username`, a password, a known device's token."""

    password: str
    email: str | None = None
    username: str | None = None
    device_token: str | None = None


async def find(rt: Runtime, proof: PasswordProof) -> AnyRow | None:
    """The user, their password and the known device, in one SELECT."""
    asked = _device(rt, proof.device_token)
    if proof.username is not None:
        return await rt.db.fetch_one(_BY_NAME, {**asked, "key": username_key(proof.username)})
    return await rt.db.fetch_one(_BY_ADDRESS, {**asked, "key": typed_key(proof)})


async def known_device(rt: Runtime, user_id: str, device_token: str | None) -> str | None:
    """The id of the device whose token this is, where it is one of this user's."""
    row = await rt.db.fetch_one(_DEVICE, {**_device(rt, device_token), "user": user_id})
    return None if row is None else str(row.id)


def typed_key(proof: PasswordProof) -> str:
    """What budgets count a typed address or name as, known or not."""
    if proof.username is not None:
        return f"username:{username_key(proof.username)}"
    try:
        return email_key(proof.email or "")
    except ValueError:
        # No address at all belongs to nobody, and is refused like any other that does.
        return f"none:{proof.email}"


def _device(rt: Runtime, presented: str | None) -> dict[str, object]:
    device = tokens.parse_token("ostdt", presented or "")
    return {
        "device": device.id if device else "",
        "device_digest": device.digest if device else b"",
        "at": rt.clock.now(),
        "most": rt.settings.limits.consecutive_failures,
    }


async def active_at(rt: Runtime, key: str) -> AnyRow | None:
    """The active account whose address has this key, for `profile_of`."""
    return await rt.db.fetch_one(_ACTIVE, {"key": key})
