"""A sign-in that lacks something: a row that its browser holds the token of, and nothing else.

It opens no route but those that finish it. Five wrong answers end it, it is finished once, and what
was proven counts only as long as it is still so.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import bindparam, delete, insert, select, update

from ostiary.authenticators.proofs import Kind, Proof
from ostiary.events.actions import Happened, emit
from ostiary.events.catalogue import EventType
from ostiary.kernel import tokens
from ostiary.kernel.database import AnyRow, Connection, Transaction
from ostiary.kernel.origin import Origin
from ostiary.kernel.problems import Problem
from ostiary.kernel.tokens import Token
from ostiary.runtime import Runtime
from ostiary.signin.standing import Standing, ordered
from ostiary.signin.tables import SignIn
from ostiary.users.names import email_key

TRIES = 5
CHALLENGE = "challenge"


class AttemptInvalid(Problem):
    """This sign-in is unknown, finished, too old, or ended by five wrong answers. Start again."""

    status, slug, title = 401, "attempt-invalid", "This sign-in cannot be finished"

    def __init__(self) -> None:
        """With the challenge that RFC 9110 §11.6.1 asks of every 401."""
        super().__init__(headers={"WWW-Authenticate": 'Bearer realm="ostiary"'})


class InvalidCode(Problem):
    """The code is wrong, too old, or was used before. Enter the newest one."""

    status, slug, title = 401, "invalid-code", "This code is not valid"

    def __init__(self) -> None:
        """With the challenge that RFC 9110 §11.6.1 asks of every 401."""
        super().__init__(headers={"WWW-Authenticate": 'Bearer realm="ostiary"'})


@dataclass(frozen=True, slots=True)
class Entry:
    """Somebody on their way in: who, what they have proven, and of what.

    `password_digest` and `email_key` are what a proof of them was of, so that it ends with them.
    """

    user_id: str
    role: str
    proofs: tuple[Proof, ...]
    known_device_id: str | None = None
    password_digest: bytes | None = None
    email_key: str | None = None


@dataclass(frozen=True, slots=True)
class Challenged:
    """More has to be proven, by one of `methods`, or one of `bind` has to be bound first."""

    token: Token
    methods: tuple[Kind, ...]
    bind: tuple[Kind, ...]
    expires_in: int


_ADD = insert(SignIn)
_GOOD = (
    SignIn.id == bindparam("sign_in"),
    SignIn.digest == bindparam("held"),
    SignIn.purpose == bindparam("wanted"),
    SignIn.expires_at > bindparam("at"),
    SignIn.tries < TRIES,
)
_LOOK = select(*SignIn.__table__.columns).where(*_GOOD)
_TRY = (
    update(SignIn).where(*_GOOD).values(tries=SignIn.tries + 1).returning(*SignIn.__table__.columns)
)
_FINISH = delete(SignIn).where(SignIn.id == bindparam("sign_in")).returning(SignIn.id)


async def challenge(
    tx: Transaction,
    rt: Runtime,
    now: datetime,
    entry: Entry,
    *,
    need: frozenset[Kind],
    bind: frozenset[Kind],
    origin: Origin,
) -> Challenged:
    """Keep what `entry` has proven, and ask for more."""
    lifetime = rt.settings.mfa.challenge_lifetime
    token = tokens.new_token("ostch", tokens.new_id("sin", now))
    await tx.execute(
        _ADD,
        {
            "id": token.id,
            "purpose": CHALLENGE,
            "user_id": entry.user_id,
            "digest": token.digest,
            "proofs": " ".join(one.kind for one in entry.proofs),
            "password_digest": entry.password_digest,
            "email_key": entry.email_key,
            "device_id": entry.known_device_id,
            "tries": 0,
            "created_at": now,
            "expires_at": now + timedelta(seconds=lifetime),
        },
    )
    methods, binds = ordered(need), ordered(bind)
    data: dict[str, object] = {"methods": list(methods), "bind": list(binds)}
    happened = Happened(EventType.SIGNIN_CHALLENGED, subject=entry.user_id, data=data)
    await emit(tx, now, origin, happened)
    return Challenged(token, methods, binds, lifetime)


async def look(rt: Runtime, token: Token | None, purpose: str = CHALLENGE) -> AnyRow:
    """The row of a sign-in that may be finished. Raises `AttemptInvalid`."""
    row = await rt.db.fetch_one(_LOOK, _asked(token, rt.clock.now(), purpose)) if token else None
    if row is None:
        raise AttemptInvalid
    return row


async def take_try(
    tx: Connection, now: datetime, token: Token, purpose: str = CHALLENGE
) -> AnyRow | None:
    """Count one answer before it is looked at. None where none may be given any more.

    So parallel answers cannot share a try, and a try is used up whatever becomes of it.
    """
    return (await tx.execute(_TRY, _asked(token, now, purpose))).one_or_none()


def parse(presented: str) -> Token | None:
    """The token of a challenge, or None where it is none."""
    return tokens.parse_token("ostch", presented)


async def finish(tx: Connection, sign_in_id: str) -> bool:
    """Use it up. False where it was."""
    return (await tx.execute(_FINISH, {"sign_in": sign_in_id})).one_or_none() is not None


def entry_of(row: AnyRow, standing: Standing) -> Entry:
    """What a challenge's row proves of somebody who now stands like this."""
    proofs = [Proof(kind) for kind in row.proofs.split()]
    if row.password_digest != standing.password_digest:
        proofs = [one for one in proofs if one.kind != "password"]
    if row.email_key != email_key(standing.profile.email):
        proofs = [one for one in proofs if one.kind not in ("email_link", "email_code")]
    return Entry(
        row.user_id,
        standing.profile.role,
        tuple(proofs),
        row.device_id,
        row.password_digest,
        row.email_key,
    )


async def sweep(tx: Connection, now: datetime, *, limit: int) -> int:
    """Delete up to `limit` sign-ins that nobody can finish any more; return how many that were."""
    old = select(SignIn.id).where(SignIn.expires_at <= now).limit(limit)
    skipping = old.with_for_update(skip_locked=True)
    return (await tx.execute(delete(SignIn).where(SignIn.id.in_(skipping)))).rowcount


def _asked(token: Token, now: datetime, purpose: str) -> dict[str, object]:
    return {"sign_in": token.id, "held": token.digest, "wanted": purpose, "at": now}
