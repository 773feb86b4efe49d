"""Access tokens: what they hold, who can check them, and what is refused in their place."""

import base64
import json
from typing import Any

import httpx
import pytest
from clock import OwnedClock
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ec import (
    ECDSA,
    SECP256R1,
    EllipticCurvePublicNumbers,
)
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from factories import SignedIn, a_session, a_user, an_origin, problem

from ostiary.admin.users import suspend
from ostiary.kernel import jws
from ostiary.runtime import Runtime

ME = "/api/v1/auth/me"
MISSING = (401, "missing-token")
INVALID = (401, "invalid-token")

GUARDED = [
    ("GET", "/api/v1/auth/me"),
    ("GET", "/api/v1/users/me"),
    ("PATCH", "/api/v1/users/me"),
    ("GET", "/api/v1/sessions"),
    ("DELETE", "/api/v1/sessions"),
    ("DELETE", "/api/v1/sessions/ses_00000000000000000000000000"),
    ("POST", "/api/v1/auth/logout"),
    ("POST", "/api/v1/auth/signout"),
]
_BODIES = {"PATCH": {"first_name": "Alice"}}


def _decode(segment: str) -> bytes:
    return base64.urlsafe_b64decode(segment + "=" * (-len(segment) % 4))


def _encode(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()


def _claims(token: str) -> dict[str, Any]:
    return dict(json.loads(_decode(token.split(".")[1])))


async def _jwk(client: httpx.AsyncClient, token: str) -> dict[str, Any]:
    """The published key that the token names."""
    kid = json.loads(_decode(token.split(".")[0]))["kid"]
    keys = (await client.get("/.well-known/jwks.json")).json()["keys"]
    return next(key for key in keys if key["kid"] == kid)


async def _me(client: httpx.AsyncClient, token: str) -> httpx.Response:
    return await client.get(ME, headers={"Authorization": f"Bearer {token}"})


@pytest.fixture
async def alice(rt: Runtime) -> SignedIn:
    """Somebody with a session."""
    return await a_session(rt)


async def test_a_generated_token_is_a_signed_jwt_of_the_access_token_type(alice: SignedIn) -> None:
    header, payload, signature = alice.tokens.access_token.split(".")
    named = json.loads(_decode(header))
    assert named.pop("kid")
    assert named == {"alg": "ES256", "typ": "at+jwt"}
    assert isinstance(json.loads(_decode(payload)), dict)
    assert len(_decode(signature)) == 64


async def test_the_claims_say_who_for_whom_until_when_and_how(
    alice: SignedIn, clock: OwnedClock
) -> None:
    claims = _claims(alice.tokens.access_token)
    now = int(clock.now().timestamp())
    assert claims.pop("jti").startswith("jti_")
    assert claims == {
        "iss": "http://127.0.0.1:8000",
        "aud": "http://127.0.0.1:8000/api/v1",
        "sub": alice.user.id,
        "client_id": "ostiary",
        "sid": alice.session_id,
        "iat": now,
        "exp": now + 600,
        "auth_time": now,
        "amr": ["pwd"],
        "acr": "aal1",
    }


async def test_the_claims_tell_nothing_personal(rt: Runtime) -> None:
    user = await a_user(rt, "alice@example.com", username="liddell", first_name="Alice")
    payload = _decode((await a_session(rt, user)).tokens.access_token.split(".")[1]).decode()
    assert not [text for text in ("alice", "Alice", "liddell") if text in payload]


async def test_two_tokens_of_one_instant_differ(rt: Runtime) -> None:
    user = await a_user(rt)
    first, second = [(await a_session(rt, user)).tokens for _ in range(2)]
    assert _claims(first.access_token)["iat"] == _claims(second.access_token)["iat"]
    assert _claims(first.access_token)["jti"] != _claims(second.access_token)["jti"]


async def test_anybody_can_validate_a_token_with_the_published_key(
    client: httpx.AsyncClient, alice: SignedIn
) -> None:
    token = alice.tokens.access_token
    jwk = await _jwk(client, token)
    x, y = (int.from_bytes(_decode(jwk[name])) for name in ("x", "y"))
    key = EllipticCurvePublicNumbers(x, y, SECP256R1()).public_key()
    signed, _, signature = token.rpartition(".")
    raw = _decode(signature)
    der = encode_dss_signature(int.from_bytes(raw[:32]), int.from_bytes(raw[32:]))
    key.verify(der, signed.encode(), ECDSA(SHA256()))
    with pytest.raises(InvalidSignature):
        key.verify(der, f"{signed}x".encode(), ECDSA(SHA256()))
    assert "d" not in jwk


async def test_a_valid_token_is_accepted(client: httpx.AsyncClient, alice: SignedIn) -> None:
    answer = await _me(client, alice.tokens.access_token)
    assert answer.status_code == 200
    assert answer.json()["id"] == alice.user.id


@pytest.mark.parametrize(("method", "path"), GUARDED)
async def test_a_missing_header_is_refused_everywhere(
    client: httpx.AsyncClient, method: str, path: str
) -> None:
    answer = await client.request(method, path, json=_BODIES.get(method))
    assert problem(answer) == MISSING
    assert answer.headers["www-authenticate"] == 'Bearer realm="ostiary"'
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(("method", "path"), GUARDED)
async def test_an_invalid_token_is_refused_everywhere(
    client: httpx.AsyncClient, method: str, path: str
) -> None:
    headers = {"Authorization": "Bearer a.b.c"}
    answer = await client.request(method, path, headers=headers, json=_BODIES.get(method))
    assert problem(answer) == INVALID
    challenge = 'Bearer realm="ostiary", error="invalid_token"'
    assert answer.headers["www-authenticate"] == challenge
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    "prefix", ["", "Token ", "Basic ", "JWT ", "Bearer=", "Bearer:", "Bear er "]
)
async def test_a_token_without_the_word_bearer_is_refused(
    client: httpx.AsyncClient, alice: SignedIn, prefix: str
) -> None:
    headers = {"Authorization": f"{prefix}{alice.tokens.access_token}"}
    assert problem(await client.get(ME, headers=headers)) == MISSING


@pytest.mark.parametrize("scheme", ["bearer", "BEARER", "bEaReR"])
async def test_the_word_bearer_is_without_case(
    client: httpx.AsyncClient, alice: SignedIn, scheme: str
) -> None:
    headers = {"Authorization": f"{scheme} {alice.tokens.access_token}"}
    assert (await client.get(ME, headers=headers)).json()["id"] == alice.user.id


@pytest.mark.parametrize(
    "token",
    [
        "",
        " ",
        "token",
        "a.b",
        "a.b.c",
        "a.b.c.d",
        "..",
        "...",
        "eyJ.eyJ.eyJ",
        "null.null.null",
        "a" * 9000,
    ],
)
async def test_an_invalid_format_is_refused(client: httpx.AsyncClient, token: str) -> None:
    headers = [("Authorization", f"Bearer {token}")]
    assert problem(await client.get(ME, headers=headers)) == INVALID


@pytest.mark.parametrize("form", ["{} x", "x {}", " {}", "{}.", "{}=", ".{}", '"{}"', "{0},{0}"])
async def test_anything_around_a_token_is_refused(
    client: httpx.AsyncClient, alice: SignedIn, form: str
) -> None:
    assert problem(await _me(client, form.format(alice.tokens.access_token))) == INVALID


async def test_a_token_is_not_taken_from_elsewhere(
    client: httpx.AsyncClient, alice: SignedIn
) -> None:
    token = alice.tokens.access_token
    assert problem(await client.get(ME, params={"access_token": token})) == MISSING
    client.cookies.set("access_token", token)
    assert problem(await client.get(ME)) == MISSING


async def test_a_token_expires_after_ten_minutes(
    client: httpx.AsyncClient, alice: SignedIn, clock: OwnedClock
) -> None:
    clock.advance(seconds=599)
    assert (await _me(client, alice.tokens.access_token)).status_code == 200
    clock.advance(seconds=1)
    assert problem(await _me(client, alice.tokens.access_token)) == INVALID


@pytest.mark.settings(tokens={"access_lifetime": 60})
async def test_the_lifetime_is_a_setting(
    client: httpx.AsyncClient, alice: SignedIn, clock: OwnedClock
) -> None:
    assert alice.tokens.expires_in == 60
    clock.advance(seconds=60)
    assert problem(await _me(client, alice.tokens.access_token)) == INVALID


@pytest.mark.parametrize(
    ("claim", "value"),
    [
        ("sub", "usr_00000000000000000000000000"),
        ("sid", "ses_00000000000000000000000000"),
        ("exp", 4_000_000_000),
        ("acr", "aal2"),
        ("role", "administrator"),
    ],
)
async def test_a_tampered_payload_is_refused(
    client: httpx.AsyncClient, alice: SignedIn, claim: str, value: object
) -> None:
    header, payload, signature = alice.tokens.access_token.split(".")
    forged = _encode(json.dumps({**json.loads(_decode(payload)), claim: value}).encode())
    assert problem(await _me(client, f"{header}.{forged}.{signature}")) == INVALID


@pytest.mark.parametrize(
    "changes", [{"alg": "none"}, {"alg": "HS256"}, {"typ": "JWT"}, {"kid": "x"}]
)
async def test_a_tampered_header_is_refused(
    client: httpx.AsyncClient, alice: SignedIn, changes: dict[str, str]
) -> None:
    header, payload, signature = alice.tokens.access_token.split(".")
    forged = _encode(json.dumps({**json.loads(_decode(header)), **changes}).encode())
    assert problem(await _me(client, f"{forged}.{payload}.{signature}")) == INVALID
    assert problem(await _me(client, f"{forged}.{payload}.")) == INVALID


async def test_a_signature_with_any_byte_changed_is_refused(
    client: httpx.AsyncClient, alice: SignedIn
) -> None:
    signed, _, signature = alice.tokens.access_token.rpartition(".")
    raw = _decode(signature)
    for place in range(64):
        changed = bytes([*raw[:place], raw[place] ^ 1, *raw[place + 1 :]])
        assert problem(await _me(client, f"{signed}.{_encode(changed)}")) == INVALID


async def test_another_key_s_signature_is_refused_whatever_it_calls_itself(
    client: httpx.AsyncClient, alice: SignedIn
) -> None:
    token = alice.tokens.access_token
    kid = (await _jwk(client, token))["kid"]
    foreign = jws.to_key({**jws.generate().as_dict(private=True), "kid": kid})
    payload = _decode(token.split(".")[1])
    forged = jws.sign(payload, foreign, alg="ES256", typ="at+jwt")
    assert problem(await _me(client, forged)) == INVALID


async def test_a_good_token_goes_on_working_after_forgeries_of_it(
    client: httpx.AsyncClient, alice: SignedIn
) -> None:
    token = alice.tokens.access_token
    for _ in range(2):
        assert problem(await _me(client, f"{token[:-4]}AAAA")) == INVALID
        assert (await _me(client, token)).status_code == 200


async def test_a_suspension_counts_from_the_next_request_on(
    rt: Runtime, client: httpx.AsyncClient, alice: SignedIn
) -> None:
    assert (await _me(client, alice.tokens.access_token)).status_code == 200
    await suspend(rt, alice.user.id, origin=an_origin())
    assert problem(await _me(client, alice.tokens.access_token)) == INVALID
