"""Wrong passwords in a row close a password until it is set anew by mail (NIST SP 800-63B §3.2.2).

A known device is counted by itself: who fails from elsewhere shuts nobody out of it. A device that
has failed as often is no longer known.
"""

from datetime import datetime

from sqlalchemy import bindparam, update

from ostiary.authenticators.tables import Authenticator
from ostiary.events.actions import Happened, emit
from ostiary.events.catalogue import EventType
from ostiary.kernel.database import Transaction
from ostiary.kernel.origin import Origin
from ostiary.mail.actions import enqueue
from ostiary.mail.messages import Kind
from ostiary.runtime import Runtime
from ostiary.sessions.tables import Device
from ostiary.signin.letters import letter
from ostiary.users.actions import Profile

_FAIL = (
    update(Authenticator)
    .where(Authenticator.id == bindparam("failed"))
    .values(failures=Authenticator.failures + 1)
    .returning(Authenticator.failures)
)
_FAIL_ON = (
    update(Device)
    .where(Device.id == bindparam("failed"))
    .values(failures=Device.failures + 1)
    .returning(Device.failures)
)


async def count(
    tx: Transaction,
    rt: Runtime,
    now: datetime,
    *,
    authenticator_id: str | None,
    profile: Profile | None,
    known_device_id: str | None = None,
    origin: Origin,
) -> None:
    """Count a wrong password. With nobody's, the same work is done for nothing."""
    if known_device_id is not None:
        await tx.execute(_FAIL_ON, {"failed": known_device_id})
        return
    row = (await tx.execute(_FAIL, {"failed": authenticator_id or ""})).one_or_none()
    # Equal, not more: it is told once, by whoever counted to the last one.
    if row is None or profile is None or row.failures != rt.settings.limits.consecutive_failures:
        return
    await emit(tx, now, origin, Happened(EventType.PASSWORD_CLOSED, subject=profile.id))
    await enqueue(tx, rt, now, letter(profile, Kind.PASSWORD_CLOSED))


def is_closed(rt: Runtime, failures: int) -> bool:
    """Whether a password with so many failures in a row is closed."""
    return failures >= rt.settings.limits.consecutive_failures
