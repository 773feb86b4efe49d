"""Signing in: who gets in, who does not, and what the answer says."""

import unicodedata

import httpx
import pytest
from clock import OwnedClock
from factories import (
    PASSWORD,
    a_suspended_user,
    a_user,
    everything_stored,
    problem,
    signup_body,
)

from ostiary.runtime import Runtime

SIGNIN = "/api/v1/auth/signin"
ME = "/api/v1/auth/me"
WRONG = "not the password"


async def _sign_in(
    client: httpx.AsyncClient, password: str = PASSWORD, **who: object
) -> httpx.Response:
    body = {"password": password, **(who or {"email": "alice@example.com"})}
    return await client.post(SIGNIN, json=body)


def _bearer(signed_in: httpx.Response) -> dict[str, str]:
    return {"Authorization": f"Bearer {signed_in.json()['tokens']['access_token']}"}


def _words(response: httpx.Response) -> dict[str, object]:
    """What a refusal says, but for the id that differs in every answer."""
    return {**response.json(), "request_id": None}


@pytest.fixture
async def alice(rt: Runtime) -> str:
    """The id of the account that most tests sign in to."""
    return (await a_user(rt, "alice@example.com", username="alice")).id


async def test_the_right_password_signs_in_by_address(
    client: httpx.AsyncClient, alice: str
) -> None:
    answer = await _sign_in(client)
    assert answer.status_code == 200
    assert (await client.get(ME, headers=_bearer(answer))).json()["id"] == alice


async def test_the_right_password_signs_in_by_user_name(
    client: httpx.AsyncClient, alice: str
) -> None:
    answer = await _sign_in(client, username="alice")
    assert answer.status_code == 200
    assert answer.json()["user"]["id"] == alice


async def test_an_address_is_no_user_name_and_a_user_name_no_address(
    client: httpx.AsyncClient, alice: str
) -> None:
    for who in ({"username": "alice@example.com"}, {"email": "alice"}):
        assert problem(await _sign_in(client, **who)) == (401, "invalid-credentials")


async def test_the_answer_holds_the_user_the_tokens_and_a_device_token(
    client: httpx.AsyncClient, alice: str, clock: OwnedClock
) -> None:
    answer = await _sign_in(client)
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-request-id"].startswith("req_")
    assert "set-cookie" not in answer.headers
    body = answer.json()
    now = clock.now().isoformat().replace("+00:00", "Z")
    assert body["user"] == {
        "id": alice,
        "email": "alice@example.com",
        "email_verified": False,
        "username": "alice",
        "first_name": None,
        "last_name": None,
        "display_name": None,
        "locale": None,
        "role": "user",
        "status": "active",
        "mfa_enabled": False,
        "metadata": {"public": {}},
        "created_at": now,
        "updated_at": now,
        "last_sign_in_at": now,
    }
    assert body["tokens"].pop("access_token").count(".") == 2
    assert body["tokens"].pop("refresh_token").startswith("ostrt.")
    assert body["tokens"] == {"token_type": "bearer", "expires_in": 600}
    assert body.pop("device_token").startswith("ostdt.")
    assert body.keys() == {"user", "tokens"}


async def test_no_answer_holds_the_password_or_its_hash(
    client: httpx.AsyncClient, alice: str
) -> None:
    for password, status in ((PASSWORD, 200), (WRONG, 401)):
        answer = await _sign_in(client, password)
        assert answer.status_code == status
        assert password not in answer.text
        assert "argon2" not in answer.text


async def test_no_token_is_stored_as_it_was_handed_out(
    rt: Runtime, client: httpx.AsyncClient, alice: str
) -> None:
    body = (await _sign_in(client)).json()
    stored = await everything_stored(rt)
    assert alice in stored
    for token in (*body["tokens"].values(), body["device_token"]):
        secret = str(token).rpartition(".")[2]
        assert secret in ("bearer", "600") or secret not in stored


async def test_a_wrong_password_is_refused(client: httpx.AsyncClient, alice: str) -> None:
    answer = await _sign_in(client, WRONG)
    assert problem(answer) == (401, "invalid-credentials")
    assert answer.headers["www-authenticate"] == 'Bearer realm="ostiary"'
    assert answer.headers["cache-control"] == "no-store"


async def test_a_suspended_account_is_refused_like_a_wrong_password(
    rt: Runtime, client: httpx.AsyncClient, alice: str
) -> None:
    bob = await a_suspended_user(rt, "bob@example.com")
    suspended = await _sign_in(client, email=bob.email)
    assert problem(suspended) == (401, "invalid-credentials")
    assert _words(suspended) == _words(await _sign_in(client, WRONG))


@pytest.mark.parametrize(
    "who",
    [
        {"email": "nobody@example.com"},
        {"username": "nobody"},
        {"email": "no address at all"},
        {"username": "no user name at all"},
    ],
)
async def test_an_unknown_account_is_refused_like_a_wrong_password(
    client: httpx.AsyncClient, alice: str, who: dict[str, str]
) -> None:
    unknown = await _sign_in(client, **who)
    assert problem(unknown) == (401, "invalid-credentials")
    wrong = await _sign_in(client, WRONG)
    assert _words(unknown) == _words(wrong)
    assert unknown.headers.keys() == wrong.headers.keys()


async def test_an_unverified_account_signs_in_where_verification_is_optional(
    client: httpx.AsyncClient, alice: str
) -> None:
    answer = await _sign_in(client)
    assert answer.status_code == 200
    assert answer.json()["user"]["email_verified"] is False


@pytest.mark.settings(signup={"verification": "required"})
async def test_an_unverified_account_is_told_so_only_with_the_right_password(
    client: httpx.AsyncClient, alice: str
) -> None:
    assert problem(await _sign_in(client)) == (403, "email-unverified")
    assert problem(await _sign_in(client, WRONG)) == (401, "invalid-credentials")


@pytest.mark.settings(signup={"verification": "required"})
async def test_a_verified_account_signs_in_where_verification_is_required(
    rt: Runtime, client: httpx.AsyncClient
) -> None:
    await a_user(rt, "alice@example.com", email_verified=True)
    answer = await _sign_in(client)
    assert answer.status_code == 200
    assert answer.json()["user"]["email_verified"] is True


@pytest.mark.parametrize(
    "who",
    [
        {"email": "ALICE@EXAMPLE.COM"},
        {"email": "Alice@Example.com"},
        {"username": "ALICE"},
        {"username": "Alice"},
    ],
)
async def test_case_does_not_matter_in_an_address_or_a_user_name(
    client: httpx.AsyncClient, alice: str, who: dict[str, str]
) -> None:
    answer = await _sign_in(client, **who)
    assert answer.status_code == 200
    assert answer.json()["user"]["id"] == alice


@pytest.mark.parametrize("password", [PASSWORD.upper(), PASSWORD.title(), PASSWORD[:-1]])
async def test_case_and_length_matter_in_a_password(
    client: httpx.AsyncClient, alice: str, password: str
) -> None:
    assert problem(await _sign_in(client, password)) == (401, "invalid-credentials")


@pytest.mark.parametrize(
    "who", [{"email": "  alice@example.com\t"}, {"username": "\n alice "}, {"username": "alice\r"}]
)
async def test_whitespace_around_an_address_or_a_user_name_is_trimmed(
    client: httpx.AsyncClient, alice: str, who: dict[str, str]
) -> None:
    answer = await _sign_in(client, **who)
    assert answer.status_code == 200
    assert answer.json()["user"]["email"] == "alice@example.com"


@pytest.mark.parametrize("password", [f" {PASSWORD}", f"{PASSWORD} ", f"{PASSWORD}\u00a0"])
async def test_whitespace_around_a_password_is_never_trimmed(
    client: httpx.AsyncClient, alice: str, password: str
) -> None:
    assert problem(await _sign_in(client, password)) == (401, "invalid-credentials")


async def test_a_password_is_the_same_however_its_characters_are_composed(
    rt: Runtime, client: httpx.AsyncClient
) -> None:
    await a_user(rt, "bob@example.com", password="pässwörd über älles")
    typed = unicodedata.normalize("NFD", "pässwörd über älles")
    answer = await _sign_in(client, typed, email="bob@example.com")
    assert answer.status_code == 200
    assert answer.json()["user"]["email"] == "bob@example.com"


@pytest.mark.parametrize(
    ("body", "pointers"),
    [
        ({}, ["/password"]),
        ({"email": "alice@example.com"}, ["/password"]),
        ({"password": PASSWORD}, [""]),
        ({"email": "alice@example.com", "username": "alice", "password": PASSWORD}, [""]),
        ({"email": None, "username": None, "password": PASSWORD}, [""]),
        ({"email": "", "password": ""}, ["/email", "/password"]),
        ({"email": " ", "password": PASSWORD}, ["/email"]),
        ({"email": "alice@example.com", "password": None}, ["/password"]),
        ({"email": "alice@example.com", "password": "x" * 1025}, ["/password"]),
        ({"email": "a" * 321, "password": PASSWORD}, ["/email"]),
        ({"username": "a" * 321, "password": PASSWORD}, ["/username"]),
        ({**signup_body(), "remember": True}, ["/remember"]),
        ({**signup_body(), "device_token": "x" * 1025}, ["/device_token"]),
    ],
)
async def test_missing_and_unacceptable_fields_are_named(
    client: httpx.AsyncClient, alice: str, body: dict[str, object], pointers: list[str]
) -> None:
    answer = await client.post(SIGNIN, json=body)
    assert problem(answer) == (422, "validation")
    assert [fault["pointer"] for fault in answer.json()["errors"]] == pointers


@pytest.mark.parametrize("text", ["' OR '1'='1", "alice'--", "'; DROP TABLE user;--", "%", "_"])
async def test_sql_in_an_identifier_or_a_password_matches_nobody(
    client: httpx.AsyncClient, alice: str, text: str
) -> None:
    for who in ({"email": text}, {"username": text}):
        assert problem(await _sign_in(client, **who)) == (401, "invalid-credentials")
    assert problem(await _sign_in(client, text)) == (401, "invalid-credentials")
    assert (await _sign_in(client)).status_code == 200


async def test_several_sessions_live_side_by_side(client: httpx.AsyncClient, alice: str) -> None:
    phone, laptop, tablet = [await _sign_in(client) for _ in range(3)]
    secrets = {one.json()["tokens"]["refresh_token"] for one in (phone, laptop, tablet)}
    assert len(secrets) == 3
    assert (await client.post("/api/v1/auth/logout", headers=_bearer(phone))).status_code == 204
    assert problem(await client.get(ME, headers=_bearer(phone))) == (401, "invalid-token")
    for other in (laptop, tablet):
        assert (await client.get(ME, headers=_bearer(other))).status_code == 200
    listed = await client.get("/api/v1/sessions", headers=_bearer(laptop))
    assert [session["current"] for session in listed.json()["items"]].count(True) == 1
    assert len(listed.json()["items"]) == 2


async def test_the_last_sign_in_time_is_that_of_the_last_success(
    client: httpx.AsyncClient, alice: str, clock: OwnedClock
) -> None:
    first = await _sign_in(client)
    assert first.json()["user"]["last_sign_in_at"] == "2026-03-01T12:00:00Z"
    clock.advance(minutes=1)
    await _sign_in(client, WRONG)
    assert (await client.get(ME, headers=_bearer(first))).json()["last_sign_in_at"] == (
        "2026-03-01T12:00:00Z"
    )
    clock.advance(minutes=1)
    second = await _sign_in(client)
    assert second.json()["user"]["last_sign_in_at"] == "2026-03-01T12:02:00Z"


async def test_an_account_that_never_signed_in_has_no_last_sign_in_time(rt: Runtime) -> None:
    assert (await a_user(rt)).last_sign_in_at is None
