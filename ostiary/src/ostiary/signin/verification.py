"""Verifying an address: at sign-up, once more when asked, and taking back what was never one's own.

The first proof of a mailbox that does not come from the account's own session clears what its
creator left in it (`accept_mailbox`): whoever signs up with somebody else's address gains nothing.
"""

from datetime import datetime, timedelta

from ostiary.authenticators.actions import is_opened, unbind_all
from ostiary.events.actions import Happened, emit
from ostiary.events.catalogue import EventType
from ostiary.kernel.database import Connection, Transaction
from ostiary.kernel.origin import Origin
from ostiary.mail.actions import enqueue
from ostiary.mail.messages import Kind
from ostiary.runtime import Runtime
from ostiary.sessions.actions import end_all, forget_devices
from ostiary.signin import links, passwords
from ostiary.signin.budgets import count_message, spend_message
from ostiary.signin.letters import letter, lifetime
from ostiary.signin.refusals import InvalidCredentials
from ostiary.users import actions as users
from ostiary.users.actions import Profile
from ostiary.users.names import email_key
from ostiary.users.tables import User


async def send(tx: Transaction, rt: Runtime, now: datetime, profile: Profile) -> None:
    """Mail a verification link to the account's address, as a part of `tx`."""
    span = timedelta(seconds=rt.settings.links.verify_lifetime)
    token = await links.create(
        tx,
        now,
        links.Wanted(
            "verify_email",
            span,
            user_id=profile.id,
            email=profile.email,
            email_key=email_key(profile.email),
        ),
    )
    link = links.address(rt.settings, "verify_email", token)
    await enqueue(tx, rt, now, letter(profile, Kind.VERIFY_EMAIL, link=link, **lifetime(span)))


async def may_send(rt: Runtime, profile: Profile, *, origin: Origin) -> bool:
    """Whether a sign-in that is refused for want of a verified address sends another link."""
    if profile.email_verified or rt.settings.signup.verification != "required":
        return False
    return await count_message(rt, email_key(profile.email), origin)


async def resend(rt: Runtime, profile: Profile, *, origin: Origin) -> None:
    """Mail another verification link; nothing where the address is verified already.

    Raises `TooManyRequests`.
    """
    if profile.email_verified:
        return
    await spend_message(rt, email_key(profile.email), origin)
    async with rt.db.write() as tx:
        await send(tx, rt, rt.clock.now(), profile)


async def verify(rt: Runtime, presented: str, *, origin: Origin) -> Profile:
    """Use a verification link. Raises `TokenInvalid`, `TokenExpired`, `TooManyRequests`."""
    spent = await links.attempt(rt, origin)
    now = rt.clock.now()
    async with rt.db.write() as tx:
        row = await links.claim(tx, now, presented, "verify_email")
        if row is not None:
            await links.end_purpose(tx, row.user_id, "verify_email")
            profile = await users.mark_verified(tx, now, row.user_id)
            await emit(tx, now, origin, Happened(EventType.EMAIL_VERIFIED, subject=row.user_id))
    if row is None:
        raise await links.refuse(rt, presented, "verify_email", origin=origin)
    await rt.limits.refund(spent)
    return profile


async def verify_with_password(
    rt: Runtime, presented: str, plain: str | None, *, origin: Origin
) -> Profile:
    """Use a verification link, as somebody who knows the account's password.

    So that the owner of a mailbox verifies no account but one they made; an account without a
    password needs none. Raises what `verify` raises, and `InvalidCredentials`, which uses nothing
    up.
    """
    link = await links.look(rt, presented, "verify_email")
    if link.profile is not None and link.has_password:
        await passwords.prove(
            rt,
            user_id=link.profile.id,
            plain=plain or "",
            subject=f"link:{link.token_id}",
            refusal=InvalidCredentials(),
            origin=origin,
        )
    return await verify(rt, presented, origin=origin)


async def disown(rt: Runtime, presented: str, *, origin: Origin) -> None:
    """Delete a never-verified account, as the owner of the mailbox it names.

    Raises `TokenInvalid`, `TokenExpired`, `TooManyRequests`.
    """
    spent = await links.attempt(rt, origin)
    now = rt.clock.now()
    async with rt.db.write() as tx:
        row = await links.claim(tx, now, presented, "verify_email")
        gone = None
        if row is not None:
            is_unverified = User.email_verified.is_(False)
            gone = await users.remove(
                tx, now, row.user_id, is_unverified, reason="disowned", origin=origin
            )
    if gone is None:
        raise await links.refuse(rt, presented, "verify_email", origin=origin)
    await rt.limits.refund(spent)


async def accept_mailbox(tx: Connection, now: datetime, user_id: str, *, origin: Origin) -> None:
    """Take a proof of the mailbox that does not come from a session of the account.

    Where it is the first one, the account is cleared for the mailbox's owner: whoever made it may
    be somebody else. Sessions, devices, authenticators, outstanding links and everything that was
    entered go. An account that an operator made and nobody was in stays as it is.
    """
    if not await users.is_first_proof(tx, now, user_id):
        return
    if not await is_opened(tx, user_id):
        # Nobody was in, so everything in the account is from the operator who made it.
        await emit(tx, now, origin, Happened(EventType.EMAIL_VERIFIED, subject=user_id))
        return
    await end_all(tx, now, user_id, reason="reclaimed", origin=origin)
    await forget_devices(tx, user_id)
    await unbind_all(tx, user_id)
    await links.end_outstanding(tx, user_id)
    await users.forget_profile(tx, now, user_id)
    for type in (EventType.USER_RECLAIMED, EventType.EMAIL_VERIFIED):
        await emit(tx, now, origin, Happened(type, subject=user_id))
