"""Checks a bearer: one signature, then one SELECT that joins the session and its user.

So logout, suspension and deletion count at once, on every process. `/api/v1` accepts only
first-party access tokens; one that an OAuth client was given is refused, whatever its scopes.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import bindparam, select, update

from ostiary.authenticators.actions import has_second_factor
from ostiary.kernel.keyring import InvalidToken
from ostiary.kernel.problems import Problem
from ostiary.kernel.tokens import is_id
from ostiary.runtime import Runtime
from ostiary.sessions.tables import Session
from ostiary.sessions.tokens import ACCESS_TOKEN, FIRST_PARTY
from ostiary.users.actions import PROFILE, Profile, profile_of
from ostiary.users.tables import User

_SEEN_EVERY = timedelta(minutes=5)


class MissingToken(Problem):
    """The request needs an access token: `Authorization: Bearer …` (RFC 6750 §2.1)."""

    status, slug, title = 401, "missing-token", "An access token is needed"

    def __init__(self) -> None:
        """Without an error code, as RFC 6750 §3.1 asks where no token was sent."""
        super().__init__(headers={"WWW-Authenticate": 'Bearer realm="ostiary"'})


class InvalidAccessToken(Problem):
    """The access token is malformed, expired, revoked, or not meant for this API."""

    status, slug, title = 401, "invalid-token", "The access token is not valid"

    def __init__(self) -> None:
        """With the error code of RFC 6750 §3.1."""
        challenge = 'Bearer realm="ostiary", error="invalid_token"'
        super().__init__(headers={"WWW-Authenticate": challenge})


# Built once: making a statement costs more than running it.
_ALIVE = (
    select(
        *PROFILE,
        has_second_factor(User.id).label("mfa_enabled"),
        Session.auth_time,
        Session.amr,
        Session.acr,
        Session.second_factor_at,
        Session.last_seen_at,
    )
    .join(Session, Session.user_id == User.id)
    .where(
        Session.id == bindparam("session_id"),
        Session.revoked_at.is_(None),
        Session.expires_at > bindparam("at"),
        User.id == bindparam("user_id"),
        User.status == "active",
    )
)


@dataclass(frozen=True, slots=True)
class Caller:
    """Who is calling, as of this request."""

    profile: Profile
    mfa_enabled: bool
    session_id: str
    auth_time: datetime
    amr: tuple[str, ...]
    acr: str
    second_factor_at: datetime | None


async def check(rt: Runtime, authorization: str | None) -> Caller:
    """The caller that an `Authorization` header names.

    Raises `MissingToken` or `InvalidAccessToken`.
    """
    claims = await _claims(rt, _bearer(authorization))
    now = rt.clock.now()
    asked = {"session_id": claims["sid"], "user_id": claims["sub"], "at": now}
    row = await rt.db.fetch_one(_ALIVE, asked)
    if row is None:
        raise InvalidAccessToken
    if now - row.last_seen_at > _SEEN_EVERY:
        await _note_seen(rt, claims["sid"], now)
    return Caller(
        profile=profile_of(row),
        mfa_enabled=row.mfa_enabled,
        session_id=claims["sid"],
        auth_time=row.auth_time,
        amr=tuple(row.amr.split()),
        acr=row.acr,
        second_factor_at=row.second_factor_at,
    )


def _bearer(authorization: str | None) -> str:
    if authorization is None:
        raise MissingToken
    scheme, _, token = authorization.partition(" ")
    # RFC 9110 §11.1: the scheme's name is without case.
    if scheme.lower() != "bearer":
        raise MissingToken
    return token


async def _claims(rt: Runtime, token: str) -> dict[str, str]:
    settings = rt.settings
    try:
        claims = await rt.keys.verify(
            token, typ=ACCESS_TOKEN, issuer=settings.public_url, audience=settings.audience
        )
    except InvalidToken:
        raise InvalidAccessToken from None
    subject, session = claims.get("sub"), claims.get("sid")
    if claims.get("client_id") != FIRST_PARTY:
        raise InvalidAccessToken
    if not (isinstance(subject, str) and isinstance(session, str)):
        raise InvalidAccessToken
    # Nothing but an identifier reaches the database, whoever signed it.
    if not (is_id("usr", subject) and is_id("ses", session)):
        raise InvalidAccessToken
    return {"sub": subject, "sid": session}


async def _note_seen(rt: Runtime, session_id: str, now: datetime) -> None:
    async with rt.db.write() as tx:
        await tx.execute(
            update(Session)
            .where(Session.id == session_id, Session.last_seen_at < now - _SEEN_EVERY)
            .values(last_seen_at=now)
        )
