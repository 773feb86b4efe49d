"""`proceed` is the one way to a session: what was proven passes the gate here, and nowhere else.

`present` starts a sign-in with a password. What an attacker can see is the same whether or not an
account exists: the same words, the same work, the same budgets, the same number of statements.
"""

from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from ostiary.authenticators import password
from ostiary.authenticators.proofs import Kind
from ostiary.events.actions import Happened, emit
from ostiary.events.catalogue import EventType
from ostiary.kernel.database import AnyRow, Transaction
from ostiary.kernel.limits import Budget, Claim
from ostiary.kernel.origin import Origin
from ostiary.kernel.problems import Problem, Unavailable
from ostiary.mail.actions import enqueue
from ostiary.runtime import Runtime
from ostiary.sessions.opening import Opened, open_session
from ostiary.signin import lockout
from ostiary.signin.attempt import Bind, Done, Impossible, Need, next_step
from ostiary.signin.budgets import spend
from ostiary.signin.challenges import Challenged, Entry, challenge
from ostiary.signin.finding import PasswordProof, find, typed_key
from ostiary.signin.notices import of_sign_in, withdraw
from ostiary.signin.refusals import EmailUnverified, InvalidCredentials
from ostiary.signin.standing import BY_MAIL, digest_of, policy_of, standing
from ostiary.signin.verification import may_send, send
from ostiary.users.actions import profile_of

__all__ = [
    "Admitted",
    "Challenged",
    "EmailUnverified",
    "InvalidCredentials",
    "Opened",
    "PasswordProof",
    "Refused",
    "present",
    "proceed",
]

_NONE: frozenset[Kind] = frozenset()


@dataclass(frozen=True, slots=True)
class Admitted:
    """The way in is open: a session is stored."""

    opened: Opened
    mfa_enabled: bool


@dataclass(frozen=True, slots=True)
class Refused:
    """The way in stays shut; `problem` is what the caller may know."""

    problem: Problem


async def proceed(
    tx: Transaction,
    rt: Runtime,
    now: datetime,
    entry: Entry,
    *,
    bound: frozenset[Kind],
    origin: Origin,
) -> Opened | Challenged | None:
    """Open a session for `entry`, or ask for what it lacks, in the transaction of its last proof.

    `bound` is what the person can present, as of this transaction. None where the account may not
    be entered, or nothing could open it.
    """
    policy = policy_of(rt.settings, entry.role)
    match next_step(policy, entry.proofs, bound):
        case Done() as done:
            return await open_session(
                tx,
                rt,
                now,
                user_id=entry.user_id,
                role=entry.role,
                done=done,
                known_device_id=entry.known_device_id,
                origin=origin,
            )
        case Need(kinds):
            return await challenge(tx, rt, now, entry, need=kinds, bind=_NONE, origin=origin)
        case Bind(kinds):
            return await challenge(tx, rt, now, entry, need=_NONE, bind=kinds, origin=origin)
        case Impossible():
            return None


async def present(
    rt: Runtime, proof: PasswordProof, *, origin: Origin
) -> Admitted | Challenged | Refused:
    """Check a password and sign its owner in, or ask for their second factor.

    Raises `TooManyRequests` before any work, `Unavailable` where the hashing pool is full.
    """
    await spend(rt, Claim(_attempts(rt), origin.network), EventType.SIGNIN_LIMITED, origin)
    found = await find(rt, proof)
    spent = await spend(rt, _failures(rt, proof, found), EventType.SIGNIN_LIMITED, origin)
    # No transaction is open: a hash takes longer than everything else together.
    try:
        verified = await rt.hasher.verify(found.secret.decode() if found else None, proof.password)
    except Unavailable:
        # Nothing was checked, so nothing has failed: a busy server shuts no account.
        await rt.limits.refund(spent)
        raise
    renewed = None
    if found and verified.is_outdated:
        # Where the pool is full, the next sign-in renews it: this one was right.
        with suppress(Unavailable):
            renewed = await rt.hasher.hash(proof.password)
    is_right = found is not None and verified.is_right and not _is_closed(rt, found)
    notice, may_mail = None, False
    if found and is_right:
        profile = profile_of(found)
        is_known = found.device_id is not None
        notice = await of_sign_in(rt, profile, is_known_device=is_known, origin=origin)
        may_mail = await may_send(rt, profile, origin=origin)
    now = rt.clock.now()
    async with rt.db.write_hot() as tx:
        if found is None or not is_right:
            outcome: Admitted | Challenged | Refused = await _fail(tx, rt, now, found, origin)
        else:
            outcome = await _enter(tx, rt, now, found, renewed, origin, may_mail=may_mail)
        if notice and isinstance(outcome, Admitted):
            await enqueue(tx, rt, now, notice.letter)
    if not isinstance(outcome, Admitted):
        await withdraw(rt, notice)
    if not isinstance(outcome, Refused) or isinstance(outcome.problem, EmailUnverified):
        # Only failures count: who knows the password locks nobody out, least of all themselves.
        await rt.limits.refund(spent)
    return outcome


async def _enter(
    tx: Transaction,
    rt: Runtime,
    now: datetime,
    found: AnyRow,
    renewed: str | None,
    origin: Origin,
    *,
    may_mail: bool,
) -> Admitted | Challenged | Refused:
    """The password is right: what else is there to say?"""
    if found.status != "active":
        return await _refuse(tx, rt, now, found, "suspended", InvalidCredentials(), origin)
    if rt.settings.signup.verification == "required" and not found.email_verified:
        if may_mail:
            await send(tx, rt, now, profile_of(found))
        # Where sign-up tells nobody who has an account, this must not either.
        is_concealed = rt.settings.signup.conceal_existing
        problem = InvalidCredentials() if is_concealed else EmailUnverified()
        return await _refuse(tx, rt, now, found, "unverified", problem, origin)
    secret = found.secret
    proof = await password.use(
        tx,
        now,
        authenticator_id=found.authenticator_id,
        secret=found.secret,
        mfa_enabled=found.mfa_enabled,
    )
    if proof is not None:
        if renewed is not None:
            secret = renewed.encode()
            await password.renew(
                tx, authenticator_id=found.authenticator_id, old=found.secret, encoded=renewed
            )
        entry = Entry(
            found.id,
            found.role,
            (proof,),
            known_device_id=found.device_id,
            password_digest=digest_of(secret),
        )
        bound = BY_MAIL | {password.KIND}
        if found.mfa_enabled:
            theirs = await standing(tx, found.id)
            bound = theirs.bound if theirs else frozenset()
        outcome = await proceed(tx, rt, now, entry, bound=bound, origin=origin)
        if isinstance(outcome, Challenged):
            return outcome
        if outcome is not None:
            return Admitted(outcome, found.mfa_enabled)
    # Suspended, or given another password or a second factor, while the hash was computed.
    return await _refuse(tx, rt, now, found, "password", InvalidCredentials(), origin)


async def _fail(
    tx: Transaction, rt: Runtime, now: datetime, found: AnyRow | None, origin: Origin
) -> Refused:
    """The password is wrong, closed, or nobody's."""
    if found is None:
        return await _refuse(tx, rt, now, None, "unknown", InvalidCredentials(), origin)
    if _is_closed(rt, found):
        return await _refuse(tx, rt, now, found, "closed", InvalidCredentials(), origin)
    theirs = found.authenticator_id
    return await _refuse(
        tx, rt, now, found, "password", InvalidCredentials(), origin, counted=theirs
    )


async def _refuse(
    tx: Transaction,
    rt: Runtime,
    now: datetime,
    found: AnyRow | None,
    reason: str,
    problem: Problem,
    origin: Origin,
    *,
    counted: str | None = None,
) -> Refused:
    """Log it, and count it against the password `counted`; the same work for whatever reason."""
    await lockout.count(
        tx,
        rt,
        now,
        authenticator_id=counted,
        profile=profile_of(found) if found is not None else None,
        known_device_id=found.device_id if found is not None and counted else None,
        origin=origin,
    )
    subject = None if found is None else found.id
    happened = Happened(EventType.SIGNIN_FAILED, subject=subject, data={"reason": reason})
    await emit(tx, now, origin, happened)
    return Refused(problem)


def _is_closed(rt: Runtime, found: AnyRow) -> bool:
    # Who fails from elsewhere closes it everywhere but on the devices its owner has used.
    return found.device_id is None and lockout.is_closed(rt, found.failures)


def _attempts(rt: Runtime) -> Budget:
    limits = rt.settings.limits
    return Budget("signin-address", limits.signin_attempts, limits.signin_window)


def _failures(rt: Runtime, proof: PasswordProof, found: AnyRow | None) -> Claim:
    # A known device has a budget of its own, so that nobody can lock its owner out from elsewhere.
    limits = rt.settings.limits
    budget = Budget("signin-account", limits.signin_failures, limits.signin_window)
    if found is not None and found.device_id is not None:
        return Claim(budget, f"device:{found.device_id}")
    return Claim(budget, typed_key(proof))
