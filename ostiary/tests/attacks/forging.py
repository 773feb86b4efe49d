"""Makes JSON Web Tokens by hand: any header, any claims, any key, any spelling."""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

from ostiary.runtime import Runtime

Part = bytes | dict[str, Any] | list[Any] | str | int | None


def encode(part: Part) -> str:
    """One segment: bytes as they are, anything else as JSON."""
    raw = part if isinstance(part, bytes) else json.dumps(part).encode()
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def decode(segment: str) -> bytes:
    """The bytes of one segment."""
    return urlsafe_b64decode(segment + "=" * (-len(segment) % 4))


def header_of(token: str) -> dict[str, Any]:
    """What the token's header says."""
    return dict(json.loads(decode(token.split(".")[0])))


def claims_of(token: str) -> dict[str, Any]:
    """What the token says."""
    return dict(json.loads(decode(token.split(".")[1])))


def signed(key: ec.EllipticCurvePrivateKey, header: Part, payload: Part) -> str:
    """A JWS with a good ES256 signature (RFC 7518 §3.4) over whatever it is given."""
    signing_input = f"{encode(header)}.{encode(payload)}"
    r, s = decode_dss_signature(key.sign(signing_input.encode(), ec.ECDSA(SHA256())))
    return f"{signing_input}.{encode(r.to_bytes(32, 'big') + s.to_bytes(32, 'big'))}"


def an_attackers_key() -> ec.EllipticCurvePrivateKey:
    """A key that the server has never seen."""
    return ec.generate_private_key(ec.SECP256R1())


async def the_servers_key(rt: Runtime) -> ec.EllipticCurvePrivateKey:
    """The very key that signs: with it, only the fault that is tried can be what is refused."""
    jwk = (await rt.keys.keys())[0].key.as_dict(private=True)
    number = int.from_bytes(decode(str(jwk["d"])), "big")
    return ec.derive_private_key(number, ec.SECP256R1())


def public_jwk(key: ec.EllipticCurvePrivateKey) -> dict[str, str]:
    """The public half of `key` (RFC 7518 §6.2.1)."""
    numbers = key.public_key().public_numbers()
    return {
        "kty": "EC",
        "crv": "P-256",
        "x": encode(numbers.x.to_bytes(32, "big")),
        "y": encode(numbers.y.to_bytes(32, "big")),
    }
