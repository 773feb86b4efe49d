"""Where much is at stake, being signed in is not enough: the proof has to be recent.

Whoever has a second factor has to have proven that one; a password alone does not remove what
stands behind it.
"""

from dataclasses import dataclass
from datetime import timedelta

from ostiary.authenticators import password, totp
from ostiary.authenticators.proofs import Kind, Proof
from ostiary.events.actions import Happened, emit
from ostiary.events.catalogue import EventType
from ostiary.kernel.database import Connection
from ostiary.kernel.origin import Origin
from ostiary.kernel.problems import Problem
from ostiary.kernel.tokens import Token
from ostiary.runtime import Runtime
from ostiary.sessions.guard import Caller, InvalidAccessToken
from ostiary.sessions.renewal import renew, strengthen
from ostiary.sessions.tokens import Access, TokenSet, issue
from ostiary.signin.attempt import SECOND, Done, renewed
from ostiary.signin.factors import Presented, spend_factor, use
from ostiary.signin.passwords import Proven, prove
from ostiary.signin.refusals import IncorrectProof
from ostiary.signin.standing import look, ordered, standing


class ReauthenticationRequired(Problem):
    """This request needs a more recent proof of who you are.

    Send one of `methods` to `/auth/reauthenticate`. The proof counts for `max_age` seconds.
    """

    status, slug, title = 403, "reauthentication-required", "Confirm that it is you"


@dataclass(frozen=True, slots=True)
class Again:
    """What somebody signed in presents once more: their password, or a second factor."""

    password: str | None = None
    factor: Presented | None = None

    @property
    def member(self) -> str:
        """The member of the request that holds it."""
        if self.factor is None:
            return "password"
        return "code" if self.factor.kind == totp.KIND else "backup_code"


async def demand_recent(rt: Runtime, caller: Caller) -> None:
    """Raise `ReauthenticationRequired` unless the caller has proven themselves recently."""
    proven_at = caller.second_factor_at if caller.mfa_enabled else caller.auth_time
    max_age = rt.settings.reauth.max_age
    if proven_at is not None and rt.clock.now() - proven_at <= timedelta(seconds=max_age):
        return
    methods = ordered(await _enough(rt, caller))
    raise ReauthenticationRequired(members={"methods": list(methods), "max_age": max_age})


async def reauthenticate(rt: Runtime, caller: Caller, again: Again, *, origin: Origin) -> TokenSet:
    """Take a proof from somebody signed in, and give them tokens that tell of it.

    The session goes on; its old refresh token is refused from now on. Raises `IncorrectProof`,
    `InvalidAccessToken` where the session ended meanwhile, `TooManyRequests`, `Unavailable`.
    """
    subject = f"session:{caller.session_id}"
    proven, spent = None, None
    if again.password is not None:
        proven = await prove(
            rt,
            user_id=caller.profile.id,
            plain=again.password,
            subject=subject,
            refusal=IncorrectProof("password"),
            origin=origin,
        )
    else:
        spent = await spend_factor(rt, subject, origin)
    now = rt.clock.now()
    async with rt.db.write() as tx:
        proof = await _use(tx, rt, caller, proven, again, origin)
        done = renewed(caller.amr, (proof,)) if proof else None
        refresh = await _strengthen(tx, rt, caller, done, origin) if done else None
    if done is None:
        raise IncorrectProof(again.member)
    if refresh is None:
        raise InvalidAccessToken
    if spent is not None:
        await rt.limits.refund(spent)
    access = Access(caller.profile.id, caller.session_id, now, done.amr, done.acr)
    return await issue(rt, access, refresh)


async def _use(
    tx: Connection,
    rt: Runtime,
    caller: Caller,
    proven: Proven | None,
    again: Again,
    origin: Origin,
) -> Proof | None:
    now = rt.clock.now()
    if proven is not None:
        return await password.use(
            tx,
            now,
            authenticator_id=proven.authenticator_id,
            secret=proven.secret,
            mfa_enabled=caller.mfa_enabled,
        )
    theirs = await standing(tx, caller.profile.id)
    if theirs is None or again.factor is None or not theirs.mfa_enabled:
        return None
    return await use(tx, rt, now, theirs, again.factor, origin=origin)


async def _strengthen(
    tx: Connection, rt: Runtime, caller: Caller, done: Done, origin: Origin
) -> Token | None:
    now = rt.clock.now()
    if not await strengthen(tx, now, session_id=caller.session_id, done=done):
        return None
    data: dict[str, object] = {"amr": list(done.amr), "acr": done.acr}
    happened = Happened(
        EventType.SESSION_REAUTHENTICATED,
        subject=caller.profile.id,
        actor=caller.profile.id,
        session_id=caller.session_id,
        data=data,
    )
    await emit(tx, now, origin, happened)
    return await renew(tx, rt, now, session_id=caller.session_id)


async def _enough(rt: Runtime, caller: Caller) -> frozenset[Kind]:
    theirs = await look(rt, caller.profile.id)
    bound = theirs.bound if theirs else frozenset[Kind]()
    if caller.mfa_enabled:
        return bound & (SECOND | {"backup_code"})
    return bound & {"password"}
