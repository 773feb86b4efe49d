"""RFC 7638: the thumbprint of a key, which is what our keys are called."""

import hashlib
import json
from base64 import urlsafe_b64encode

import httpx

from ostiary.kernel import jws

# §3.1
EXAMPLE = {
    "kty": "RSA",
    "n": "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_"
    "BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FD"
    "W2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQ"
    "Fh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw",
    "e": "AQAB",
    "alg": "RS256",
    "kid": "2011-04-29",
}


def _thumbprint(jwk: dict[str, str], members: tuple[str, ...]) -> str:
    """RFC 7638 §3, by hand: required members, sorted, without white space, SHA-256."""
    canonical = json.dumps({name: jwk[name] for name in members}, separators=(",", ":"))
    return urlsafe_b64encode(hashlib.sha256(canonical.encode()).digest()).rstrip(b"=").decode()


def test_the_example_has_the_thumbprint_that_the_rfc_gives() -> None:
    expected = "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"
    assert jws.to_key(EXAMPLE).thumbprint() == expected
    assert _thumbprint(EXAMPLE, ("e", "kty", "n")) == expected


async def test_each_published_key_is_called_by_its_thumbprint(client: httpx.AsyncClient) -> None:
    keys = (await client.get("/.well-known/jwks.json")).json()["keys"]
    assert keys
    for jwk in keys:
        assert jwk["kid"] == _thumbprint(jwk, ("crv", "kty", "x", "y"))


async def test_a_published_key_says_what_it_is_for_and_nothing_secret(
    client: httpx.AsyncClient,
) -> None:
    for jwk in (await client.get("/.well-known/jwks.json")).json()["keys"]:
        assert jwk.keys() == {"kty", "crv", "x", "y", "kid", "alg", "use"}
        assert (jwk["alg"], jwk["use"], jwk["crv"]) == ("ES256", "sig", "P-256")
