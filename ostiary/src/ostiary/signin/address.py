"""Changing an address: the new one confirms, the old one may undo it for a week.

Whoever takes over an account changes its address first: the link that undoes it goes to the old
one, and nothing that is done with the account afterwards makes it worthless.
"""

from datetime import datetime, timedelta

from ostiary.events.actions import Happened, emit
from ostiary.events.catalogue import EventType
from ostiary.kernel.database import Connection
from ostiary.kernel.faults import Code
from ostiary.kernel.origin import Origin
from ostiary.kernel.problems import Fault, Validation
from ostiary.mail.actions import enqueue
from ostiary.mail.messages import Kind, Letter
from ostiary.runtime import Runtime
from ostiary.sessions.actions import end_all, forget_devices
from ostiary.sessions.guard import Caller
from ostiary.signin import links, passwords
from ostiary.signin.budgets import spend_message
from ostiary.signin.letters import letter, lifetime
from ostiary.signin.refusals import IncorrectProof
from ostiary.users import actions as users
from ostiary.users.actions import Profile
from ostiary.users.names import email_key


async def request_change(
    rt: Runtime, caller: Caller, *, new_email: str, plain: str, origin: Origin
) -> None:
    """Mail a link to `new_email` that makes it the caller's address, and tell the present one.

    Whether somebody else has that address is decided when the link is used. Raises `Validation`
    where it is the caller's already, `IncorrectProof`, `TooManyRequests`, `Unavailable`.
    """
    profile = caller.profile
    if email_key(new_email) == email_key(profile.email):
        advice = "this is the address of your account already. Enter another one."
        raise Validation(faults=(Fault(Code.UNCHANGED, advice, pointer="/new_email"),))
    subject = f"session:{caller.session_id}"
    await passwords.prove(
        rt,
        user_id=profile.id,
        plain=plain,
        subject=subject,
        refusal=IncorrectProof("password"),
        origin=origin,
    )
    await spend_message(rt, email_key(new_email), origin)
    now = rt.clock.now()
    span = timedelta(seconds=rt.settings.links.verify_lifetime)
    wanted = links.Wanted(
        "change_email",
        span,
        user_id=profile.id,
        session_id=caller.session_id,
        email=profile.email,
        email_key=email_key(profile.email),
        new_email=new_email,
    )
    async with rt.db.write() as tx:
        # The last wish counts: an older link would set an address that is no longer wanted.
        await links.end_purpose(tx, profile.id, "change_email")
        token = await links.create(tx, now, wanted)
        link = links.address(rt.settings, "change_email", token)
        values: dict[str, str | int] = {"link": link, "new_email": new_email, **lifetime(span)}
        confirm = Letter(Kind.CONFIRM_EMAIL_CHANGE, new_email, profile.locale, profile.id, values)
        await enqueue(tx, rt, now, confirm)
        if profile.email_verified:
            told = letter(profile, Kind.EMAIL_CHANGE_REQUESTED, new_email=new_email)
            await enqueue(tx, rt, now, told)
        happened = Happened(
            EventType.EMAIL_CHANGE_REQUESTED,
            subject=profile.id,
            actor=profile.id,
            session_id=caller.session_id,
        )
        await emit(tx, now, origin, happened)


async def confirm_change(rt: Runtime, presented: str, *, origin: Origin) -> Profile:
    """Give the account its new address; end its other sessions and outstanding links.

    Raises `EmailTaken`, which uses nothing up, `TokenInvalid`, `TokenExpired`, `TooManyRequests`.
    """
    spent = await links.attempt(rt, origin)
    now = rt.clock.now()
    changed: Profile | None = None
    async with rt.db.write() as tx:
        row = await links.claim(tx, now, presented, "change_email")
        if row is not None:
            before = await users.read(tx, row.user_id)
            changed = await users.set_email(tx, now, row.user_id, row.new_email)
            await end_all(
                tx, now, changed.id, reason="email_changed", origin=origin, but=row.session_id
            )
            await links.end_outstanding(tx, changed.id)
            if before.email_verified:
                # A stranger at an address that never was verified must not get it "back".
                await _offer_undo(tx, rt, now, before, row.new_email)
            happened = Happened(EventType.EMAIL_CHANGED, subject=changed.id)
            await emit(tx, now, origin, happened)
    if changed is None:
        raise await links.refuse(rt, presented, "change_email", origin=origin)
    await rt.limits.refund(spent)
    return changed


async def undo_change(rt: Runtime, presented: str, *, origin: Origin) -> Profile:
    """Give the account its old address again; end all its sessions and what came after the change.

    Raises `EmailTaken` where the old address has become somebody else's, which uses nothing up,
    `TokenInvalid`, `TokenExpired`, `TooManyRequests`.
    """
    spent = await links.attempt(rt, origin)
    now = rt.clock.now()
    restored: Profile | None = None
    async with rt.db.write() as tx:
        row = await links.claim(tx, now, presented, "undo_email_change")
        if row is not None:
            restored = await users.set_email(tx, now, row.user_id, row.email)
            await end_all(tx, now, restored.id, reason="email_change_undone", origin=origin)
            await forget_devices(tx, restored.id)
            await links.end_outstanding(tx, restored.id, since=row.created_at)
            await emit(
                tx, now, origin, Happened(EventType.EMAIL_CHANGE_UNDONE, subject=restored.id)
            )
            await enqueue(tx, rt, now, letter(restored, Kind.EMAIL_CHANGE_UNDONE))
    if restored is None:
        raise await links.refuse(rt, presented, "undo_email_change", origin=origin)
    await rt.limits.refund(spent)
    return restored


async def _offer_undo(
    tx: Connection, rt: Runtime, now: datetime, before: Profile, new_email: str
) -> None:
    span = timedelta(seconds=rt.settings.links.undo_lifetime)
    wanted = links.Wanted(
        "undo_email_change", span, user_id=before.id, email=before.email, new_email=new_email
    )
    token = await links.create(tx, now, wanted)
    link = links.address(rt.settings, "undo_email_change", token)
    told = letter(before, Kind.EMAIL_CHANGED, link=link, new_email=new_email, **lifetime(span))
    await enqueue(tx, rt, now, told)
