"""The attacker sends the right members with values of the wrong kind, to reach code that trusts.

Each member of each body in turn: numbers, truth values, arrays, objects, null, texts too long. The
answer names the member, never the value, and nothing is done.
"""

import json
from typing import Any

import httpx
import pytest
from factories import PASSWORD, a_session, events, ours, problem

from attacks.surface import API, WITH_BODY, Route
from ostiary.runtime import Runtime

NO_TEXT: list[Any] = [0, 1, -1, 1.5, 10**400, True, False, [], ["a"], {}, {"a": 1}, [[]], [None]]
REQUIRED = {
    "email", "password", "refresh_token", "token", "new_email", "new_password", "current_password",
    "attempt_token", "challenge_token", "method", "code",
}  # fmt: skip
# Where one of several members has to be there, none of them has to.
EITHER = {
    "signin": {"email"}, "login": {"email"}, "mfa/verify": {"code"}, "reauthenticate": {"code"},
    "totp/setup": {"challenge_token"}, "totp/confirm": {"challenge_token"},
}  # fmt: skip
OBJECTS = {"metadata"}
MEMBERS = [(route, member) for route in WITH_BODY for member in route.body]
TEXTS = [(route, member) for route, member in MEMBERS if member not in OBJECTS]
# The length that each text may have at the most.
LONGEST = {
    "email": 254, "username": 50, "first_name": 200, "last_name": 200, "display_name": 200,
    "locale": 35, "password": 1024, "refresh_token": 1024, "device_token": 1024,
    "token": 1024, "new_email": 254, "new_password": 1024, "current_password": 1024,
    "attempt_token": 1024, "challenge_token": 1024, "continue": 320, "method": 320, "code": 64,
}  # fmt: skip
UNCLEAN = {
    "NUL": "a\0b",
    "NUL at the end": "ab\0",
    "lone surrogate": "a\ud800b",
    "low surrogate": "a\udfffb",
    "surrogates the wrong way around": "\udc00\ud800",
    "line feed": "a\nb",
    "carriage return": "a\r\nb",
    "tab": "a\tb",
    "escape": "a\x1b[31mb",
    "backspace": "a\bb",
    "delete": "a\x7fb",
    "C1 control": "a\x9bb",
    "line separator": "a\u2028b",
    "paragraph separator": "a\u2029b",
}


def _required(route: Route) -> set[str]:
    """The members of a route's body whose absence is a fault of their own."""
    required = route.body.keys() & REQUIRED
    for path, either in EITHER.items():
        if route.path.endswith(f"/{path}"):
            required = required - either
    return required


def _ids(pairs: list[tuple[Route, str]]) -> list[str]:
    return [f"{route} {member}" for route, member in pairs]


async def _refused(
    client: httpx.AsyncClient, bearer: dict[str, str], route: Route, member: str, value: Any
) -> None:
    content = json.dumps({**route.body, member: value}).encode()
    response = await route.send(client, bearer, content=content)
    assert problem(response) == (422, "validation"), ascii(value)[:80]
    pointers = {fault["pointer"].split("/")[1] for fault in response.json()["errors"]}
    # At sign-in neither or both of two names is a fault of the whole.
    assert pointers == {member}, ascii(value)[:80]


@pytest.mark.parametrize(("route", "member"), MEMBERS, ids=_ids(MEMBERS))
async def test_a_value_of_another_type_is_refused(
    rt: Runtime, client: httpx.AsyncClient, route: Route, member: str
) -> None:
    session = await a_session(rt)
    logged = len(await events(rt))
    wrong = [*NO_TEXT, None] if member in _required(route) else NO_TEXT
    if member in OBJECTS:
        wrong = ["text", 1, True, [], {}, {"public": 1}, {"public": "text"}, {"public": []}]
    for value in wrong:
        await _refused(client, session.bearer, route, member, value)
    assert len(await events(rt)) == logged


@pytest.mark.parametrize(("route", "member"), TEXTS, ids=_ids(TEXTS))
async def test_a_character_that_no_text_needs_is_refused(
    rt: Runtime, client: httpx.AsyncClient, route: Route, member: str
) -> None:
    session = await a_session(rt)
    logged = len(await events(rt))
    for value in UNCLEAN.values():
        await _refused(client, session.bearer, route, member, f"longer {value} longer")
    assert len(await events(rt)) == logged


@pytest.mark.parametrize(("route", "member"), TEXTS, ids=_ids(TEXTS))
async def test_a_text_that_is_too_long_is_refused(
    rt: Runtime, client: httpx.AsyncClient, route: Route, member: str
) -> None:
    session = await a_session(rt)
    most = LONGEST[member]
    if route.path.endswith(("signin", "login")) and member == "email":
        most = 320
    for value in ("x" * (most + 1), "\U0001f600" * (most + 1), "x" * 60_000, " " * 60_000 + "x"):
        await _refused(client, session.bearer, route, member, value)


@pytest.mark.parametrize(("route", "member"), TEXTS, ids=_ids(TEXTS))
async def test_300_characters_are_refused_or_fit(
    rt: Runtime, client: httpx.AsyncClient, route: Route, member: str
) -> None:
    # U+0958 is one character that NFC makes two of, U+1D160 one that it makes three of: what fits
    # before may not fit behind, and PostgreSQL would say so with an error.
    session = await a_session(rt)
    for character in ("x", "\u0958", "\U0001d160", "e\u0301", "\u0130", "\ufb01"):
        for length in (300, 200, 120, 100, 68, 64, 50):
            value = (character * length)[:length]
            content = json.dumps({**route.body, member: value}).encode()
            response = ours(await route.send(client, session.bearer, content=content))
            assert response.status_code < 500, (ascii(character), length)
            if length == 300 and LONGEST[member] < 300:
                # As a sign-in's address it is only nobody's.
                assert response.status_code in (401, 422, 429)


@pytest.mark.parametrize("route", WITH_BODY, ids=str)
async def test_a_missing_member_is_named(
    rt: Runtime, client: httpx.AsyncClient, route: Route
) -> None:
    session = await a_session(rt)
    response = await route.send(client, session.bearer, content=b"{}")
    if route.path.endswith("users/me"):
        assert response.status_code == 200
        assert response.json()["id"] == session.user.id
        return
    if route.path.endswith("totp/setup"):
        # Nothing has to be in it: what is missing then is the bearer.
        assert problem(response) == (401, "missing-token")
        return
    assert problem(response) == (422, "validation")
    pointers = {fault["pointer"] for fault in response.json()["errors"]}
    # Of several that would do, the body as a whole lacks one, found once the rest is good.
    assert pointers == ({f"/{member}" for member in _required(route)} or {""})


@pytest.mark.parametrize(
    "who",
    [
        {},
        {"email": None, "username": None},
        {"email": "a@example.com", "username": "a"},
        {"email": "", "username": None},
        {"email": "  ", "username": None},
    ],
    ids=repr,
)
async def test_a_sign_in_names_exactly_one_account(
    client: httpx.AsyncClient, who: dict[str, Any]
) -> None:
    response = await client.post(f"{API}/auth/signin", json={**who, "password": PASSWORD})
    assert problem(response) == (422, "validation")


async def test_an_unknown_member_is_named_whatever_it_is_called(client: httpx.AsyncClient) -> None:
    names = {
        "a/b": "/a~1b",
        "a~b": "/a~0b",
        "a\nb": "/a\ufffdb",
        "a\ud800b": "",  # no name at all: the body as a whole is refused
        "\u2028": "/\ufffd",
        "<script>": "/<script>",
        "\0": "/\ufffd",
    }
    for name, pointer in names.items():
        content = json.dumps({"email": "a@example.com", "password": PASSWORD, name: 1})
        headers = {"Content-Type": "application/json"}
        response = await client.post(f"{API}/auth/signin", content=content, headers=headers)
        assert problem(response) == (422, "validation")
        assert [fault["pointer"] for fault in response.json()["errors"]] == [pointer]


async def test_a_parameter_of_another_type_is_refused(
    rt: Runtime, client: httpx.AsyncClient
) -> None:
    session = await a_session(rt)
    for name, values in {
        "limit": ["0", "-1", "101", "1.5", "1e3", "x", "", "9" * 5000, "\0", "1 OR 1=1", "0x10"],
        "cursor": ["x", "\0", "' OR 1=1", "ses_", "usr_" + "0" * 26, "9" * 5000, "\u2028", "%ff"],
    }.items():
        for value in values:
            response = await client.get(
                f"{API}/sessions", params={name: value}, headers=session.bearer
            )
            assert problem(response) == (422, "validation"), ascii(value)[:40]
            assert [fault["parameter"] for fault in response.json()["errors"]] == [name]
