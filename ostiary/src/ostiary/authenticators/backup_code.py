"""Backup codes: ten look-up secrets, shown once, each good for one use (NIST SP 800-63B §3.1.2).

Each has 50 random bits, too few for a plain digest: what is stored is an HMAC under the vault's
keys over the user and the code, so a copy of the database gives none of them away.
"""

import secrets
import unicodedata
from datetime import datetime

from sqlalchemy import bindparam, delete, func, insert, select

from ostiary.authenticators.proofs import Kind, Proof
from ostiary.authenticators.tables import Authenticator
from ostiary.kernel import tokens
from ostiary.kernel.database import Connection
from ostiary.runtime import Runtime

KIND: Kind = "backup_code"
COUNT = 10
_LENGTH = 10
# Crockford's base 32: what is easily misread is not in it, and read as what it looks like.
_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_MISREAD = str.maketrans("oil", "011")
_PURPOSE = "backup_code"

_THEIRS = (Authenticator.user_id == bindparam("user"), Authenticator.kind == KIND)
_COUNT = select(func.count()).select_from(Authenticator).where(*_THEIRS)
_CLEAR = delete(Authenticator).where(*_THEIRS)
_BURN = _CLEAR.where(Authenticator.lookup == bindparam("mac")).returning(Authenticator.id)
_ADD = insert(Authenticator)


def new_code() -> str:
    """A fresh code: two groups of five."""
    code = "".join(secrets.choice(_ALPHABET) for _ in range(_LENGTH))
    return f"{code[:5]}-{code[5:]}"


def normalised(typed: str) -> str:
    """A code as it was made, however it was typed: case, spaces, dashes, o for 0, i or l for 1."""
    folded = unicodedata.normalize("NFKC", typed).lower()
    return "".join(letter for letter in folded if letter.isalnum()).translate(_MISREAD)


async def replace(tx: Connection, rt: Runtime, now: datetime, *, user_id: str) -> tuple[str, ...]:
    """Give a user ten new codes, the only time they are seen; older ones are void."""
    codes = tuple(new_code() for _ in range(COUNT))
    await tx.execute(_CLEAR, {"user": user_id})
    rows = [
        {
            "id": tokens.new_id("ath", now),
            "user_id": user_id,
            "kind": KIND,
            "secret": b"",  # the code is never read back: `lookup` is all there is of it
            "lookup": rt.vault.mac(_PURPOSE, _named(user_id, code)),
            "counter": 0,
            "data": {},
            "created_at": now,
            "confirmed_at": now,
        }
        for code in codes
    ]
    await tx.execute(_ADD, rows)
    return codes


async def burn(tx: Connection, rt: Runtime, *, user_id: str, code: str) -> Proof | None:
    """Use a code up. None where it is none of this user's, or was used before."""
    for mac in rt.vault.macs(_PURPOSE, _named(user_id, code)):
        burned = await tx.execute(_BURN, {"user": user_id, "mac": mac})
        if burned.one_or_none() is not None:
            return Proof(KIND)
    return None


async def clear(tx: Connection, *, user_id: str) -> None:
    """Void every code of a user."""
    await tx.execute(_CLEAR, {"user": user_id})


async def remaining(tx: Connection, *, user_id: str) -> int:
    """How many codes a user has left."""
    count: int = (await tx.execute(_COUNT, {"user": user_id})).scalar_one()
    return count


def _named(user_id: str, code: str) -> str:
    return f"{user_id}/{normalised(code)}"
