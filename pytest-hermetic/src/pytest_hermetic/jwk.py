"""Public keys as JSON Web Keys (RFC 7517), named by their thumbprint (RFC 7638)."""

from __future__ import annotations

import base64
import hashlib
import json
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa


def public(pem: str) -> dict[str, Any]:
    """The JSON Web Key of a public PEM: P-256, RSA or Ed25519."""
    key = serialization.load_pem_public_key(pem.encode())
    members, algorithm = _members(key)
    # RFC 7638 §3: the required members, in lexicographic order, without white space.
    canonical = json.dumps(members, sort_keys=True, separators=(",", ":"))
    thumbprint = _base64(hashlib.sha256(canonical.encode()).digest())
    return {**members, "alg": algorithm, "use": "sig", "kid": thumbprint}


def _members(key: object) -> tuple[dict[str, str], str]:
    if isinstance(key, ec.EllipticCurvePublicKey):
        point = key.public_numbers()
        x, y = (_base64(number.to_bytes(32, "big")) for number in (point.x, point.y))
        return {"kty": "EC", "crv": "P-256", "x": x, "y": y}, "ES256"
    if isinstance(key, rsa.RSAPublicKey):
        numbers = key.public_numbers()
        return {"kty": "RSA", "n": _number(numbers.n), "e": _number(numbers.e)}, "RS256"
    if isinstance(key, ed25519.Ed25519PublicKey):
        return {"kty": "OKP", "crv": "Ed25519", "x": _base64(key.public_bytes_raw())}, "EdDSA"
    raise TypeError(f"no JSON Web Key for {type(key).__name__}")


def _number(number: int) -> str:
    return _base64(number.to_bytes((number.bit_length() + 7) // 8, "big"))


def _base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
