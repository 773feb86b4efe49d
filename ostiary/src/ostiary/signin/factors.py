"""A second factor is used up where it is checked; five wrong ones end the sign-in they were for.

Wrong ones count against the account as well (a known device by itself), and a hundred in a row
close an authenticator app: whoever knows the password guesses no further.
"""

from dataclasses import dataclass
from datetime import datetime

from ostiary.authenticators import backup_code, totp
from ostiary.authenticators.proofs import Kind, Proof
from ostiary.events.actions import Happened, emit
from ostiary.events.catalogue import EventType
from ostiary.kernel.database import Connection
from ostiary.kernel.limits import Budget, Claim, Spent
from ostiary.kernel.origin import Origin
from ostiary.kernel.tokens import Token
from ostiary.mail.actions import enqueue
from ostiary.mail.messages import Kind as Message
from ostiary.runtime import Runtime
from ostiary.signin import challenges
from ostiary.signin.actions import Admitted, Challenged, Refused, proceed
from ostiary.signin.attempt import Need, next_step
from ostiary.signin.budgets import spend
from ostiary.signin.challenges import AttemptInvalid, Entry, InvalidCode, entry_of
from ostiary.signin.letters import letter
from ostiary.signin.notices import of_sign_in, withdraw
from ostiary.signin.standing import Standing, look, ordered, policy_of, standing

_FEW = 2  # backup codes left, at which their owner is told


@dataclass(frozen=True, slots=True)
class Presented:
    """A second factor, as somebody presents it."""

    kind: Kind
    value: str


async def methods(rt: Runtime, presented: str) -> tuple[Kind, ...]:
    """What a challenge can be answered with now. Raises `AttemptInvalid`."""
    row = await challenges.look(rt, challenges.parse(presented))
    theirs = await look(rt, row.user_id)
    needed = _needed(rt, entry_of(row, theirs), theirs) if theirs else frozenset()
    if not needed:
        raise AttemptInvalid
    return ordered(needed)


async def answer(
    rt: Runtime, presented: str, factor: Presented, *, origin: Origin
) -> Admitted | Challenged:
    """Answer a challenge with a second factor, and sign its owner in.

    Raises `AttemptInvalid`, `InvalidCode`, `TooManyRequests`.
    """
    token = challenges.parse(presented)
    row = await challenges.look(rt, token)
    theirs = await look(rt, row.user_id)
    if token is None or theirs is None:
        raise AttemptInvalid
    subject = f"device:{row.device_id}" if row.device_id else row.user_id
    spent = await spend_factor(rt, subject, origin)
    is_known = row.device_id is not None
    notice = await of_sign_in(rt, theirs.profile, is_known_device=is_known, origin=origin)
    now = rt.clock.now()
    async with rt.db.write() as tx:
        outcome = await _answer(tx, rt, now, token, factor, origin)
        if notice and isinstance(outcome, Admitted):
            await enqueue(tx, rt, now, notice.letter)
    if not isinstance(outcome, Admitted):
        await withdraw(rt, notice)
    if isinstance(outcome, Refused):
        raise outcome.problem
    await rt.limits.refund(spent)
    return outcome


async def use(
    tx: Connection,
    rt: Runtime,
    now: datetime,
    theirs: Standing,
    factor: Presented,
    *,
    origin: Origin,
) -> Proof | None:
    """Use a second factor up. None where it is wrong: that is logged and counted."""
    user_id = theirs.profile.id
    proof = None
    if factor.kind == totp.KIND:
        proof = await totp.use(tx, rt, now, user_id=user_id, code=factor.value)
    elif factor.kind == backup_code.KIND:
        proof = await backup_code.burn(tx, rt, user_id=user_id, code=factor.value)
    if proof is None:
        await _count(tx, rt, now, user_id, factor.kind, origin)
    elif proof.kind == backup_code.KIND:
        await _tell_of_backup_code(tx, rt, now, theirs, origin)
    return proof


async def spend_factor(rt: Runtime, subject: str, origin: Origin) -> Spent:
    """Take one attempt at a second factor. Raises `TooManyRequests`."""
    limits = rt.settings.limits
    budget = Budget("second-factor", limits.signin_failures, limits.signin_window)
    return await spend(rt, Claim(budget, subject), EventType.SECOND_FACTOR_LIMITED, origin)


async def _answer(
    tx: Connection,
    rt: Runtime,
    now: datetime,
    token: Token,
    factor: Presented,
    origin: Origin,
) -> Admitted | Challenged | Refused:
    row = await challenges.take_try(tx, now, token)
    theirs = await standing(tx, row.user_id) if row is not None else None
    if row is None or theirs is None:
        return Refused(AttemptInvalid())
    entry = entry_of(row, theirs)
    needed = _needed(rt, entry, theirs)
    if not needed:
        # What was proven is so no longer, or something has to be bound first.
        return Refused(AttemptInvalid())
    proof = None
    if factor.kind in needed:
        proof = await use(tx, rt, now, theirs, factor, origin=origin)
    else:
        await _count(tx, rt, now, row.user_id, factor.kind, origin)
    if proof is None:
        return Refused(InvalidCode())
    return await enter(tx, rt, now, row.id, entry, theirs, proof, origin=origin)


async def enter(
    tx: Connection,
    rt: Runtime,
    now: datetime,
    sign_in_id: str,
    entry: Entry,
    theirs: Standing,
    proof: Proof,
    *,
    origin: Origin,
) -> Admitted | Challenged | Refused:
    """Finish a challenge with the proof that it lacked."""
    if not await challenges.finish(tx, sign_in_id):
        return Refused(AttemptInvalid())
    entered = Entry(
        entry.user_id,
        entry.role,
        (*entry.proofs, proof),
        entry.known_device_id,
        entry.password_digest,
        entry.email_key,
    )
    # What was bound when the proof was made: a backup code is gone by now.
    outcome = await proceed(tx, rt, now, entered, bound=theirs.bound, origin=origin)
    if outcome is None:
        return Refused(AttemptInvalid())
    return outcome if isinstance(outcome, Challenged) else Admitted(outcome, theirs.mfa_enabled)


def _needed(rt: Runtime, entry: Entry, theirs: Standing) -> frozenset[Kind]:
    policy = policy_of(rt.settings, theirs.profile.role)
    step = next_step(policy, entry.proofs, theirs.bound)
    # Without a first proof that still holds, a second one is not even looked at.
    return step.kinds if isinstance(step, Need) and entry.proofs else frozenset()


async def _count(
    tx: Connection, rt: Runtime, now: datetime, user_id: str, kind: Kind, origin: Origin
) -> None:
    data: dict[str, object] = {"kind": kind}
    happened = [Happened(EventType.SECOND_FACTOR_REFUSED, subject=user_id, data=data)]
    if kind == totp.KIND:
        failures = await totp.count_failure(tx, user_id=user_id)
        if failures == rt.settings.limits.consecutive_failures:
            happened.append(Happened(EventType.SECOND_FACTOR_CLOSED, subject=user_id, data=data))
    await emit(tx, now, origin, happened)


async def _tell_of_backup_code(
    tx: Connection, rt: Runtime, now: datetime, theirs: Standing, origin: Origin
) -> None:
    user_id = theirs.profile.id
    remaining = await backup_code.remaining(tx, user_id=user_id)
    data: dict[str, object] = {"remaining": remaining}
    happened = Happened(EventType.BACKUP_CODE_USED, subject=user_id, actor=user_id, data=data)
    await emit(tx, now, origin, happened)
    used = letter(theirs.profile, Message.BACKUP_CODE_USED, remaining=remaining)
    await enqueue(tx, rt, now, used)
    if remaining == _FEW:
        await enqueue(tx, rt, now, letter(theirs.profile, Message.BACKUP_CODES_LOW))
