"""Signing up: what is taken, what is refused, and what is kept of it."""

import logging
import unicodedata
from typing import Any

import httpx
import pytest
from clock import OwnedClock
from factories import PASSWORD, everything_stored, problem, sign_up, signup_body

from ostiary.kernel.logs import JsonLines
from ostiary.runtime import Runtime

SIGNUP = "/api/v1/auth/signup"
SIGNIN = "/api/v1/auth/signin"
ME = "/api/v1/auth/me"


def _bearer(signed_in: dict[str, Any]) -> dict[str, str]:
    return {"Authorization": f"Bearer {signed_in['tokens']['access_token']}"}


def _pointers(response: httpx.Response) -> list[str]:
    assert problem(response) == (422, "validation")
    return [fault["pointer"] for fault in response.json()["errors"]]


async def _signs_in(client: httpx.AsyncClient, password: str = PASSWORD, **who: str) -> int:
    body = {"password": password, **(who or {"email": "alice@example.com"})}
    return (await client.post(SIGNIN, json=body)).status_code


async def test_a_sign_up_succeeds_and_describes_the_new_account(
    client: httpx.AsyncClient, clock: OwnedClock
) -> None:
    names = {"username": "Alice", "first_name": "Alice", "last_name": "Liddell", "locale": "en-GB"}
    user = (await sign_up(client, **names))["user"]
    now = clock.now().isoformat().replace("+00:00", "Z")
    assert user.pop("id").startswith("usr_")
    assert user == {
        **names,
        "email": "alice@example.com",
        "email_verified": False,
        "display_name": None,
        "role": "user",
        "status": "active",
        "mfa_enabled": False,
        "metadata": {"public": {}},
        "created_at": now,
        "updated_at": now,
        "last_sign_in_at": now,
    }


async def test_a_sign_up_signs_in(client: httpx.AsyncClient) -> None:
    signed_up = await sign_up(client)
    me = await client.get(ME, headers=_bearer(signed_up))
    assert me.status_code == 200
    assert me.json() == signed_up["user"]


async def test_only_the_address_and_the_password_are_needed(client: httpx.AsyncClient) -> None:
    user = (await sign_up(client))["user"]
    optional = ("username", "first_name", "last_name", "display_name", "locale")
    assert {name: user[name] for name in optional} == dict.fromkeys(optional)


async def test_a_duplicate_address_is_refused_and_changes_nothing(
    client: httpx.AsyncClient,
) -> None:
    await sign_up(client, first_name="Alice")
    again = signup_body(password="another good password", first_name="Mallory")
    assert problem(await client.post(SIGNUP, json=again)) == (409, "email-taken")
    assert await _signs_in(client, "another good password") == 401
    found = await client.post(SIGNIN, json=signup_body())
    assert found.json()["user"]["first_name"] == "Alice"


async def test_a_duplicate_user_name_is_refused_in_any_case(client: httpx.AsyncClient) -> None:
    await sign_up(client, username="alice")
    again = signup_body(email="other@example.com", username="ALICE")
    assert problem(await client.post(SIGNUP, json=again)) == (409, "username-taken")
    assert await _signs_in(client, email="other@example.com") == 401


async def test_a_refused_duplicate_leaves_the_other_value_free(client: httpx.AsyncClient) -> None:
    await sign_up(client, username="alice")
    taken = await client.post(SIGNUP, json=signup_body(username="unused"))
    assert problem(taken) == (409, "email-taken")
    await sign_up(client, email="other@example.com", username="unused")


@pytest.mark.parametrize("text", ["username_key", "email_key"])
async def test_a_conflict_names_the_right_member_whatever_the_values_say(
    client: httpx.AsyncClient, text: str
) -> None:
    # A database may quote the value in its complaint, beside the name of the constraint.
    await sign_up(client, email=f"{text}@example.com", username=text)
    again = signup_body(email=f"{text}@example.com", username="another")
    assert problem(await client.post(SIGNUP, json=again)) == (409, "email-taken")
    again = signup_body(email="another@example.com", username=text)
    assert problem(await client.post(SIGNUP, json=again)) == (409, "username-taken")


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("Alice@Example.COM", "alice@example.com"),
        ("alice@example.com", "ALICE@EXAMPLE.COM"),
        ("ÉLISE@example.com", "élise@example.com"),
        ("\u00e9lise@example.com", "e\u0301lise@example.com"),
        ("alice@bücher.example", "alice@xn--bcher-kva.example"),
        ("alice@BÜCHER.example", "Alice@bücher.example"),
        ("  alice@example.com ", "alice@example.com"),
    ],
)
async def test_case_and_normalisation_make_no_second_account(
    client: httpx.AsyncClient, first: str, second: str
) -> None:
    await sign_up(client, email=first)
    again = await client.post(SIGNUP, json=signup_body(email=second))
    assert problem(again) == (409, "email-taken")
    assert await _signs_in(client, email=second) == 200


async def test_the_address_is_kept_as_it_was_given(client: httpx.AsyncClient) -> None:
    assert (await sign_up(client, email="Alice.B@Example.com"))["user"]["email"] == (
        "Alice.B@Example.com"
    )


@pytest.mark.parametrize("username", ["abc", "a" * 50, "A_b-9", "---", "0123"])
async def test_a_user_name_of_letters_digits_and_dashes_is_kept_as_given(
    client: httpx.AsyncClient, username: str
) -> None:
    assert (await sign_up(client, username=username))["user"]["username"] == username
    assert await _signs_in(client, username=username) == 200


@pytest.mark.parametrize(
    "username",
    [
        "",
        "ab",
        "a" * 51,
        "a b",
        "a.b.c",
        "alice@example.com",
        "élise",
        "abc\u0000",
        "abc\nd",
        "٣٣٣",
    ],
)
async def test_a_user_name_of_anything_else_is_refused(
    client: httpx.AsyncClient, username: str
) -> None:
    response = await client.post(SIGNUP, json=signup_body(username=username))
    assert _pointers(response) == ["/username"]


async def test_whitespace_around_addresses_and_names_is_trimmed(client: httpx.AsyncClient) -> None:
    padded = {
        "email": " \talice@example.com\n ",
        "username": " alice ",
        "first_name": "\u00a0Alice ",
        "last_name": " Liddell\t",
        "locale": " en ",
    }
    user = (await sign_up(client, **padded))["user"]
    assert {name: user[name] for name in padded} == {
        "email": "alice@example.com",
        "username": "alice",
        "first_name": "Alice",
        "last_name": "Liddell",
        "locale": "en",
    }


async def test_whitespace_alone_is_no_name(client: httpx.AsyncClient) -> None:
    body = signup_body(first_name="   ", last_name="\t")
    assert _pointers(await client.post(SIGNUP, json=body)) == ["/first_name", "/last_name"]


async def test_whitespace_belongs_to_the_password(client: httpx.AsyncClient) -> None:
    await sign_up(client, password="  spaced out  ")
    assert await _signs_in(client, "spaced out") == 401
    assert await _signs_in(client, "  spaced out  ") == 200


async def test_the_password_is_never_stored(rt: Runtime, client: httpx.AsyncClient) -> None:
    await sign_up(client, password="swordfish of the deep", username="alice")
    stored = await everything_stored(rt)
    assert "alice@example.com" in stored
    assert "$argon2id$" in stored
    assert "swordfish" not in stored


async def test_the_password_is_never_logged(
    client: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        answer = await sign_up(client, password="swordfish of the deep")
        for body in (signup_body(password="swordfish of the deep"), {"password": "swordfish"}):
            await client.post(SIGNUP, json=body)
            await client.post(SIGNIN, json=body)
    lines = [JsonLines().format(record) for record in caplog.records]
    assert answer["user"]["email"]
    assert any("/auth/signup" in line for line in lines)
    assert not [line for line in lines if "swordfish" in line]


async def test_the_password_is_in_no_answer(client: httpx.AsyncClient) -> None:
    taken = signup_body(password="swordfish of the deep")
    answers = [await client.post(SIGNUP, json=taken) for _ in range(2)]
    answers.append(await client.post(SIGNUP, json={**taken, "email": "swordfish"}))
    answers.append(await client.post(SIGNUP, json={**taken, "password": "swordfish\u0000"}))
    assert [answer.status_code for answer in answers] == [201, 409, 422, 422]
    assert not [answer for answer in answers if "swordfish" in answer.text]
    assert not [answer for answer in answers if "argon2" in answer.text]


@pytest.mark.parametrize("missing", ["email", "password"])
async def test_a_missing_field_is_named(client: httpx.AsyncClient, missing: str) -> None:
    body = signup_body()
    del body[missing]
    assert _pointers(await client.post(SIGNUP, json=body)) == [f"/{missing}"]
    assert _pointers(await client.post(SIGNUP, json={**body, missing: None})) == [f"/{missing}"]
    assert _pointers(await client.post(SIGNUP, json={**body, missing: ""})) == [f"/{missing}"]


async def test_every_missing_field_is_named_at_once(client: httpx.AsyncClient) -> None:
    assert _pointers(await client.post(SIGNUP, json={})) == ["/email", "/password"]


async def test_nobody_signs_up_with_a_role_or_a_status(client: httpx.AsyncClient) -> None:
    for member, value in {"role": "administrator", "email_verified": True, "id": "usr_1"}.items():
        body = signup_body(**{member: value})
        assert _pointers(await client.post(SIGNUP, json=body)) == [f"/{member}"]
    assert await _signs_in(client) == 401


async def test_composed_and_decomposed_characters_make_one_password(
    client: httpx.AsyncClient,
) -> None:
    password = "pässwörd über älles"
    await sign_up(client, password=unicodedata.normalize("NFD", password))
    assert await _signs_in(client, unicodedata.normalize("NFC", password)) == 200
