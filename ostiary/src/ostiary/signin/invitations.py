"""An invitation: its reader chooses the first password of an account that somebody made for them.

The link is worth as much as a reset link, for longer: whatever sets a password ends it.
"""

from datetime import datetime, timedelta

from ostiary.authenticators import password
from ostiary.authenticators.actions import is_opened
from ostiary.events.actions import Happened, emit
from ostiary.events.catalogue import EventType
from ostiary.kernel.database import Connection
from ostiary.kernel.origin import Origin
from ostiary.mail.actions import enqueue
from ostiary.mail.messages import Kind
from ostiary.runtime import Runtime
from ostiary.sessions.actions import end_all, forget_devices
from ostiary.signin import links
from ostiary.signin.letters import letter, lifetime
from ostiary.signin.verification import accept_mailbox
from ostiary.users.actions import Profile
from ostiary.users.names import email_key


async def send(tx: Connection, rt: Runtime, now: datetime, profile: Profile) -> datetime:
    """Mail an invitation to the account's email and end earlier ones, as a part of `tx`.

    Returns when the link expires.
    """
    span = timedelta(seconds=rt.settings.links.invitation_lifetime)
    wanted = links.Wanted(
        "invitation",
        span,
        user_id=profile.id,
        email=profile.email,
        email_key=email_key(profile.email),
    )
    await links.end_purpose(tx, profile.id, "invitation")
    token = await links.create(tx, now, wanted)
    link = links.address(rt.settings, "invitation", token)
    await enqueue(tx, rt, now, letter(profile, Kind.INVITATION, link=link, **lifetime(span)))
    return now + span


async def accept(rt: Runtime, presented: str, plain: str, *, origin: Origin) -> Profile:
    """Choose the account's password with an invitation, which verifies the email too.

    Nobody is signed in. Raises `Validation` for the password, which uses nothing up,
    `TokenInvalid`, `TokenExpired`, `TooManyRequests`, `Unavailable`.
    """
    spent = await links.attempt(rt, origin)
    try:
        link = await links.look(rt, presented, "invitation")
    except (links.TokenInvalid, links.TokenExpired):
        raise await links.refuse(rt, presented, "invitation", origin=origin) from None
    profile = link.profile
    if profile is None:
        raise links.TokenInvalid
    own = (profile.email, profile.username, profile.first_name, profile.last_name)
    password.check(rt.settings, plain, own=own)
    encoded = await rt.hasher.hash(plain)
    now = rt.clock.now()
    async with rt.db.write() as tx:
        row = await links.claim(tx, now, presented, "invitation")
        if row is not None:
            # Its owner has signed in by mail meanwhile: then this is a reset, and is told like one.
            is_reset = await is_opened(tx, profile.id)
            await accept_mailbox(tx, now, profile.id, origin=origin)
            await password.put(tx, now, user_id=profile.id, encoded=encoded)
            await links.end_outstanding(tx, profile.id)
            await emit(tx, now, origin, Happened(EventType.INVITATION_ACCEPTED, subject=profile.id))
            if is_reset:
                await end_all(tx, now, profile.id, reason="password_reset", origin=origin)
                await forget_devices(tx, profile.id)
                at = now.isoformat()
                notice = letter(profile, Kind.PASSWORD_CHANGED, at=at, ip_address=origin.ip_address)
                await enqueue(tx, rt, now, notice)
    if row is None:
        raise await links.refuse(rt, presented, "invitation", origin=origin)
    await rt.limits.refund(spent)
    return profile
