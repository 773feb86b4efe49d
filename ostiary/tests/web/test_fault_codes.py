"""Each entry of `errors` says what is wrong by a stable code, and what to do in one sentence."""

import json
import re
from typing import Any

import httpx
import pytest
from attacks.surface import API, WITH_BODY
from factories import PASSWORD, a_session, signup_body

from ostiary.kernel.faults import Code
from ostiary.runtime import Runtime

WRONG: list[Any] = [None, 1, "", " ", "\x00", "\ud800", "x" * 2000, [], {}, True, {"a": 1}]
CODES = {code.value for code in Code} - {Code.INVALID.value}
# Words of the library that reads the bodies: none of them may reach a client.
FOREIGN = re.compile(r"input|should|valid|extra|permitted|field|value error|pydantic", re.I)


def _assert_ours(fault: dict[str, str]) -> None:
    assert fault["code"] in CODES, fault
    assert re.fullmatch(r"[A-Z][^:]*: [a-z].*\.", fault["detail"]), fault
    assert not FOREIGN.search(fault["detail"].partition(":")[2]), fault


async def _faults(answer: httpx.Response) -> list[tuple[str, str]]:
    assert answer.status_code == 422, answer.text
    found = answer.json()["errors"]
    return [(one.get("pointer", one.get("parameter")), one["code"]) for one in found]


@pytest.mark.settings(limits={"signin_attempts": 10_000, "signups": 10_000})
async def test_every_fault_of_every_body_is_in_our_words(
    rt: Runtime, client: httpx.AsyncClient
) -> None:
    bearer = (await a_session(rt)).bearer
    met = set()
    for route in WITH_BODY:
        bodies: list[Any] = [[], {}, {**route.body, "role": "administrator"}]
        bodies += [{**route.body, name: wrong} for name in route.body for wrong in WRONG]
        for body in bodies:
            answer = await route.send(client, bearer, content=json.dumps(body))
            for fault in answer.json().get("errors", []) if answer.content else []:
                _assert_ours(fault)
                met.add(fault["code"])
    assert {"missing", "unknown", "wrong-type", "empty", "too-long", "malformed"} <= met
    assert "control-character" in met


@pytest.mark.parametrize(
    ("body", "faults"),
    [
        ({"password": PASSWORD}, [("/email", "missing")]),
        (signup_body(role="x"), [("/role", "unknown")]),
        (signup_body(email=1), [("/email", "wrong-type")]),
        (signup_body(email="ada"), [("/email", "malformed")]),
        (signup_body(username="a b"), [("/username", "malformed")]),
        (signup_body(locale="?"), [("/locale", "malformed")]),
        (signup_body(first_name=" "), [("/first_name", "empty")]),
        (signup_body(first_name="a\x00b"), [("/first_name", "control-character")]),
        (signup_body(first_name="a" * 201), [("/first_name", "too-long")]),
        (signup_body(password="short"), [("/password", "too-short")]),
        (signup_body(password=""), [("/password", "empty")]),
        (signup_body(password="password1"), [("/password", "common-password")]),
        (signup_body(password="alice@example.com"), [("/password", "own-name")]),
        ([], [("", "wrong-type")]),
    ],
)
async def test_a_sign_up_is_told_what_is_wrong_by_code(
    client: httpx.AsyncClient, body: Any, faults: list[tuple[str, str]]
) -> None:
    assert await _faults(await client.post(f"{API}/auth/signup", json=body)) == faults


async def test_other_faults_have_their_code_too(rt: Runtime, client: httpx.AsyncClient) -> None:
    who = await a_session(rt)
    both = {"email": "a@example.com", "username": "a", "password": PASSWORD}
    answer = await client.post(f"{API}/auth/signin", json=both)
    assert await _faults(answer) == [("", "exactly-one")]
    same = {"new_email": who.user.email, "password": PASSWORD}
    answer = await client.post(f"{API}/auth/email/change", json=same, headers=who.bearer)
    assert await _faults(answer) == [("/new_email", "unchanged")]
    for query, code in (
        ("limit=x", "wrong-type"),
        ("limit=0", "too-small"),
        ("limit=101", "too-large"),
        ("cursor=x", "malformed"),
    ):
        answer = await client.get(f"{API}/sessions?{query}", headers=who.bearer)
        assert await _faults(answer) == [(query.partition("=")[0], code)]
    large = {"metadata": {"public": {"a": "x" * 9000}}}
    answer = await client.patch(f"{API}/users/me", json=large, headers=who.bearer)
    assert await _faults(answer) == [("/metadata/public", "too-large")]


async def test_the_sentences(client: httpx.AsyncClient) -> None:
    body = {"password": "short", "role": "administrator", "email": "ada"}
    answer = await client.post(f"{API}/auth/signup", json=body)
    assert [one["detail"] for one in answer.json()["errors"]] == [
        "Email: enter an address such as ada@example.com.",
        "Role: this request does not take it. Leave it out.",
    ]
    answer = await client.post(f"{API}/auth/signup", json=signup_body(password="short"))
    [fault] = answer.json()["errors"]
    assert fault["detail"] == "Password: use at least 8 characters."
