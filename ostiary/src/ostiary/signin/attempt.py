"""The one gate: from policy, proofs and bound authenticators to what a sign-in still lacks.

Pure: it knows no clock, no database and no request, so every state it can be in is tested. Every
way in ends here, and only its `Done` opens a session.

A *first* proof starts a sign-in: a password, a mailbox (link or code), a federated sign-in, or a
passkey that verified its user, which is two factors at once. Where a *second* factor is due, a
TOTP code, a passkey or a backup code has to follow. Password and mailbox together are one factor:
whoever reads the mailbox can set the password.

Two questions are kept apart. The policy asks whether one stolen thing is enough to get in: a
mailbox and a TOTP code are two, so a policy that requires a second factor is met. `acr` says what
NIST SP 800-63B calls it: mail is no out-of-band authenticator there (§3.1.3.1), so the same
sign-in is `aal1`, as is everything but a password with a second factor and a verified passkey.
"""

from collections.abc import Collection
from dataclasses import dataclass

from ostiary.authenticators.proofs import Kind, Proof
from ostiary.sessions.done import Acr, Done

__all__ = ["Bind", "Done", "Impossible", "Need", "Policy", "Step", "next_step", "renewed"]

FIRST: frozenset[Kind] = frozenset(
    {"password", "email_link", "email_code", "federation", "passkey"}
)
SECOND: frozenset[Kind] = frozenset({"totp", "passkey"})
_RESCUE: frozenset[Kind] = frozenset({"backup_code"})
# Of these there is something bound as long as they prove anything; the others are used up.
_STANDING: frozenset[Kind] = frozenset({"password", "totp", "passkey"})

# RFC 8176 §2 has no name for a mailbox. A backup code is a one-time password, on paper.
_AMR: dict[Kind, str] = {
    "password": "pwd",
    "email_link": "email",
    "email_code": "email",
    "federation": "fed",
    "totp": "otp",
    "backup_code": "otp",
    "passkey": "pop",
}
_MULTIPLE = "mfa"


@dataclass(frozen=True, slots=True)
class Policy:
    """Whether this person must have a second factor, and which kinds this server can bind."""

    demands_second: bool
    bindable: frozenset[Kind]


@dataclass(frozen=True, slots=True)
class Need:
    """One of `kinds` has to be proven next; all of them are bound."""

    kinds: frozenset[Kind]


@dataclass(frozen=True, slots=True)
class Bind:
    """A second factor is demanded and there is none: one of `kinds` has to be bound first."""

    kinds: frozenset[Kind]


@dataclass(frozen=True, slots=True)
class Impossible:
    """Nothing that this person has, or could bind, opens the way in."""


Step = Done | Need | Bind | Impossible
"""What comes next in a sign-in."""


def next_step(policy: Policy, proofs: Collection[Proof], bound: Collection[Kind]) -> Step:
    """What a sign-in still lacks.

    `bound` names every kind that the person can present, mailbox included. A proof of a password,
    a TOTP secret or a passkey that is bound no longer counts for nothing, and so does one of a
    backup code without a factor that it stands in for.
    """
    seconds = SECOND.intersection(bound)
    ignored = (_STANDING - set(bound)) | (_RESCUE if not seconds else frozenset())
    counted = [one for one in proofs if one.kind not in ignored]
    if any(one.is_user_verified for one in counted if one.kind == "passkey"):
        return _done(counted)
    proven = {one.kind for one in counted}
    if not proven & (FIRST - {"passkey"}):
        # A passkey that did not verify its user is possession alone: good behind something else.
        starts = FIRST.intersection(bound) - proven
        return Need(starts) if starts else Impossible()
    if not seconds:
        if not policy.demands_second:
            return _done(counted)
        return Bind(policy.bindable) if policy.bindable else Impossible()
    if proven & (seconds | _RESCUE):
        return _done(counted)
    return Need(seconds | _RESCUE.intersection(bound))


def renewed(amr: Collection[str], proofs: Collection[Proof]) -> Done:
    """What a session is worth after its holder has proven something again.

    The live session stands for what opened it: NIST SP 800-63B §2.2.3 lets one factor renew both.
    `has_second` is of the new `proofs` alone.
    """
    fresh = _done(proofs)
    return Done(*_worth({*amr, *fresh.amr}), fresh.has_second)


def _done(proofs: Collection[Proof]) -> Done:
    methods = {_AMR[one.kind] for one in proofs}
    is_verified = any(one.kind == "passkey" and one.is_user_verified for one in proofs)
    if is_verified:
        methods.add(_MULTIPLE)
    has_second = is_verified or any(one.kind in SECOND | _RESCUE for one in proofs)
    return Done(*_worth(methods), has_second)


def _worth(methods: set[str]) -> tuple[tuple[str, ...], Acr]:
    if "pwd" in methods and methods & {"otp", "pop"}:
        methods = methods | {_MULTIPLE}
    order = [*dict.fromkeys(_AMR.values()), _MULTIPLE]
    return tuple(sorted(methods, key=order.index)), "aal2" if _MULTIPLE in methods else "aal1"
