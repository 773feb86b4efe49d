"""Identifiers and bearer tokens: prefixed, random, stored only as a digest."""

import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

TokenKind = Literal["ostrt", "ostdt", "ostlt", "ostch", "ostat", "ostml"]
"""What a token is good for.

`ostrt` refresh token, `ostdt` known device, `ostlt` mailed link, `ostch` a sign-in that lacks its
second factor, `ostat` the browser that asked for a sign-in link or code, `ostml` a sign-in link.
"""

# Crockford's base 32: no I, L, O, U; sorts like the number it stands for.
_BASE32 = "0123456789abcdefghjkmnpqrstvwxyz"
_ID = re.compile(r"[a-z]{2,5}_[0-9a-hjkmnp-tv-z]{26}")
_TOKEN = re.compile(r"(ost[a-z]{2})\.([0-9a-z_]{29,32})\.([A-Za-z0-9_-]{43})")


def new_id(prefix: str, now: datetime) -> str:
    """A new identifier: `prefix`, then 48 bits of milliseconds and 80 random bits.

    Identifiers of one kind sort by creation, so they serve as keyset cursors.
    """
    return _spell(prefix, (_milliseconds(now) << 80) | secrets.randbits(80))


def lowest_id(prefix: str, at: datetime) -> str:
    """The identifier that sorts before every other one of the millisecond of `at`.

    With `highest_id`, a list that is paged by identifiers finds its way to an instant. Instants
    before 1970 count as 1970.
    """
    return _spell(prefix, _milliseconds(at) << 80)


def highest_id(prefix: str, at: datetime) -> str:
    """The identifier that sorts behind every other one of the millisecond of `at`."""
    return _spell(prefix, (_milliseconds(at) << 80) | ((1 << 80) - 1))


def _milliseconds(at: datetime) -> int:
    return max(0, int(at.timestamp() * 1000))


def _spell(prefix: str, number: int) -> str:
    digits = [_BASE32[(number >> shift) & 31] for shift in range(125, -1, -5)]
    return f"{prefix}_{''.join(digits)}"


def is_id(prefix: str, value: str) -> bool:
    """Whether `value` has the form of an identifier of this kind."""
    return value.startswith(f"{prefix}_") and _ID.fullmatch(value) is not None


@dataclass(frozen=True, slots=True)
class Token:
    """A bearer token `<kind>.<id>.<secret>`: the row's id, and 256 bits only its holder knows."""

    kind: TokenKind
    id: str
    secret: str

    def __str__(self) -> str:
        """The form that is handed out, once."""
        return f"{self.kind}.{self.id}.{self.secret}"

    def __repr__(self) -> str:
        """The form for tracebacks and logs: without the secret."""
        return f"Token({self.kind}.{self.id}.…)"

    @property
    def digest(self) -> bytes:
        """What is stored: SHA-256 of kind, id and secret (256 random bits need no more)."""
        return hashlib.sha256(str(self).encode()).digest()


def new_token(kind: TokenKind, id: str) -> Token:
    """A fresh token for the row `id`."""
    return Token(kind, id, secrets.token_urlsafe(32))


def parse_token(kind: TokenKind, value: str) -> Token | None:
    """The token that `value` spells, or None where it is no token of this kind."""
    match = _TOKEN.fullmatch(value)
    if match is None or match[1] != kind:
        return None
    return Token(kind, match[2], match[3])


def equal(left: bytes, right: bytes) -> bool:
    """Whether two secrets are the same, in a time that does not tell where they differ."""
    return hmac.compare_digest(left, right)
