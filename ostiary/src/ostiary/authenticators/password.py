"""Passwords: length is the rule, common ones and one's own name are refused (NIST SP 800-63B-4).

§3.1.1.2: no composition rules, a blocklist, normalised before hashing, never trimmed.
"""

import unicodedata
from collections.abc import Iterable
from datetime import datetime
from functools import cache
from importlib.machinery import SourceFileLoader
from importlib.util import find_spec
from itertools import permutations
from pathlib import Path
from types import ModuleType
from typing import Annotated

from pydantic import AfterValidator, StringConstraints
from sqlalchemy import bindparam, insert, update

from ostiary.authenticators.actions import has_second_factor
from ostiary.authenticators.proofs import Kind, Proof
from ostiary.authenticators.tables import Authenticator
from ostiary.kernel import tokens
from ostiary.kernel.database import Connection, Transaction
from ostiary.kernel.faults import Code
from ostiary.kernel.problems import Fault, Validation
from ostiary.kernel.text import refuse_unclean
from ostiary.settings import Settings

KIND: Kind = "password"


def _normalise(value: str) -> str:
    return unicodedata.normalize("NFC", refuse_unclean(value))


Password = Annotated[
    str, StringConstraints(min_length=1, max_length=1024), AfterValidator(_normalise)
]
"""A password as it is checked: NFC, never trimmed, at most 1024 characters."""


def check(
    settings: Settings,
    password: str,
    *,
    own: Iterable[str | None],
    pointer: str = "/password",
) -> None:
    """Refuse a new password that is too short, common, or one of the person's `own` names.

    Raises `Validation` that points at `pointer`.
    """
    fault = None
    folded = password.casefold()
    if len(password) < settings.password.min_length:
        advice = f"use at least {settings.password.min_length} characters."
        fault = Fault(Code.TOO_SHORT, advice, pointer=pointer)
    elif folded in _common():
        advice = "this is one of the most common passwords. Choose another one."
        fault = Fault(Code.COMMON_PASSWORD, advice, pointer=pointer)
    elif folded in _spellings(own):
        advice = "do not use your own name or email address. Choose another one."
        fault = Fault(Code.OWN_NAME, advice, pointer=pointer)
    if fault is not None:
        raise Validation(faults=(fault,))


async def bind(tx: Connection, now: datetime, *, user_id: str, encoded: str) -> None:
    """Give a user a first password, of which `encoded` is the hash."""
    await tx.execute(
        insert(Authenticator).values(
            id=tokens.new_id("ath", now),
            user_id=user_id,
            kind=KIND,
            secret=encoded.encode(),
            counter=0,
            data={},
            created_at=now,
            confirmed_at=now,
        )
    )


_USE = (
    update(Authenticator)
    .where(
        Authenticator.id == bindparam("authenticator"),
        Authenticator.secret == bindparam("hash"),
        has_second_factor(Authenticator.user_id) == bindparam("second_factor"),
    )
    .values(last_used_at=bindparam("at"), failures=0)
    .returning(Authenticator.id)
)
_RENEW = (
    update(Authenticator)
    .where(
        Authenticator.id == bindparam("authenticator"), Authenticator.secret == bindparam("hash")
    )
    .values(secret=bindparam("renewed"))
)


async def use(
    tx: Transaction, now: datetime, *, authenticator_id: str, secret: bytes, mfa_enabled: bool
) -> Proof | None:
    """Note that a password was used. None where it is not the one of which `secret` is the hash.

    A check takes longer than a transaction may: what was known before must be so still, and
    `mfa_enabled`, whether there is a second factor, as well.
    """
    known = {
        "authenticator": authenticator_id,
        "hash": secret,
        "second_factor": mfa_enabled,
        "at": now,
    }
    used = (await tx.execute(_USE, known)).one_or_none()
    return None if used is None else Proof(KIND)


async def replace(
    tx: Connection, now: datetime, *, authenticator_id: str, old: bytes, encoded: str
) -> bool:
    """Change a password whose hash is `old`. False where it is another one by now."""
    values = {
        "secret": encoded.encode(),
        "created_at": now,
        "last_used_at": now,
        "failures": 0,
    }
    statement = (
        update(Authenticator)
        .where(Authenticator.id == authenticator_id, Authenticator.secret == old)
        .values(values)
        .returning(Authenticator.id)
    )
    return (await tx.execute(statement)).one_or_none() is not None


async def put(tx: Connection, now: datetime, *, user_id: str, encoded: str) -> None:
    """Give a user this password, whether or not they have one."""
    statement = (
        update(Authenticator)
        .where(Authenticator.user_id == user_id, Authenticator.kind == KIND)
        .values(secret=encoded.encode(), created_at=now, last_used_at=None, failures=0)
        .returning(Authenticator.id)
    )
    if (await tx.execute(statement)).one_or_none() is None:
        await bind(tx, now, user_id=user_id, encoded=encoded)


async def renew(tx: Transaction, *, authenticator_id: str, old: bytes, encoded: str) -> None:
    """Replace a hash of an older cost by `encoded`, unless the password changed meanwhile."""
    renewed = {"authenticator": authenticator_id, "hash": old, "renewed": encoded.encode()}
    await tx.execute(_RENEW, renewed)


def _spellings(own: Iterable[str | None]) -> set[str]:
    names = [name.casefold() for name in own if name]
    parts = {part for name in names for part in (name, name.partition("@")[0])}
    # First and last name, in either order and however joined.
    return parts | {gap.join(pair) for pair in permutations(names, 2) for gap in ("", " ")}


@cache
def _common() -> frozenset[str]:
    # Read on the first new password, and from its file alone: imported, the package would keep
    # 8 MB of other words for as long as the process lives.
    package = find_spec("zxcvbn")
    if package is None or package.origin is None:
        raise ModuleNotFoundError("zxcvbn")
    file = Path(package.origin).with_name("frequency_lists.py")
    loader = SourceFileLoader("frequency_lists", str(file))
    module = ModuleType("frequency_lists")
    loader.exec_module(module)
    return frozenset(word for word in module.FREQUENCY_LISTS["passwords"] if len(word) >= 8)
