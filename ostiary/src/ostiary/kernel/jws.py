"""The one door to JOSE: strict compact signatures (RFC 7515), one algorithm a key.

The library checks signatures; what it lets pass of form (padding, repeated members, headers that
point elsewhere) is refused here, before it sees the token.
"""

import json
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from typing import Any

from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, JWKRegistry, Key

__all__ = [
    "InvalidSignature",
    "Key",
    "Signed",
    "export",
    "generate",
    "read",
    "sign",
    "to_key",
    "to_object",
    "verify",
]

_SEGMENT = re.compile(r"[A-Za-z0-9_-]*")
_HEADERS = {"alg", "kid", "typ", "cty"}  # all that we know: `crit`, `jwk`, `jku`, `x5u` … are none
_LONGEST = 8192


class InvalidSignature(Exception):
    """The value is no well-formed JWS, or its signature is not by this key. Says no more."""


@dataclass(frozen=True, slots=True)
class Signed:
    """A JWS whose signature was checked, or (from `read`) not yet."""

    header: dict[str, Any]
    payload: bytes


def generate() -> Key:
    """A new P-256 key for ES256 (RFC 7518 §3.4), its `kid` the thumbprint of RFC 7638."""
    key = ECKey.generate_key("P-256")
    return to_key({**key.as_dict(private=True), "kid": key.thumbprint()})


def to_key(jwk: dict[str, Any]) -> Key:
    """The key that `jwk` describes (RFC 7517)."""
    return JWKRegistry.import_key(jwk)


def export(key: Key, *, alg: str) -> dict[str, Any]:
    """The public half of `key`, as it is published."""
    return {**key.as_dict(private=False), "alg": alg, "use": "sig"}


def sign(payload: bytes, key: Key, *, alg: str, typ: str) -> str:
    """The compact JWS of `payload`, with `alg`, `kid` and `typ` in its header."""
    header = {"alg": alg, "kid": key.kid, "typ": typ}
    return jws.serialize_compact(header, payload, key, algorithms=[alg])


def read(token: str) -> Signed:
    """Take a compact JWS apart without trusting it. Raises `InvalidSignature`."""
    segments = token.split(".")
    if len(token) > _LONGEST or len(segments) != 3:
        raise InvalidSignature
    head, payload, signature = map(_decode, segments)
    if not signature:
        raise InvalidSignature
    header = to_object(head)
    if not header.keys() <= _HEADERS:
        raise InvalidSignature
    return Signed(header, payload)


def to_object(raw: bytes) -> dict[str, Any]:
    """The JSON object that `raw` spells: UTF-8, no repeated member. Raises `InvalidSignature`."""
    try:
        found = json.loads(raw.decode(), object_pairs_hook=_once)
    except (ValueError, RecursionError):
        raise InvalidSignature from None
    if not isinstance(found, dict):
        raise InvalidSignature
    return found


def verify(token: str, key: Key, *, alg: str) -> Signed:
    """The content of `token`, signed by `key` with exactly `alg`. Raises `InvalidSignature`.

    The algorithm comes from the key, never from the token (RFC 8725 §3.1).
    """
    signed = read(token)
    if signed.header.get("alg") != alg:
        raise InvalidSignature
    try:
        jws.deserialize_compact(token, key, algorithms=[alg])
    except (JoseError, ValueError, TypeError):
        raise InvalidSignature from None
    return signed


def _decode(segment: str) -> bytes:
    # RFC 7515 §2: no padding, no white space; and one value has one spelling.
    if not _SEGMENT.fullmatch(segment):
        raise InvalidSignature
    try:
        decoded = urlsafe_b64decode(segment + "=" * (-len(segment) % 4))
    except ValueError:
        raise InvalidSignature from None
    if urlsafe_b64encode(decoded).rstrip(b"=").decode() != segment:
        raise InvalidSignature
    return decoded


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("repeated member")
    return members
