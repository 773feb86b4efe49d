"""TOTP (RFC 6238): SHA-1, 30 seconds, six digits, a secret of 160 bits; a step counts once, ever.

The parameters are those that every authenticator app knows; several ignore any other.
"""

import hmac
from base64 import b32encode
from datetime import datetime
from secrets import token_bytes
from urllib.parse import quote, urlencode

from sqlalchemy import bindparam, delete, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.sql.dml import UpdateBase

from ostiary.authenticators.proofs import Kind, Proof
from ostiary.authenticators.tables import Authenticator
from ostiary.kernel import tokens
from ostiary.kernel.database import AnyRow, Connection
from ostiary.kernel.problems import Problem
from ostiary.runtime import Runtime

KIND: Kind = "totp"
PERIOD = 30  # seconds
_DIGITS = 6
_SECRET_BYTES = 20  # RFC 4226 §4, R6: 160 bits are recommended
# RFC 6238 §5.2 recommends one step back for the network; the other allows for a clock ahead.
_DRIFT = (1, 0, -1)
_PURPOSE = "totp"


class TotpAlreadyBound(Problem):
    """This account has an authenticator app already; disable it before another is set up."""

    status, slug, title = 409, "totp-already-bound", "An authenticator app is already set up"


_THEIRS = select(Authenticator.id, Authenticator.secret).where(
    Authenticator.user_id == bindparam("user"), Authenticator.kind == KIND
)
_CONFIRMED = _THEIRS.where(Authenticator.confirmed_at.is_not(None))
_UNCONFIRMED = _THEIRS.where(Authenticator.confirmed_at.is_(None))
_ACCEPT = (
    update(Authenticator)
    .where(
        Authenticator.id == bindparam("authenticator"),
        Authenticator.secret == bindparam("sealed"),
        Authenticator.counter < bindparam("step"),
    )
    .values(counter=bindparam("step"), last_used_at=bindparam("at"), failures=0)
    .returning(Authenticator.id)
)
_USE = _ACCEPT.where(
    Authenticator.confirmed_at.is_not(None), Authenticator.failures < bindparam("most")
)
_FAIL = (
    update(Authenticator)
    .where(
        Authenticator.user_id == bindparam("user"),
        Authenticator.kind == KIND,
        Authenticator.confirmed_at.is_not(None),
    )
    .values(failures=Authenticator.failures + 1)
    .returning(Authenticator.failures)
)
_CONFIRM = _ACCEPT.where(Authenticator.confirmed_at.is_(None)).values(confirmed_at=bindparam("at"))


def hotp(secret: bytes, counter: int, *, digits: int = _DIGITS, algorithm: str = "sha1") -> str:
    """The one-time password for `counter` (RFC 4226 §5.3)."""
    mac = hmac.digest(secret, counter.to_bytes(8, "big"), algorithm)
    offset = mac[-1] & 0xF
    number = int.from_bytes(mac[offset : offset + 4], "big") & 0x7FFF_FFFF
    return f"{number % 10**digits:0{digits}}"


def step_at(now: datetime) -> int:
    """The time step of `now`: whole periods since 1970 (RFC 6238 §4.2)."""
    return int(now.timestamp()) // PERIOD


def matching_step(secret: bytes, code: str, now: datetime) -> int | None:
    """The step, at most one from now, that `code` belongs to; the newest where it fits several."""
    found = None
    for drift in _DRIFT:
        step = step_at(now) + drift
        # Every candidate is compared, so that the time does not tell which one it was.
        if tokens.equal(hotp(secret, step).encode(), code.encode()) and found is None:
            found = step
    return found


def provisioning_uri(secret: bytes, *, account: str, issuer: str) -> str:
    """The `otpauth://` URI that authenticator apps read (Google's Key Uri Format)."""
    # The label's own colon separates issuer and account: theirs are escaped.
    label = f"{quote(issuer, safe='')}:{quote(account, safe='')}"
    query = {
        "secret": spelled(secret),
        "issuer": issuer,
        "algorithm": "SHA1",
        "digits": _DIGITS,
        "period": PERIOD,
    }
    return f"otpauth://totp/{label}?{urlencode(query, quote_via=quote)}"


def spelled(secret: bytes) -> str:
    """The secret in base 32, for those who type it. 160 bits need no padding."""
    return b32encode(secret).decode()


def qr_code(uri: str) -> str:
    """A QR code of `uri` as an SVG data URI, black on white whatever is behind it."""
    # Imported here: only setting up needs it.
    import segno

    drawn = segno.make(uri, micro=False, error="m")
    return drawn.svg_data_uri(scale=4, dark="#000", light="#fff", svgclass=None, lineclass=None)


async def set_up(tx: Connection, rt: Runtime, now: datetime, *, user_id: str) -> bytes:
    """Store a fresh secret that proves nothing until `confirm`, and return it.

    It replaces one that was never confirmed. Raises `TotpAlreadyBound`; `tx` is then of no use.
    """
    secret, id = token_bytes(_SECRET_BYTES), tokens.new_id("ath", now)
    await tx.execute(
        delete(Authenticator).where(
            Authenticator.user_id == user_id,
            Authenticator.kind == KIND,
            Authenticator.confirmed_at.is_(None),
        )
    )
    row = {
        "id": id,
        "user_id": user_id,
        "kind": KIND,
        "secret": rt.vault.seal(_PURPOSE, secret, context=f"{user_id}/{id}"),
        "counter": 0,
        "data": {},
        "created_at": now,
    }
    try:
        await tx.execute(insert(Authenticator), row)
    except IntegrityError:
        # uq_authenticator_single: one is confirmed, or was set up this very moment.
        raise TotpAlreadyBound from None
    return secret


async def confirm(
    tx: Connection, rt: Runtime, now: datetime, *, user_id: str, code: str
) -> Proof | None:
    """Bind the secret of `set_up` by the first code that it gives. None where that is wrong."""
    row = (await tx.execute(_UNCONFIRMED, {"user": user_id})).one_or_none()
    return await _accept(tx, rt, now, row, _CONFIRM, user_id=user_id, code=code)


async def use(
    tx: Connection, rt: Runtime, now: datetime, *, user_id: str, code: str
) -> Proof | None:
    """Use a code up. None where it is wrong, or its step was used before, or a later one was.

    None as well where `limits.consecutive_failures` were wrong in a row: guessing ends there.
    """
    row = (await tx.execute(_CONFIRMED, {"user": user_id})).one_or_none()
    return await _accept(tx, rt, now, row, _USE, user_id=user_id, code=code)


async def count_failure(tx: Connection, *, user_id: str) -> int:
    """Count a wrong code, and return how many these are in a row."""
    row = (await tx.execute(_FAIL, {"user": user_id})).one_or_none()
    return 0 if row is None else int(row.failures)


async def _accept(
    tx: Connection,
    rt: Runtime,
    now: datetime,
    row: AnyRow | None,
    statement: UpdateBase,
    *,
    user_id: str,
    code: str,
) -> Proof | None:
    if row is None:
        return None
    secret = rt.vault.open(_PURPOSE, row.secret, context=f"{user_id}/{row.id}")
    step = matching_step(secret, code, now)
    if step is None:
        return None
    # The counter only grows, in SQL: of two who present one code at once, one row says no.
    accepted = {
        "authenticator": row.id,
        "sealed": row.secret,
        "step": step,
        "at": now,
        "most": rt.settings.limits.consecutive_failures,
    }
    if (await tx.execute(statement, accepted)).one_or_none() is None:
        return None
    return Proof(KIND)
