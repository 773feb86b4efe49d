"""The attacker takes the public key, which everybody may have, and uses it as an HMAC secret.

A server that lets the token choose the algorithm then verifies its own public key against itself
(RFC 8725 §2.1). Here the algorithm belongs to the key; a foreign key of another family is none.
"""

import hashlib
import hmac
import json
from collections.abc import Callable

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from factories import a_session

from attacks.forging import (
    an_attackers_key,
    claims_of,
    decode,
    encode,
    header_of,
    signed,
    the_servers_key,
)
from attacks.surface import assert_accepted, assert_refused_everywhere
from ostiary.runtime import Runtime

HASHES = {"HS256": hashlib.sha256, "HS384": hashlib.sha384, "HS512": hashlib.sha512}


async def _guesses(client: httpx.AsyncClient, rt: Runtime) -> dict[str, bytes]:
    """What a library might take for the secret, all of it public."""
    published = await client.get("/.well-known/jwks.json")
    jwk = published.json()["keys"][0]
    public = (await the_servers_key(rt)).public_key()
    info = PublicFormat.SubjectPublicKeyInfo
    return {
        "PEM": public.public_bytes(Encoding.PEM, info),
        "PEM without its last newline": public.public_bytes(Encoding.PEM, info).rstrip(),
        "DER": public.public_bytes(Encoding.DER, info),
        "point": public.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint),
        "x": decode(jwk["x"]),
        "x as text": jwk["x"].encode(),
        "JWK": json.dumps(jwk).encode(),
        "JWK Set": published.content,
        "kid": jwk["kid"].encode(),
        "nothing": b"",
    }


@pytest.mark.parametrize("alg", HASHES)
async def test_the_public_key_is_no_hmac_secret(
    rt: Runtime, client: httpx.AsyncClient, alg: str
) -> None:
    honest = (await a_session(rt)).tokens.access_token
    with_kid = {**header_of(honest), "alg": alg}
    without = {name: value for name, value in with_kid.items() if name != "kid"}
    for secret in (await _guesses(client, rt)).values():
        for header in (with_kid, without):
            forged = f"{encode(header)}.{encode(claims_of(honest))}"
            mac = hmac.new(secret, forged.encode(), HASHES[alg]).digest()
            await assert_refused_everywhere(client, f"{forged}.{encode(mac)}")
    await assert_accepted(client, honest)


async def test_a_key_of_the_attackers_own_is_refused(
    rt: Runtime, client: httpx.AsyncClient
) -> None:
    honest = (await a_session(rt)).tokens.access_token
    header, claims = header_of(honest), claims_of(honest)
    await assert_refused_everywhere(client, signed(an_attackers_key(), header, claims))
    await assert_accepted(client, signed(await the_servers_key(rt), header, claims))


async def test_a_good_signature_of_another_algorithm_is_refused(
    rt: Runtime, client: httpx.AsyncClient
) -> None:
    honest = (await a_session(rt)).tokens.access_token
    edwards, rivest = ed25519.Ed25519PrivateKey.generate(), rsa.generate_private_key(65537, 2048)
    pss = padding.PSS(padding.MGF1(SHA256()), salt_length=32)
    signers: dict[str, Callable[[bytes], bytes]] = {
        "EdDSA": edwards.sign,
        "Ed25519": edwards.sign,
        "RS256": lambda data: rivest.sign(data, padding.PKCS1v15(), SHA256()),
        "PS256": lambda data: rivest.sign(data, pss, SHA256()),
    }
    for alg, sign in signers.items():
        forged = f"{encode({**header_of(honest), 'alg': alg})}.{encode(claims_of(honest))}"
        await assert_refused_everywhere(client, f"{forged}.{encode(sign(forged.encode()))}")


@pytest.mark.parametrize("alg", ["ES384", "ES512", "ES256K", "es256", "ES256 ", "HS256", "none"])
async def test_the_servers_own_signature_under_another_name_is_refused(
    rt: Runtime, client: httpx.AsyncClient, alg: str
) -> None:
    honest = (await a_session(rt)).tokens.access_token
    key = await the_servers_key(rt)
    header, claims = header_of(honest), claims_of(honest)
    await assert_refused_everywhere(client, signed(key, {**header, "alg": alg}, claims))
    await assert_accepted(client, signed(key, header, claims))


async def test_an_honest_signature_in_der_is_refused(
    rt: Runtime, client: httpx.AsyncClient
) -> None:
    honest = (await a_session(rt)).tokens.access_token
    signing_input = honest.rpartition(".")[0]
    key = await the_servers_key(rt)
    der = key.sign(signing_input.encode(), ec.ECDSA(SHA256()))
    await assert_refused_everywhere(client, f"{signing_input}.{encode(der)}")
