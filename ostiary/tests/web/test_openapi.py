"""The OpenAPI document is true: every route, every refusal, and the very shapes that are sent."""

import re
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any

import httpx
import links
import pytest
from clock import OwnedClock
from factories import PASSWORD, a_session, a_suspended_user, signup_body
from inbox import Mailbox

from ostiary.runtime import Runtime
from web import answers

API = "/api/v1"
KINDS: dict[str, Any] = {
    "object": dict,
    "array": list,
    "string": str,
    "integer": int,
    "number": int | float,
    "boolean": bool,
    "null": type(None),
}

Document = dict[str, Any]


def _faults(document: Document, schema: Document, value: Any, at: str = "") -> list[str]:
    """Where `value` is not what `schema` says; a member that it does not name is a fault."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return _faults(document, document["components"]["schemas"][name], value, at)
    if "anyOf" in schema:
        each = [_faults(document, one, value, at) for one in schema["anyOf"]]
        return [] if [] in each else each[0]
    if "const" in schema and value != schema["const"]:
        return [f"{at} is {value!r}"]
    if "enum" in schema and value not in schema["enum"]:
        return [f"{at} is {value!r}"]
    kind = schema.get("type")
    if kind and (not isinstance(value, KINDS[kind]) or (kind != "boolean" and value is True)):
        return [f"{at} is no {kind}: {value!r}"]
    if schema.get("format") == "date-time":
        return (
            [] if datetime.fromisoformat(value).utcoffset() is not None else [f"{at} has no zone"]
        )
    found: list[str] = []
    if kind == "array":
        for number, item in enumerate(value):
            found += _faults(document, schema["items"], item, f"{at}/{number}")
    if kind == "object" and "properties" in schema:
        known = schema["properties"]
        found += [
            f"{at}/{name} is missing" for name in schema.get("required", []) if name not in value
        ]
        found += [f"{at}/{name} is not documented" for name in value if name not in known]
        for name in known.keys() & value.keys():
            found += _faults(document, known[name], value[name], f"{at}/{name}")
    return found


@pytest.fixture
async def document(client: httpx.AsyncClient) -> Document:
    answer = await client.get("/openapi.json")
    assert answer.headers["content-type"] == "application/json"
    return dict(answer.json())


def _operations(document: Document) -> dict[str, Document]:
    return {
        f"{method.upper()} {path}": operation
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    }


def test_the_check_sees_what_is_wrong() -> None:
    schema = {"type": "object", "required": ["a"], "properties": {"a": {"type": "integer"}}}
    assert _faults({}, schema, {"a": 1}) == []
    wrongs: list[Any] = [{}, {"a": "1"}, {"a": True}, {"a": 1, "b": 2}, [], None]
    for wrong in wrongs:
        assert _faults({}, schema, wrong)
    assert _faults({}, {"anyOf": [schema, {"type": "null"}]}, None) == []


async def test_it_documents_what_this_server_offers(document: Document) -> None:
    assert document["openapi"].startswith("3.1")
    assert document["servers"] == [{"url": "http://127.0.0.1:8000"}]
    assert sorted(_operations(document)) == sorted(
        [
            "POST /api/v1/auth/signup",
            "POST /api/v1/auth/signin",
            "POST /api/v1/auth/refresh",
            "POST /api/v1/auth/logout",
            "GET /api/v1/auth/me",
            "PATCH /api/v1/users/me",
            "GET /api/v1/sessions",
            "DELETE /api/v1/sessions",
            "DELETE /api/v1/sessions/{id}",
            "POST /api/v1/auth/verify-email",
            "POST /api/v1/auth/email/resend-verification",
            "POST /api/v1/auth/email/change",
            "POST /api/v1/auth/email/change/confirm",
            "POST /api/v1/auth/email/change/undo",
            "POST /api/v1/auth/password/forgot",
            "POST /api/v1/auth/password/reset",
            "POST /api/v1/auth/password/change",
            "POST /api/v1/auth/magic-link",
            "POST /api/v1/auth/magic-link/verify",
            "POST /api/v1/auth/email-code",
            "POST /api/v1/auth/email-code/verify",
            "POST /api/v1/auth/mfa/challenge",
            "POST /api/v1/auth/mfa/verify",
            "GET /api/v1/auth/mfa/status",
            "POST /api/v1/auth/mfa/totp/setup",
            "POST /api/v1/auth/mfa/totp/confirm",
            "POST /api/v1/auth/mfa/disable",
            "POST /api/v1/auth/mfa/backup-codes/regenerate",
            "POST /api/v1/auth/reauthenticate",
            "GET /health/live",
            "GET /health/ready",
            "GET /.well-known/jwks.json",
        ]
    )


@pytest.mark.parametrize(
    ("operation", "alias"),
    [
        ("POST /api/v1/auth/signup", "/auth/register"),
        ("POST /api/v1/auth/signin", "/auth/login"),
        ("POST /api/v1/auth/logout", "/auth/signout"),
        ("GET /api/v1/auth/me", "/users/me"),
        ("POST /api/v1/auth/verify-email", "/auth/email/verify"),
    ],
)
async def test_every_alias_is_named_at_the_first_name(
    document: Document, operation: str, alias: str
) -> None:
    assert f"`{alias}`" in _operations(document)[operation]["description"]


async def test_every_operation_says_what_it_does(document: Document) -> None:
    operations = _operations(document)
    for operation in operations.values():
        assert operation["summary"]
        assert operation["description"].rstrip().endswith(".")
        assert len(operation["tags"]) == 1
    ids = [operation["operationId"] for operation in operations.values()]
    assert len(set(ids)) == len(ids)
    for id in ids:
        assert re.fullmatch(r"[a-z]+([A-Z][a-z]+)*", id), id
    assert operations["POST /api/v1/auth/signup"]["operationId"] == "signUp"
    assert operations["POST /api/v1/auth/refresh"]["operationId"] == "refreshTokens"


async def test_every_reference_leads_to_a_schema(document: Document) -> None:
    names = set(re.findall(r"#/components/schemas/(\w+)", str(document)))
    assert names <= document["components"]["schemas"].keys()
    assert "HTTPValidationError" not in str(document)


async def test_every_body_names_all_that_may_be_sent(document: Document) -> None:
    bodies = [one for one in _operations(document).values() if "requestBody" in one]
    assert bodies
    for operation in bodies:
        assert operation["requestBody"]["content"].keys() == {"application/json"}
    for name, schema in document["components"]["schemas"].items():
        if name.endswith("Body"):
            assert schema["additionalProperties"] is False, name


async def test_every_documented_refusal_has_a_page_of_its_status(
    client: httpx.AsyncClient, document: Document
) -> None:
    for operation in _operations(document).values():
        for status, answer in operation["responses"].items():
            if "application/problem+json" not in answer.get("content", {}):
                continue
            slugs = re.findall(r"`([a-z-]+)`: ", answer["description"])
            assert slugs
            for slug in slugs:
                page = await client.get(f"/problems/{slug}")
                assert page.status_code == 200
                assert f"status {status}" in page.text


async def _answers(
    rt: Runtime, client: httpx.AsyncClient, clock: OwnedClock, operations: dict[str, Document]
) -> AsyncIterator[tuple[str, httpx.Response]]:
    """Real answers of every operation: the good one and whatever refusal is easily had."""
    signed_in = await a_session(rt)
    for name, operation in operations.items():
        method, path = name.replace("{id}", "ses_1").split()
        if "requestBody" in operation:
            bearer = signed_in.bearer if "security" in operation else {}
            for kind, raw in (
                ("application/json", b"{"),
                ("application/json", b'{"x": 1}'),
                ("x", b""),
            ):
                headers = bearer | {"Content-Type": kind}
                yield name, await client.request(method, path, content=raw or b"x", headers=headers)
        if "security" in operation or method == "POST":
            yield name, await client.request(method, path, json={})
    email = {"email": "alice@example.com", "password": PASSWORD}
    signup, signin = f"{API}/auth/signup", f"{API}/auth/signin"
    for _ in range(2):
        yield f"POST {signup}", await client.post(signup, json=signup_body(username="alice"))
    taken = signup_body(email="b@example.com", username="alice")
    yield f"POST {signup}", await client.post(signup, json=taken)
    for _ in range(10):
        yield f"POST {signup}", await client.post(signup, json=email)
    yield f"POST {signin}", await client.post(signin, json=email)
    await a_suspended_user(rt, "bob@example.com")
    for _ in range(6):
        yield f"POST {signin}", await client.post(signin, json=email | {"email": "bob@example.com"})
    signed_in = await a_session(rt)
    for path in ("/auth/me", "/sessions", "/sessions?limit=0"):
        name = f"GET {API}{path.partition('?')[0]}"
        yield name, await client.get(API + path, headers=signed_in.bearer)
        yield name, await client.get(API + path, headers={"Authorization": "Bearer x"})
    yield f"PATCH {API}/users/me", await client.patch(f"{API}/users/me", json={})
    for body in (
        {"first_name": "Ada"},
        {"username": "alice"},
        {"role": "x"},
        {"metadata": {"public": {"a": [1]}}},
    ):
        answer = await client.patch(f"{API}/users/me", json=body, headers=signed_in.bearer)
        yield f"PATCH {API}/users/me", answer
    refresh, body = f"{API}/auth/refresh", {"refresh_token": signed_in.tokens.refresh_token}
    for _ in range(2):
        yield f"POST {refresh}", await client.post(refresh, json=body)
        clock.advance(seconds=20)
    signed_in = await a_session(rt, signed_in.user)
    for id in ("ses_1", signed_in.session_id):
        one = f"{API}/sessions/{id}"
        yield f"DELETE {API}/sessions/{{id}}", await client.delete(one, headers=signed_in.bearer)
    signed_in = await a_session(rt, signed_in.user)
    yield f"DELETE {API}/sessions", await client.delete(f"{API}/sessions", headers=signed_in.bearer)
    logout = f"{API}/auth/logout"
    for _ in range(2):
        yield f"POST {logout}", await client.post(logout, headers=signed_in.bearer)
    yield f"POST {logout}", await client.post(logout)
    yield f"POST {logout}", await client.post(logout, json={"refresh_token": "x"})
    for path in ("/health/live", "/health/ready", "/.well-known/jwks.json"):
        yield f"GET {path}", await client.get(path)


async def _answers_by_mail(
    rt: Runtime, client: httpx.AsyncClient, mailbox: Mailbox, clock: OwnedClock
) -> AsyncIterator[tuple[str, httpx.Response]]:
    """Real answers of what mailed links do, and of what sends them."""
    auth, carol, new = f"{API}/auth", "carol@example.com", "carol@new.example"
    clock.advance(hours=1)  # the sign-ups before have used up this address's
    who = await links.person(client, carol)
    resend = f"{auth}/email/resend-verification"
    for _ in range(6):
        yield f"POST {resend}", await client.post(resend, headers=who.bearer)
    token = await links.last_token(rt, mailbox, carol)
    for _ in range(2):
        yield f"POST {auth}/verify-email", await links.verify(client, token)
    clock.advance(hours=1)
    who = await links.signed_in(client, carol)
    forgot = f"POST {auth}/password/forgot"
    for _ in range(6):
        yield forgot, await links.forget(client, carol)
    token = await links.last_token(rt, mailbox, carol)
    for _ in range(2):
        yield f"POST {auth}/password/reset", await links.reset(client, token, "a new horse")
    who = await links.signed_in(client, carol, "a new horse")
    change = f"{auth}/password/change"
    for current in ("a new horse", *["wrong"] * 6):
        body = {"current_password": current, "new_password": PASSWORD}
        yield f"POST {change}", await client.post(change, json=body, headers=who.bearer)
    who = await links.signed_in(client, carol)  # a session has five tries at its password
    for password in (PASSWORD, *["wrong"] * 6):
        answer = await links.ask_for_change(client, who, new, password)
        yield f"POST {auth}/email/change", answer
    token = await links.last_token(rt, mailbox, new)
    clock.advance(hours=1)
    taker = await links.person(client, new)
    confirm, undo = f"POST {auth}/email/change/confirm", f"POST {auth}/email/change/undo"
    yield confirm, await links.confirm(client, token)
    await links.ask_for_change(client, taker, "dave@example.com", PASSWORD)
    await links.confirm(client, await links.last_token(rt, mailbox, "dave@example.com"))
    for _ in range(2):
        yield confirm, await links.confirm(client, token)
    token = await links.last_token(rt, mailbox, carol)
    taker = await links.person(client, carol)
    yield undo, await links.undo(client, token)
    await links.ask_for_change(client, taker, "erin@example.com", PASSWORD)
    await links.confirm(client, await links.last_token(rt, mailbox, "erin@example.com"))
    for _ in range(2):
        yield undo, await links.undo(client, token)


@pytest.mark.settings(
    limits={"signin_attempts": 1000, "messages_address": 1000},
    links={"magic_link": "https://app.example/in?token={token}"},
)
async def test_real_answers_are_as_documented(
    rt: Runtime,
    client: httpx.AsyncClient,
    clock: OwnedClock,
    mailbox: Mailbox,
    document: Document,
) -> None:
    operations, seen = _operations(document), set()
    each = _answers(rt, client, clock, operations)
    every = [
        *[one async for one in each],
        *[one async for one in _answers_by_mail(rt, client, mailbox, clock)],
        *[one async for one in answers.of_second_factors(rt, client, clock)],
        *[one async for one in answers.of_mailed_sign_ins(rt, client, mailbox)],
    ]
    for name, answer in every:
        documented = operations[name]["responses"]
        status = str(answer.status_code)
        seen.add((name, status))
        assert status in documented, (name, answer.text)
        content = documented[status].get("content", {})
        if not answer.content:
            assert content == {}, name
            continue
        [(media_type, described)] = content.items()
        assert answer.headers["content-type"] == media_type, name
        assert _faults(document, described["schema"], answer.json()) == [], name
        if status >= "400":
            slug = answer.json()["type"].rpartition("/")[2]
            assert f"`{slug}`:" in documented[status]["description"], name
    # All that is documented was met, but for what takes another configuration or an outage.
    expected = {(name, status) for name, one in operations.items() for status in one["responses"]}
    missed = {one for one in expected - seen if one[1] != "503"}
    signup, signin = "POST /api/v1/auth/signup", "POST /api/v1/auth/signin"
    assert missed <= {(signin, "403"), (signup, "403"), (signup, "202")} | {
        # Only a flood meets it: tests/attacks/test_flood_of_links.py does.
        (f"POST /api/v1/auth/{name}", "429")
        for name in (
            "verify-email",
            "email/change/confirm",
            "email/change/undo",
            "password/reset",
            "magic-link/verify",
            "email-code/verify",
        )
    } | {
        ("POST /api/v1/auth/magic-link", "403"),  # tests/signin/test_signin_by_mail_limits.py
        ("POST /api/v1/auth/mfa/disable", "409"),
    }
