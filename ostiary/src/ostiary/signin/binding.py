"""Second factors are bound by their first code, and unbound by nobody who cannot prove one."""

from dataclasses import dataclass
from datetime import datetime

from ostiary.authenticators import backup_code, totp
from ostiary.authenticators.actions import unbind_second_factors
from ostiary.authenticators.proofs import Kind, Proof
from ostiary.events.actions import Happened, emit
from ostiary.events.catalogue import EventType
from ostiary.kernel.database import Connection
from ostiary.kernel.origin import Origin
from ostiary.kernel.problems import Problem
from ostiary.mail.actions import enqueue
from ostiary.mail.messages import Kind as Message
from ostiary.runtime import Runtime
from ostiary.sessions.actions import end_all
from ostiary.sessions.guard import Caller
from ostiary.sessions.renewal import strengthen
from ostiary.signin import challenges
from ostiary.signin.actions import Admitted, Challenged, Refused
from ostiary.signin.attempt import Bind, next_step, renewed
from ostiary.signin.challenges import AttemptInvalid, Entry, InvalidCode, entry_of
from ostiary.signin.factors import enter
from ostiary.signin.letters import letter
from ostiary.signin.reauthentication import demand_recent
from ostiary.signin.refusals import IncorrectProof
from ostiary.signin.standing import Standing, look, ordered, policy_of, standing
from ostiary.users.actions import Profile


class MfaNotEnabled(Problem):
    """This account has no second factor, so there is nothing to remove or to renew."""

    status, slug, title = 409, "mfa-not-enabled", "There is no second factor"


class MfaDemanded(Problem):
    """This server asks the account to have a second factor: the last one cannot be removed."""

    status, slug, title = 409, "mfa-demanded", "A second factor is required"


@dataclass(frozen=True, slots=True)
class SetUp:
    """A TOTP secret that waits for its first code, as people get it into their app."""

    secret: str
    provisioning_uri: str
    qr_code: str


@dataclass(frozen=True, slots=True)
class Bound:
    """A second factor was bound; with the first one come backup codes, shown this once.

    `admitted` where that finished a sign-in.
    """

    backup_codes: tuple[str, ...]
    admitted: Admitted | None = None


@dataclass(frozen=True, slots=True)
class Status:
    """The second factors of an account."""

    methods: tuple[Kind, ...]
    backup_codes_remaining: int


async def status(rt: Runtime, caller: Caller) -> Status:
    """Which second factors the caller has, and how many backup codes are left."""
    theirs = await look(rt, caller.profile.id)
    bound = theirs.bound if theirs else frozenset[Kind]()
    async with rt.db.read() as connection:
        remaining = await backup_code.remaining(connection, user_id=caller.profile.id)
    return Status(ordered(bound & {"totp", "passkey", "backup_code"}), remaining)


async def set_up(rt: Runtime, caller: Caller) -> SetUp:
    """A fresh TOTP secret for the caller. Raises `ReauthenticationRequired`, `TotpAlreadyBound`."""
    await demand_recent(rt, caller)
    async with rt.db.write() as tx:
        secret = await totp.set_up(tx, rt, rt.clock.now(), user_id=caller.profile.id)
    return _shown(rt, caller.profile, secret)


async def set_up_in(rt: Runtime, presented: str) -> SetUp:
    """The same for a sign-in that has to bind one. Raises `AttemptInvalid`."""
    row = await challenges.look(rt, challenges.parse(presented))
    async with rt.db.write() as tx:
        theirs = await standing(tx, row.user_id)
        if theirs is None or not _may_bind(rt, entry_of(row, theirs), theirs):
            raise AttemptInvalid
        secret = await totp.set_up(tx, rt, rt.clock.now(), user_id=row.user_id)
    return _shown(rt, theirs.profile, secret)


async def confirm(rt: Runtime, caller: Caller, code: str, *, origin: Origin) -> Bound:
    """Bind the secret of `set_up`. Raises `ReauthenticationRequired`, `IncorrectProof`."""
    await demand_recent(rt, caller)
    now = rt.clock.now()
    async with rt.db.write() as tx:
        theirs = await standing(tx, caller.profile.id)
        proof = theirs and await totp.confirm(tx, rt, now, user_id=caller.profile.id, code=code)
        if theirs and proof:
            codes = await _bind(tx, rt, now, theirs, proof, caller.session_id, origin)
            done = renewed(caller.amr, (proof,))
            await strengthen(tx, now, session_id=caller.session_id, done=done)
    if not proof:
        raise IncorrectProof("code")
    return Bound(codes)


async def confirm_in(rt: Runtime, presented: str, code: str, *, origin: Origin) -> Bound:
    """Bind the secret of `set_up_in`, and finish the sign-in that asked for it.

    Raises `AttemptInvalid`, `InvalidCode`.
    """
    token = challenges.parse(presented)
    if token is None:
        raise AttemptInvalid
    now = rt.clock.now()
    codes: tuple[str, ...] = ()
    async with rt.db.write() as tx:
        row = await challenges.take_try(tx, now, token)
        theirs = await standing(tx, row.user_id) if row else None
        outcome: Admitted | Challenged | Refused = Refused(AttemptInvalid())
        if row and theirs and _may_bind(rt, entry := entry_of(row, theirs), theirs):
            proof = await totp.confirm(tx, rt, now, user_id=row.user_id, code=code)
            outcome = Refused(InvalidCode())
            if proof:
                codes = await _bind(tx, rt, now, theirs, proof, None, origin)
                now_bound = await standing(tx, row.user_id)
                outcome = await enter(
                    tx, rt, now, row.id, entry, now_bound or theirs, proof, origin=origin
                )
    match outcome:
        case Admitted() as admitted:
            return Bound(codes, admitted)
        case Refused(problem):
            raise problem
        case Challenged():
            raise AttemptInvalid


async def disable(rt: Runtime, caller: Caller, *, origin: Origin) -> None:
    """Unbind every second factor of the caller, with its backup codes.

    Raises `ReauthenticationRequired`, `MfaNotEnabled`, `MfaDemanded`.
    """
    if not caller.mfa_enabled:
        raise MfaNotEnabled
    await demand_recent(rt, caller)
    if policy_of(rt.settings, caller.profile.role).demands_second:
        raise MfaDemanded
    now = rt.clock.now()
    profile = caller.profile
    async with rt.db.write() as tx:
        for kind in sorted(await unbind_second_factors(tx, profile.id) - {backup_code.KIND}):
            happened = Happened(
                EventType.AUTHENTICATOR_UNBOUND,
                subject=profile.id,
                actor=profile.id,
                session_id=caller.session_id,
                data={"kind": kind},
            )
            await emit(tx, now, origin, happened)
            removed = letter(profile, Message.SECOND_FACTOR_REMOVED, factor=kind)
            await enqueue(tx, rt, now, removed)


async def regenerate(rt: Runtime, caller: Caller, *, origin: Origin) -> tuple[str, ...]:
    """New backup codes for the caller; older ones are void.

    Raises `ReauthenticationRequired`, `MfaNotEnabled`.
    """
    if not caller.mfa_enabled:
        raise MfaNotEnabled
    await demand_recent(rt, caller)
    now = rt.clock.now()
    async with rt.db.write() as tx:
        theirs = await standing(tx, caller.profile.id)
        if theirs is None or not theirs.mfa_enabled:
            raise MfaNotEnabled
        return await _new_codes(tx, rt, now, theirs.profile.id, caller.session_id, origin)


@dataclass(frozen=True, slots=True)
class Reset:
    """The kinds of second factor that were removed, and how many sessions ended."""

    kinds: tuple[str, ...]
    sessions: int


async def reset(rt: Runtime, profile: Profile, *, origin: Origin) -> Reset:
    """Take every second factor from an account whose owner has lost them, and end its sessions.

    For operators, who have made sure who is asking. Raises `MfaNotEnabled`.
    """
    now = rt.clock.now()
    async with rt.db.write() as tx:
        gone = await unbind_second_factors(tx, profile.id)
        if not gone:
            raise MfaNotEnabled
        ended = await end_all(tx, now, profile.id, reason="mfa_reset", origin=origin)
        data: dict[str, object] = {"kinds": sorted(gone)}
        happened = Happened(EventType.AUTHENTICATORS_RESET, subject=profile.id, data=data)
        await emit(tx, now, origin, happened)
        await enqueue(tx, rt, now, letter(profile, Message.SECOND_FACTORS_RESET))
    return Reset(tuple(sorted(gone)), ended)


def _may_bind(rt: Runtime, entry: Entry, theirs: Standing) -> bool:
    policy = policy_of(rt.settings, theirs.profile.role)
    step = next_step(policy, entry.proofs, theirs.bound)
    return isinstance(step, Bind) and totp.KIND in step.kinds


async def _bind(
    tx: Connection,
    rt: Runtime,
    now: datetime,
    before: Standing,
    proof: Proof,
    session_id: str | None,
    origin: Origin,
) -> tuple[str, ...]:
    user_id = before.profile.id
    happened = Happened(
        EventType.AUTHENTICATOR_BOUND,
        subject=user_id,
        actor=user_id,
        session_id=session_id,
        data={"kind": proof.kind},
    )
    await emit(tx, now, origin, happened)
    bound = letter(before.profile, Message.SECOND_FACTOR_BOUND, factor=proof.kind)
    await enqueue(tx, rt, now, bound)
    if before.mfa_enabled:
        return ()
    return await _new_codes(tx, rt, now, user_id, session_id, origin)


async def _new_codes(
    tx: Connection,
    rt: Runtime,
    now: datetime,
    user_id: str,
    session_id: str | None,
    origin: Origin,
) -> tuple[str, ...]:
    codes = await backup_code.replace(tx, rt, now, user_id=user_id)
    happened = Happened(
        EventType.BACKUP_CODES_REPLACED, subject=user_id, actor=user_id, session_id=session_id
    )
    await emit(tx, now, origin, happened)
    return codes


def _shown(rt: Runtime, profile: Profile, secret: bytes) -> SetUp:
    issuer = rt.settings.brand.name
    uri = totp.provisioning_uri(secret, account=profile.email, issuer=issuer)
    return SetUp(totp.spelled(secret), uri, totp.qr_code(uri))
