"""The one place that opens a session. Only signin.actions may import it (an import contract)."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import bindparam, insert, update

from ostiary.events.actions import Happened, emit
from ostiary.events.catalogue import EventType
from ostiary.kernel import tokens
from ostiary.kernel.database import Transaction
from ostiary.kernel.origin import Origin
from ostiary.kernel.tokens import Token
from ostiary.runtime import Runtime
from ostiary.sessions.done import Done
from ostiary.sessions.tables import Device, Family, Session
from ostiary.sessions.tokens import FIRST_PARTY, Access, add
from ostiary.users.actions import PROFILE, Profile, profile_of
from ostiary.users.tables import User

_DEVICE_LIFETIME = timedelta(days=365)


# Built once: making a statement costs more than running it.
_SIGN_IN = (
    update(User)
    .where(User.id == bindparam("user"), User.status == "active", User.role == bindparam("as_role"))
    .values(last_sign_in_at=bindparam("at"))
    .returning(*PROFILE)
)
_ADD_SESSION, _ADD_FAMILY, _ADD_DEVICE = insert(Session), insert(Family), insert(Device)
_SEE_DEVICE = (
    update(Device)
    .where(Device.id == bindparam("device"), Device.user_id == bindparam("user"))
    .values(last_used_at=bindparam("at"), expires_at=bindparam("until"), failures=0)
)


@dataclass(frozen=True, slots=True)
class Opened:
    """A session that is stored, and what its holder is to be given, once.

    `device` is the token of a newly known device, or None where the device was known before.
    """

    profile: Profile
    access: Access
    refresh: Token
    device: Token | None


async def open_session(
    tx: Transaction,
    rt: Runtime,
    now: datetime,
    *,
    user_id: str,
    role: str,
    done: Done,
    known_device_id: str | None,
    origin: Origin,
) -> Opened | None:
    """Sign `user_id` in, in the transaction in which their proof was used. None where they may not.

    `done` is the gate's word that nothing is missing. The check of a proof and the opening are two
    moments: here it is asked again whether the account is active and has the `role` that the gate
    was asked for; where the proof is used, whether it is still theirs.
    """
    row = (await tx.execute(_SIGN_IN, {"user": user_id, "as_role": role, "at": now})).one_or_none()
    if row is None:
        return None
    ends_at = now + timedelta(seconds=rt.settings.tokens.session_lifetime)
    session_id, family_id = tokens.new_id("ses", now), tokens.new_id("fam", now)
    session = {
        "id": session_id,
        "user_id": user_id,
        "created_at": now,
        "auth_time": now,
        "last_seen_at": now,
        "expires_at": ends_at,
        "ip_address": origin.ip_address,
        "user_agent": origin.user_agent,
        "amr": " ".join(done.amr),
        "acr": done.acr,
        "second_factor_at": now if done.has_second else None,
    }
    await tx.execute(_ADD_SESSION, session)
    family = {
        "id": family_id,
        "session_id": session_id,
        "client_id": FIRST_PARTY,
        "created_at": now,
        "expires_at": ends_at,
    }
    await tx.execute(_ADD_FAMILY, family)
    refresh = await add(tx, rt, now, family_id=family_id, ends_at=ends_at)
    device = await _remember_device(tx, now, user_id, known_device_id)
    happened = Happened(
        EventType.SESSION_OPENED,
        subject=user_id,
        actor=user_id,
        session_id=session_id,
        data={"amr": list(done.amr), "acr": done.acr, "is_new_device": device is not None},
    )
    await emit(tx, now, origin, happened)
    access = Access(user_id, session_id, now, done.amr, done.acr)
    return Opened(profile_of(row), access, refresh, device)


async def _remember_device(
    tx: Transaction, now: datetime, user_id: str, known_device_id: str | None
) -> Token | None:
    if known_device_id is not None:
        until = now + _DEVICE_LIFETIME
        seen = {"device": known_device_id, "user": user_id, "at": now, "until": until}
        await tx.execute(_SEE_DEVICE, seen)
        return None
    token = tokens.new_token("ostdt", tokens.new_id("dev", now))
    device = {
        "id": token.id,
        "user_id": user_id,
        "digest": token.digest,
        "created_at": now,
        "last_used_at": now,
        "expires_at": now + _DEVICE_LIFETIME,
    }
    await tx.execute(_ADD_DEVICE, device)
    return token
