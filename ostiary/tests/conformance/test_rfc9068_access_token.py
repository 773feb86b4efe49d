"""RFC 9068: what an access token says, and how a resource server checks one with the JWK Set."""

import json
from typing import Any

import httpx
import pytest
from clock import OwnedClock
from factories import sign_up

from ostiary.kernel import jws


async def _verified(client: httpx.AsyncClient, token: str) -> jws.Signed:
    """Check `token` as a resource server does: with nothing but the published keys."""
    keys = (await client.get("/.well-known/jwks.json")).json()["keys"]
    kid = jws.read(token).header["kid"]
    (jwk,) = [key for key in keys if key["kid"] == kid]
    return jws.verify(token, jws.to_key(jwk), alg=jwk["alg"])


async def _claims(client: httpx.AsyncClient, token: str) -> dict[str, Any]:
    return dict(json.loads((await _verified(client, token)).payload))


async def test_the_type_is_at_jwt_and_the_key_is_named(client: httpx.AsyncClient) -> None:
    answer = await sign_up(client)
    signed = await _verified(client, answer["tokens"]["access_token"])
    assert signed.header.keys() == {"alg", "kid", "typ"}
    assert signed.header["typ"] == "at+jwt"  # §2.1
    assert signed.header["alg"] == "ES256"


async def test_every_claim_that_the_rfc_requires_is_there(
    client: httpx.AsyncClient, clock: OwnedClock
) -> None:
    answer = await sign_up(client)
    claims = await _claims(client, answer["tokens"]["access_token"])
    now = int(clock.now().timestamp())
    # §2.2: iss, exp, aud, sub, client_id, iat and jti are REQUIRED.
    assert claims["iss"] == "http://127.0.0.1:8000"
    assert claims["aud"] == "http://127.0.0.1:8000/api/v1"
    assert claims["sub"] == answer["user"]["id"]
    assert claims["client_id"] == "ostiary"
    assert claims["iat"] == now
    assert claims["exp"] == now + 600 == now + answer["tokens"]["expires_in"]
    assert claims["jti"]


async def test_it_tells_when_and_with_what_the_person_signed_in(
    client: httpx.AsyncClient, clock: OwnedClock
) -> None:
    answer = await sign_up(client)
    signed_in_at = int(clock.now().timestamp())
    clock.advance(minutes=7)
    body = {"refresh_token": answer["tokens"]["refresh_token"]}
    refreshed = (await client.post("/api/v1/auth/refresh", json=body)).json()
    claims = await _claims(client, refreshed["access_token"])
    # §2.2.1: these stay those of the sign-in, however often the token is refreshed.
    assert claims["auth_time"] == signed_in_at
    assert claims["iat"] == signed_in_at + 420
    assert claims["amr"] == ["pwd"]
    assert claims["acr"] == "aal1"


async def test_it_holds_no_name_and_no_address(client: httpx.AsyncClient) -> None:
    answer = await sign_up(client, username="wonderland", first_name="Alice")
    claims = await _claims(client, answer["tokens"]["access_token"])
    # §6: a token is read by whoever gets it; it names the person by id only.
    assert claims.keys() == {
        "iss", "aud", "sub", "client_id", "sid", "iat", "exp", "jti", "auth_time", "amr", "acr",
    }  # fmt: skip


async def test_two_tokens_of_one_moment_differ(client: httpx.AsyncClient) -> None:
    first = await sign_up(client)
    body = {"email": "alice@example.com", "password": "correct horse battery"}
    second = (await client.post("/api/v1/auth/signin", json=body)).json()
    one = await _claims(client, first["tokens"]["access_token"])
    other = await _claims(client, second["tokens"]["access_token"])
    assert one["iat"] == other["iat"]
    assert one["jti"] != other["jti"]
    assert one["sid"] != other["sid"]


@pytest.mark.settings(public_url="https://id.example.com", tokens={"access_lifetime": 60})
async def test_issuer_audience_and_life_follow_the_settings(client: httpx.AsyncClient) -> None:
    answer = await sign_up(client)
    claims = await _claims(client, answer["tokens"]["access_token"])
    assert claims["iss"] == "https://id.example.com"
    assert claims["aud"] == "https://id.example.com/api/v1"
    assert claims["exp"] - claims["iat"] == answer["tokens"]["expires_in"] == 60
