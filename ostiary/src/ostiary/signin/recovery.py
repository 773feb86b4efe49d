"""A forgotten password: a link by mail, then a new password. Who has an account is not told.

A known and an unknown address cost the same statements. A reset ends every session and leaves
second factors bound: recovery is no way around them.
"""

from datetime import datetime, timedelta

from ostiary.authenticators import password
from ostiary.events.actions import Happened, emit
from ostiary.events.catalogue import EventType
from ostiary.kernel.database import Connection
from ostiary.kernel.origin import Origin
from ostiary.mail.actions import enqueue
from ostiary.mail.messages import Kind, Letter
from ostiary.runtime import Runtime
from ostiary.sessions.actions import end_all, forget_devices
from ostiary.signin import links
from ostiary.signin.budgets import spend_message
from ostiary.signin.finding import active_at
from ostiary.signin.letters import letter, lifetime
from ostiary.signin.verification import accept_mailbox
from ostiary.users.actions import Profile, profile_of
from ostiary.users.names import email_key


async def forget(rt: Runtime, email: str, *, origin: Origin) -> None:
    """Mail a reset link to the account with this address, where there is one.

    `email` is valid. Raises `TooManyRequests`, whether or not there is one.
    """
    key = email_key(email)
    await spend_message(rt, key, origin)
    found = await active_at(rt, key)
    async with rt.db.write() as tx:
        now = rt.clock.now()
        await send_reset(tx, rt, now, profile_of(found) if found else None)
        happened = Happened(EventType.PASSWORD_RESET_REQUESTED, subject=found.id if found else None)
        await emit(tx, now, origin, happened)


async def send_reset(
    tx: Connection,
    rt: Runtime,
    now: datetime,
    profile: Profile | None,
    kind: Kind = Kind.RESET_PASSWORD,
) -> None:
    """Mail a reset link in a letter of this kind, as a part of `tx`.

    To nobody where there is no account: the same work, and nothing is sent.
    """
    span = timedelta(seconds=rt.settings.links.reset_lifetime)
    wanted = links.Wanted(
        "reset_password",
        span,
        user_id=profile.id if profile else None,
        email=profile.email if profile else None,
        email_key=email_key(profile.email) if profile else None,
    )
    token = await links.create(tx, now, wanted)
    link = links.address(rt.settings, "reset_password", token)
    values: dict[str, str | int] = {"link": link, **lifetime(span)}
    to = letter(profile, kind, **values) if profile else Letter(kind, None, None, None, values)
    await enqueue(tx, rt, now, to)


async def reset(rt: Runtime, presented: str, new: str, *, origin: Origin) -> None:
    """Set a password by a mailed link, and end every session of the account.

    Raises `Validation` for the password, which uses nothing up, `TokenInvalid`, `TokenExpired`,
    `TooManyRequests`, `Unavailable`.
    """
    spent = await links.attempt(rt, origin)
    try:
        link = await links.look(rt, presented, "reset_password")
    except (links.TokenInvalid, links.TokenExpired):
        raise await links.refuse(rt, presented, "reset_password", origin=origin) from None
    profile = link.profile
    if profile is None:
        raise links.TokenInvalid
    own = (profile.email, profile.username, profile.first_name, profile.last_name)
    password.check(rt.settings, new, own=own, pointer="/new_password")
    encoded = await rt.hasher.hash(new)
    now = rt.clock.now()
    async with rt.db.write() as tx:
        row = await links.claim(tx, now, presented, "reset_password")
        if row is not None:
            await accept_mailbox(tx, now, profile.id, origin=origin)
            await password.put(tx, now, user_id=profile.id, encoded=encoded)
            await end_all(tx, now, profile.id, reason="password_reset", origin=origin)
            await forget_devices(tx, profile.id)
            await links.end_outstanding(tx, profile.id)
            await emit(tx, now, origin, Happened(EventType.PASSWORD_RESET, subject=profile.id))
            at = now.isoformat()
            notice = letter(profile, Kind.PASSWORD_CHANGED, at=at, ip_address=origin.ip_address)
            await enqueue(tx, rt, now, notice)
    if row is None:
        raise await links.refuse(rt, presented, "reset_password", origin=origin)
    await rt.limits.refund(spent)
