"""Sign-up: create an account, bind its password, mail a link, and let its owner in."""

from dataclasses import dataclass
from datetime import datetime

from ostiary.authenticators import password
from ostiary.authenticators.proofs import Proof
from ostiary.events.actions import Happened, emit
from ostiary.events.catalogue import EventType
from ostiary.kernel.database import Connection
from ostiary.kernel.faults import Code
from ostiary.kernel.limits import Budget, Claim
from ostiary.kernel.origin import Origin
from ostiary.kernel.problems import Fault, NotFound, Problem, Validation
from ostiary.mail.messages import Kind
from ostiary.runtime import Runtime
from ostiary.signin.actions import Opened, proceed
from ostiary.signin.budgets import count_message, spend
from ostiary.signin.challenges import Challenged, Entry
from ostiary.signin.recovery import send_reset
from ostiary.signin.standing import BY_MAIL, digest_of
from ostiary.signin.verification import send
from ostiary.users import actions as users
from ostiary.users.actions import EmailTaken, NewUser, Profile, UsernameTaken
from ostiary.users.names import email_key


class SignupClosed(Problem):
    """This server takes no sign-ups. Its operator creates accounts on the command line.

    The command is `ostiary user create`; the setting is `signup.mode`.
    """

    status, slug, title = 403, "signup-closed", "Sign-up is closed"


@dataclass(frozen=True, slots=True)
class SignedUp:
    """A new account.

    `entered` is None where its address has to be verified first, and a challenge where a second
    factor has to be bound.
    """

    profile: Profile
    entered: Opened | Challenged | None


@dataclass(frozen=True, slots=True)
class Concealed:
    """Whoever has the address learns the rest by mail: a link, or that there is an account."""


async def sign_up(rt: Runtime, new: NewUser, plain: str, *, origin: Origin) -> SignedUp | Concealed:
    """Create the account `new` with the password `plain`, mail a link, and sign it in.

    Raises `Validation` for the password, `TooManyRequests`, `SignupClosed`, `EmailTaken`,
    `UsernameTaken`, `Unavailable`. With `signup.conceal_existing` the answer is the same whether
    or not the address has an account.
    """
    is_concealed = rt.settings.signup.conceal_existing
    if is_concealed and new.username is not None:
        # Taken or not, a second sign-up with it would tell whether the first one made an account.
        advice = "this server takes it after sign-in. Leave it out."
        raise Validation(faults=(Fault(Code.TOO_EARLY, advice, pointer="/username"),))
    check_password(rt, new, plain)
    await _spend(rt, origin)
    try:
        if rt.settings.signup.mode == "closed":
            raise SignupClosed
        encoded = await rt.hasher.hash(plain)
        may_mail = await count_message(rt, email_key(new.email), origin)
        signed_up = await _open(rt, new, encoded, origin)
    except (SignupClosed, EmailTaken, UsernameTaken) as refusal:
        # Its own transaction: the one it happened in was rolled back.
        await _note_refusal(rt, refusal, origin)
        if not (is_concealed and isinstance(refusal, EmailTaken)):
            raise
        if may_mail:
            await _tell_owner(rt, new.email)
        return Concealed()
    return Concealed() if is_concealed else signed_up


async def create_user(rt: Runtime, new: NewUser, plain: str, *, origin: Origin) -> Profile:
    """Create an account for somebody else: no session, no budget, sign-up may be closed.

    Raises `Validation` for the password, `EmailTaken`, `UsernameTaken`.
    """
    check_password(rt, new, plain)
    encoded = await rt.hasher.hash(plain)
    async with rt.db.write() as tx:
        return await add_user(tx, rt.clock.now(), new, encoded, origin)


async def _open(rt: Runtime, new: NewUser, encoded: str, origin: Origin) -> SignedUp:
    now = rt.clock.now()
    async with rt.db.write() as tx:
        profile = await add_user(tx, now, new, encoded, origin)
        await send(tx, rt, now, profile)
        if rt.settings.signup.verification == "required":
            return SignedUp(profile, None)
        entry = Entry(
            profile.id,
            profile.role,
            (Proof(password.KIND),),
            password_digest=digest_of(encoded.encode()),
        )
        bound = BY_MAIL | {password.KIND}
        entered = await proceed(tx, rt, now, entry, bound=bound, origin=origin)
    return SignedUp(entered.profile if isinstance(entered, Opened) else profile, entered)


async def _tell_owner(rt: Runtime, email: str) -> None:
    """Mail the account that exists already, with a way in for its owner."""
    now = rt.clock.now()
    async with rt.db.write() as tx:
        try:
            profile = await users.read_by_email(tx, email)
        except NotFound:
            return  # deleted in this very moment
        await send_reset(tx, rt, now, profile, Kind.ACCOUNT_EXISTS)


async def add_user(
    tx: Connection, now: datetime, new: NewUser, encoded: str, origin: Origin
) -> Profile:
    """Insert an account with its password. Raises `EmailTaken`, `UsernameTaken`."""
    profile = await users.add(tx, now, new)
    await password.bind(tx, now, user_id=profile.id, encoded=encoded)
    happened = Happened(EventType.USER_CREATED, subject=profile.id, data={"role": new.role})
    await emit(tx, now, origin, happened)
    return profile


def check_password(rt: Runtime, new: NewUser, plain: str) -> None:
    """Refuse a password that may not be this account's. Raises `Validation`."""
    own = (new.email, new.username, new.first_name, new.last_name)
    password.check(rt.settings, plain, own=own)


async def _spend(rt: Runtime, origin: Origin) -> None:
    limits = rt.settings.limits
    budget = Budget("signup-address", limits.signups, limits.signup_window)
    await spend(rt, Claim(budget, origin.network), EventType.SIGNUP_LIMITED, origin)


async def _note_refusal(rt: Runtime, refusal: Problem, origin: Origin) -> None:
    async with rt.db.write() as tx:
        happened = Happened(EventType.SIGNUP_REFUSED, data={"reason": refusal.slug})
        await emit(tx, rt.clock.now(), origin, happened)
