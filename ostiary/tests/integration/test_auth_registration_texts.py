"""Signing up with hostile, foreign and endless texts: stored as text, or refused by name."""

from typing import Any

import httpx
import pytest
from factories import PASSWORD, problem, sign_up, signup_body
from sqlalchemy import func, select

from ostiary.runtime import Runtime
from ostiary.users.tables import User

SIGNUP = "/api/v1/auth/signup"
SIGNIN = "/api/v1/auth/signin"
ME = "/api/v1/auth/me"

SQL = [
    "Robert'); DROP TABLE user;--",
    "' OR '1'='1",
    '" OR ""="',
    "'; UPDATE \"user\" SET role='administrator' WHERE ''='",
    "%(email)s :email $1 ? {0}",
]
XSS = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "javascript:alert(1)",
    "{{7*7}} ${7*7}",
    "&lt;b&gt; &amp; &#x27;",
]
FOREIGN = [
    "Łukasz Ñandú",
    "李小龍",
    "محمد",
    "Ἀριστοτέλης",
    "👩‍👩‍👧 family",
    "𝔊𝔬𝔱𝔥𝔦𝔠",
    "ภาษาไทย",
    "O’Brien-Smith Jr.",
]


async def _accounts(rt: Runtime) -> int:
    async with rt.db.read() as connection:
        return await connection.scalar(select(func.count()).select_from(User)) or 0


def _pointers(response: httpx.Response) -> list[str]:
    assert problem(response) == (422, "validation")
    return [fault["pointer"] for fault in response.json()["errors"]]


async def _named(client: httpx.AsyncClient, name: str) -> dict[str, Any]:
    """Sign up by that name; the account as it is read back."""
    tokens = (await sign_up(client, first_name=name, last_name=name))["tokens"]
    answer = await client.get(ME, headers={"Authorization": f"Bearer {tokens['access_token']}"})
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["x-content-type-options"] == "nosniff"
    return dict(answer.json())


@pytest.mark.parametrize("text", SQL)
async def test_sql_in_a_name_is_stored_as_text(
    rt: Runtime, client: httpx.AsyncClient, text: str
) -> None:
    user = await _named(client, text)
    assert (user["first_name"], user["last_name"], user["role"]) == (text, text, "user")
    assert await _accounts(rt) == 1


@pytest.mark.parametrize("text", SQL)
async def test_sql_in_an_address_or_a_user_name_is_refused(
    rt: Runtime, client: httpx.AsyncClient, text: str
) -> None:
    body = signup_body(email=text, username=text)
    assert _pointers(await client.post(SIGNUP, json=body)) == ["/email", "/username"]
    assert await _accounts(rt) == 0


async def test_sql_in_a_password_is_a_password(client: httpx.AsyncClient) -> None:
    await sign_up(client, password="' OR '1'='1")
    wrong = await client.post(SIGNIN, json=signup_body(password="' OR '1'='1' --"))
    assert problem(wrong) == (401, "invalid-credentials")
    right = await client.post(SIGNIN, json=signup_body(password="' OR '1'='1"))
    assert right.status_code == 200


@pytest.mark.parametrize("text", XSS)
async def test_html_in_a_name_is_stored_as_text(client: httpx.AsyncClient, text: str) -> None:
    user = await _named(client, text)
    assert (user["first_name"], user["last_name"]) == (text, text)


@pytest.mark.parametrize("text", FOREIGN)
async def test_a_name_in_any_script_is_kept(client: httpx.AsyncClient, text: str) -> None:
    user = await _named(client, text)
    assert (user["first_name"], user["last_name"]) == (text, text)


async def test_a_decomposed_name_is_composed(client: httpx.AsyncClient) -> None:
    assert (await _named(client, "Zoe\u0308"))["first_name"] == "Zo\u00eb"


@pytest.mark.parametrize(
    "text", ["nul\u0000", "bell\u0007", "escape\u001b[31m", "next\u0085line", "line\u2028", "\x7f"]
)
async def test_a_control_character_in_a_text_is_refused(
    client: httpx.AsyncClient, text: str
) -> None:
    # In the middle, for the edges are trimmed.
    body = signup_body(first_name=f"a{text}b", last_name=f"a{text}b", password=f"{PASSWORD}{text}b")
    assert sorted(_pointers(await client.post(SIGNUP, json=body))) == [
        "/first_name",
        "/last_name",
        "/password",
    ]


@pytest.mark.parametrize("surrogate", [r"\ud800", r"\udfff", r"\ude00\ud83d"])
@pytest.mark.parametrize("member", ["email", "password", "username", "first_name", "locale"])
async def test_a_lone_surrogate_is_refused(
    client: httpx.AsyncClient, member: str, surrogate: str
) -> None:
    body = {"email": '"alice@example.com"', "password": f'"{PASSWORD}"'}
    body[member] = f'"long enough {surrogate}"'
    raw = "{" + ", ".join(f'"{name}": {value}' for name, value in body.items()) + "}"
    headers = {"Content-Type": "application/json"}
    response = await client.post(SIGNUP, content=raw, headers=headers)
    assert _pointers(response) == [f"/{member}"]


@pytest.mark.parametrize(
    "address",
    [
        "a@b.example",
        "first.last+tag@sub.domain.example",
        "o'brien@example.com",
        "!#$%&'*+/=?^_`{|}~-@example.com",
        "用户@例え.example",
        "élise@bücher.example",
        f"{'a' * 64}@{'b' * 60}.example",
    ],
)
async def test_a_valid_address_is_accepted_and_signs_in(
    client: httpx.AsyncClient, address: str
) -> None:
    assert (await sign_up(client, email=address))["user"]["email"] == address
    answer = await client.post(SIGNIN, json=signup_body(email=address))
    assert answer.status_code == 200


@pytest.mark.parametrize(
    "address",
    [
        "alice",
        "@example.com",
        "alice@",
        "alice@@example.com",
        "alice@example",
        "alice@.example.com",
        "alice@example..com",
        ".alice@example.com",
        "alice.@example.com",
        "al..ice@example.com",
        "al ice@example.com",
        "alice@exa mple.com",
        "alice@-example.com",
        "alice@[192.0.2.1]",
        "Alice <alice@example.com>",
        '"quoted local"@example.com',
        "alice@example.com, bob@example.com",
        "alice@example.com\r\nBcc: bob@example.com",
        f"{'a' * 65}@example.com",
        f"alice@{'b' * 64}.example",
        f"alice@{'.'.join(['b' * 60] * 5)}.example",
        "a" * 400 + "@example.com",
    ],
)
async def test_an_invalid_address_is_refused(client: httpx.AsyncClient, address: str) -> None:
    response = await client.post(SIGNUP, json=signup_body(email=address))
    assert _pointers(response) == ["/email"]
    assert "alice" not in response.text


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("email", "a" * 310 + "@example.com"),
        ("password", "x" * 1025),
        ("username", "x" * 51),
        ("first_name", "x" * 201),
        ("last_name", "x" * 300),
        ("locale", "en-" + "x" * 40),
    ],
)
async def test_a_very_long_value_is_refused_by_name(
    rt: Runtime, client: httpx.AsyncClient, member: str, value: str
) -> None:
    response = await client.post(SIGNUP, json=signup_body(**{member: value}))
    assert _pointers(response) == [f"/{member}"]
    assert await _accounts(rt) == 0


async def test_the_longest_values_are_accepted(client: httpx.AsyncClient) -> None:
    longest = {
        "password": "é" * 1024,
        "username": "x" * 50,
        "first_name": "Ж" * 200,
        "last_name": "龍" * 200,
        "locale": "zh-Hant-HK-x-abcdefgh-abcdefgh-abcd",
    }
    user = (await sign_up(client, **longest))["user"]
    assert user == {**user, **{name: longest[name] for name in longest if name != "password"}}
    almost = signup_body(password="é" * 1023)
    assert problem(await client.post(SIGNIN, json=almost)) == (401, "invalid-credentials")
    whole = signup_body(password="é" * 1024)
    assert (await client.post(SIGNIN, json=whole)).status_code == 200


@pytest.mark.parametrize("value", [1, 1.5, True, ["a"], {"a": "b"}])
@pytest.mark.parametrize("member", ["email", "password", "username", "first_name", "locale"])
async def test_a_value_of_another_type_is_refused_by_name(
    client: httpx.AsyncClient, member: str, value: object
) -> None:
    response = await client.post(SIGNUP, json=signup_body(**{member: value}))
    assert _pointers(response) == [f"/{member}"]
