"""The password of somebody who is signed in or holds a link: asked for again, and changed.

Every place that takes a password counts its failures, so that none is a way around another.
"""

from dataclasses import dataclass

from sqlalchemy import bindparam, select

from ostiary.authenticators import password
from ostiary.authenticators.tables import Authenticator
from ostiary.events.actions import Happened, emit
from ostiary.events.catalogue import EventType
from ostiary.kernel.limits import Budget, Claim
from ostiary.kernel.origin import Origin
from ostiary.kernel.problems import Problem, Unavailable
from ostiary.mail.actions import enqueue
from ostiary.mail.messages import Kind
from ostiary.runtime import Runtime
from ostiary.sessions.actions import end_all
from ostiary.sessions.guard import Caller, InvalidAccessToken
from ostiary.sessions.renewal import renew
from ostiary.sessions.tokens import Access, TokenSet, issue
from ostiary.signin import lockout
from ostiary.signin.budgets import spend
from ostiary.signin.letters import letter
from ostiary.signin.links import end_outstanding
from ostiary.signin.refusals import IncorrectProof
from ostiary.users.actions import PROFILE, profile_of
from ostiary.users.tables import User

_FOUND = (
    select(
        *PROFILE,
        Authenticator.id.label("authenticator_id"),
        Authenticator.secret,
        Authenticator.failures,
    )
    .join(Authenticator, Authenticator.user_id == User.id)
    .where(User.id == bindparam("user"), Authenticator.kind == password.KIND)
)


@dataclass(frozen=True, slots=True)
class Proven:
    """A password that was right a moment ago; `use` and `replace` ask whether it still is."""

    authenticator_id: str
    secret: bytes


async def prove(
    rt: Runtime, *, user_id: str, plain: str, subject: str, refusal: Problem, origin: Origin
) -> Proven:
    """Check the password of `user_id`. `subject` (a session, a link) has attempts of its own.

    So somebody elsewhere cannot use them up; failures in a row are counted with those of every
    other way, and a password that they have closed is refused. Raises `refusal`,
    `TooManyRequests`, `Unavailable`.
    """
    limits = rt.settings.limits
    budget = Budget("password-again", limits.signin_failures, limits.signin_window)
    spent = await spend(rt, Claim(budget, subject), EventType.PASSWORD_LIMITED, origin)
    found = await rt.db.fetch_one(_FOUND, {"user": user_id})
    try:
        verified = await rt.hasher.verify(found.secret.decode() if found else None, plain)
    except Unavailable:
        await rt.limits.refund(spent)
        raise
    is_closed = found is not None and lockout.is_closed(rt, found.failures)
    if found is None or is_closed or not verified.is_right:
        now = rt.clock.now()
        async with rt.db.write() as tx:
            if found is not None and not is_closed:
                await lockout.count(
                    tx,
                    rt,
                    now,
                    authenticator_id=found.authenticator_id,
                    profile=profile_of(found),
                    origin=origin,
                )
            await emit(tx, now, origin, Happened(EventType.PASSWORD_REFUSED, subject=user_id))
        raise refusal
    await rt.limits.refund(spent)
    return Proven(found.authenticator_id, found.secret)


async def change(
    rt: Runtime, caller: Caller, *, current: str, new: str, origin: Origin
) -> TokenSet:
    """Change the caller's password, end their other sessions and outstanding links.

    Returns new tokens of this session; its old refresh token is refused from now on. Raises
    `Validation` for the new password, `IncorrectProof`, `InvalidAccessToken` where the session
    ended meanwhile, `TooManyRequests`, `Unavailable`.
    """
    profile = caller.profile
    own = (profile.email, profile.username, profile.first_name, profile.last_name)
    password.check(rt.settings, new, own=own, pointer="/new_password")
    proven = await prove(
        rt,
        user_id=profile.id,
        plain=current,
        subject=f"session:{caller.session_id}",
        refusal=IncorrectProof("current_password"),
        origin=origin,
    )
    encoded = await rt.hasher.hash(new)
    now = rt.clock.now()
    async with rt.db.write() as tx:
        is_changed = await password.replace(
            tx, now, authenticator_id=proven.authenticator_id, old=proven.secret, encoded=encoded
        )
        refresh = await renew(tx, rt, now, session_id=caller.session_id)
        # Signed out, or changed, by somebody else while the hashes were computed.
        if refresh is None:
            raise InvalidAccessToken
        if not is_changed:
            raise IncorrectProof("current_password")
        await end_all(
            tx, now, profile.id, reason="password_changed", origin=origin, but=caller.session_id
        )
        await end_outstanding(tx, profile.id)
        happened = Happened(
            EventType.PASSWORD_CHANGED,
            subject=profile.id,
            actor=profile.id,
            session_id=caller.session_id,
        )
        await emit(tx, now, origin, happened)
        at = now.isoformat()
        notice = letter(profile, Kind.PASSWORD_CHANGED, at=at, ip_address=origin.ip_address)
        await enqueue(tx, rt, now, notice)
    access = Access(profile.id, caller.session_id, caller.auth_time, caller.amr, caller.acr)
    return await issue(rt, access, refresh)
