"""Refresh tokens are single use; reuse revokes the whole family (RFC 9700 §4.14.2).

A lost answer must log nobody out: within `refresh.retry_window` of its first use, a token gets
the same successor again, as long as nobody has used that one. Only the holder of the old secret
can open it, so a copy of the database gives no token away.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import bindparam, exists, insert, select, update
from sqlalchemy.orm import aliased

from ostiary.events.actions import Happened, emit
from ostiary.events.catalogue import EventType
from ostiary.kernel import tokens
from ostiary.kernel.database import AnyRow, Transaction
from ostiary.kernel.origin import Origin
from ostiary.kernel.problems import Problem
from ostiary.kernel.tokens import Token
from ostiary.kernel.vault import open_under, seal_under
from ostiary.runtime import Runtime
from ostiary.sessions.tables import Family, RefreshToken, Session
from ostiary.users.tables import User

FIRST_PARTY = "ostiary"
"""The `client_id` of tokens for our own API."""

ACCESS_TOKEN = "at+jwt"  # noqa: S105 -- the `typ` of RFC 9068 §2.1, no secret
_SUCCESSOR = "refresh/successor"


class InvalidRefreshToken(Problem):
    """The refresh token is unknown, expired, revoked or was used before. Sign in again."""

    status, slug, title = 401, "invalid-refresh-token", "The refresh token is not valid"

    def __init__(self) -> None:
        """Says nothing of the reason: a thief would learn from it."""
        super().__init__(headers={"WWW-Authenticate": "Bearer"})


@dataclass(frozen=True, slots=True)
class Access:
    """What an access token says of a session."""

    user_id: str
    session_id: str
    auth_time: datetime
    amr: tuple[str, ...]
    acr: str


@dataclass(frozen=True, slots=True)
class TokenSet:
    """What a client gets: both tokens; `expires_in` is the access token's life in seconds."""

    user_id: str
    access_token: str
    refresh_token: str
    expires_in: int


@dataclass(frozen=True, slots=True)
class _Refused:
    """The token gives nothing; whatever had to be revoked is."""


@dataclass(frozen=True, slots=True)
class _Granted:
    access: Access
    refresh: Token


# Built once: making a statement costs more than running it.
_ALIVE = (
    select(Family.id)
    .join(Session, Session.id == Family.session_id)
    .join(User, User.id == Session.user_id)
    .where(
        Family.client_id == bindparam("client"),
        Family.revoked_at.is_(None),
        Family.expires_at > bindparam("at"),
        Session.revoked_at.is_(None),
        Session.expires_at > bindparam("at"),
        User.status == "active",
    )
)
"""Families of a client whose session may still be used by its user."""

_USE = (
    update(RefreshToken)
    .where(
        RefreshToken.id == bindparam("presented"),
        RefreshToken.digest == bindparam("presented_digest"),
        RefreshToken.used_at.is_(None),
        RefreshToken.expires_at > bindparam("at"),
        exists(_ALIVE.where(Family.id == RefreshToken.family_id)),
    )
    .values(
        used_at=bindparam("at"),
        successor_id=bindparam("successor"),
        successor_sealed=bindparam("sealed"),
    )
    .returning(RefreshToken.family_id)
)

_ADD = insert(RefreshToken)

_END_FAMILY = (
    update(Family)
    .where(Family.id == bindparam("family"), Family.revoked_at.is_(None))
    .values(revoked_at=bindparam("at"))
    .returning(Family.id)
)

_END_SESSION = (
    update(Session)
    .where(Session.id == bindparam("session"), Session.revoked_at.is_(None))
    .values(revoked_at=bindparam("at"))
)

_SEE = (
    update(Session)
    .where(
        Session.id
        == select(Family.session_id).where(Family.id == bindparam("family")).scalar_subquery()
    )
    .values(last_seen_at=bindparam("at"))
    .returning(*Session.__table__.columns)
)

_successor = aliased(RefreshToken)
_AGAIN = (
    _ALIVE.with_only_columns(
        *Session.__table__.columns,
        RefreshToken.used_at,
        RefreshToken.successor_id,
        RefreshToken.successor_sealed,
        RefreshToken.family_id,
        _successor.used_at.label("successor_used_at"),
    )
    .join(RefreshToken, RefreshToken.family_id == Family.id)
    .join(_successor, _successor.id == RefreshToken.successor_id)
    .where(
        RefreshToken.id == bindparam("presented"),
        RefreshToken.digest == bindparam("presented_digest"),
    )
)


async def issue(rt: Runtime, access: Access, refresh: Token) -> TokenSet:
    """Sign an access token (RFC 9068 §2.2) beside a refresh token that is already stored."""
    now = int(rt.clock.now().timestamp())
    lifetime = rt.settings.tokens.access_lifetime
    claims: dict[str, object] = {
        "iss": rt.settings.public_url,
        "aud": rt.settings.audience,
        "sub": access.user_id,
        "client_id": FIRST_PARTY,
        "sid": access.session_id,
        "iat": now,
        "exp": now + lifetime,
        "jti": tokens.new_id("jti", rt.clock.now()),
        "auth_time": int(access.auth_time.timestamp()),
        "amr": list(access.amr),
        "acr": access.acr,
    }
    signed = await rt.keys.sign(claims, typ=ACCESS_TOKEN)
    return TokenSet(access.user_id, signed, str(refresh), lifetime)


async def rotate(rt: Runtime, presented: str, *, client_id: str, origin: Origin) -> TokenSet:
    """Use a refresh token up and give its successor. Raises `InvalidRefreshToken`."""
    token = tokens.parse_token("ostrt", presented)
    if token is None:
        raise InvalidRefreshToken
    now = rt.clock.now()
    async with rt.db.write_hot() as tx:
        outcome = await _use(rt, tx, now, token, client_id, origin)
    # After the block: where the family was revoked, that is committed by now.
    if isinstance(outcome, _Refused):
        raise InvalidRefreshToken
    return await issue(rt, outcome.access, outcome.refresh)


async def add(
    tx: Transaction,
    rt: Runtime,
    now: datetime,
    *,
    family_id: str,
    ends_at: datetime,
    token: Token | None = None,
) -> Token:
    """Store a refresh token of the family (a new one, or `token`), good until `ends_at` at most."""
    token = token or tokens.new_token("ostrt", tokens.new_id("rt", now))
    idle = timedelta(seconds=rt.settings.tokens.refresh_idle)
    row = {
        "id": token.id,
        "family_id": family_id,
        "digest": token.digest,
        "created_at": now,
        "expires_at": min(now + idle, ends_at),
    }
    await tx.execute(_ADD, row)
    return token


async def _use(
    rt: Runtime,
    tx: Transaction,
    now: datetime,
    token: Token,
    client_id: str,
    origin: Origin,
) -> _Granted | _Refused:
    successor = tokens.new_token("ostrt", tokens.new_id("rt", now))
    sealed = seal_under(token.secret.encode(), _SUCCESSOR, successor.secret.encode())
    presented = {
        "presented": token.id,
        "presented_digest": token.digest,
        "at": now,
        "client": client_id,
        "successor": successor.id,
        "sealed": sealed,
    }
    used = (await tx.execute(_USE, presented)).one_or_none()
    if used is None:
        return await _present_again(rt, tx, now, token, client_id, origin)
    family_id = used.family_id
    session = (await tx.execute(_SEE, {"family": family_id, "at": now})).one()
    access = _access_of(session)
    await add(tx, rt, now, family_id=family_id, ends_at=session.expires_at, token=successor)
    await emit(tx, now, origin, _happened(EventType.TOKEN_REFRESHED, access, family_id))
    return _Granted(access, successor)


async def _present_again(
    rt: Runtime,
    tx: Transaction,
    now: datetime,
    token: Token,
    client_id: str,
    origin: Origin,
) -> _Granted | _Refused:
    """The token was not there to be used: find out whether that is a retry, or a theft."""
    presented = {
        "presented": token.id,
        "presented_digest": token.digest,
        "at": now,
        "client": client_id,
    }
    row = (await tx.execute(_AGAIN, presented)).one_or_none()
    if row is None:
        return _Refused()
    access = _access_of(row)
    # From the first use, never sliding: who retries for longer than the window is not retrying.
    is_in_time = now < row.used_at + timedelta(seconds=rt.settings.refresh.retry_window)
    if is_in_time and row.successor_used_at is None and row.successor_sealed is not None:
        secret = open_under(token.secret.encode(), _SUCCESSOR, row.successor_sealed)
        await emit(tx, now, origin, _happened(EventType.TOKEN_RETRIED, access, row.family_id))
        return _Granted(access, Token("ostrt", row.successor_id, secret.decode()))
    if await _revoke(tx, now, row.family_id, access.session_id):
        happened = _happened(EventType.TOKEN_REUSE_DETECTED, access, row.family_id)
        await emit(tx, now, origin, happened)
    return _Refused()


async def _revoke(tx: Transaction, now: datetime, family_id: str, session_id: str) -> bool:
    """End the family and its session. False where a parallel presentation already did."""
    ended = await tx.execute(_END_FAMILY, {"family": family_id, "at": now})
    if ended.one_or_none() is None:
        return False
    # The session too: whoever holds the other copy may hold an access token as well.
    await tx.execute(_END_SESSION, {"session": session_id, "at": now})
    return True


def _access_of(row: AnyRow) -> Access:
    return Access(row.user_id, row.id, row.auth_time, tuple(row.amr.split()), row.acr)


def _happened(type: EventType, access: Access, family_id: str) -> Happened:
    return Happened(
        type,
        subject=access.user_id,
        actor=access.user_id,
        session_id=access.session_id,
        data={"family": family_id},
    )
