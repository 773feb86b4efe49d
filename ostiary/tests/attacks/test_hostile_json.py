"""The attacker sends what is nearly JSON, or JSON that two parsers read differently.

One value, UTF-8, no member twice, no deeper than 32 levels (RFC 8259, RFC 7493): anything else is
`malformed-json` on every route that takes a body, with nothing done and nothing lost.
"""

import json
from time import process_time

import httpx
import pytest
from factories import a_session, events, problem, sign_up

from attacks.surface import API, WITH_BODY, Route
from ostiary.runtime import Runtime

DEEP = 33
MALFORMED = {
    "white space": b"  \r\n\t ",
    "half": b'{"email":',
    "no quotes": b"{email: 1}",
    "single quotes": b"{'email': 'a'}",
    "comma at the end": b'{"email":"a",}',
    "comma alone": b"[,]",
    "comment": b'{"email":"a"/* */}',
    "two values": b"{}{}",
    "two lines": b"{}\n{}",
    "text behind": b"{} x",
    "NUL behind": b"{}\0",
    "form": b"email=a&password=b",
    "XML": b"<user/>",
    "NaN": b'{"email":NaN}',
    "Infinity": b'{"email":Infinity}',
    "-Infinity": b'{"email":-Infinity}',
    "hexadecimal": b'{"email":0x10}',
    "plus": b'{"email":+1}',
    "leading zero": b'{"email":01}',
    "5,000 digits": b'{"email":' + b"9" * 5000 + b"}",
    "Python": b'{"email":None,"password":True}',
    "control in a string": b'{"email":"a\nb"}',
    "NUL in a string": b'{"email":"a\0b"}',
    "half an escape": b'{"email":"\\u12"}',
    "unknown escape": b'{"email":"\\x41"}',
    "open string": b'{"email":"a',
    "byte order mark": b'\xef\xbb\xbf{"email":"a"}',
    "UTF-16": '{"email":"a"}'.encode("utf-16"),
    "UTF-16, no mark": '{"email":"a"}'.encode("utf-16-le"),
    "UTF-32": '{"email":"a"}'.encode("utf-32"),
    "Latin-1": '{"email":"\u00e9"}'.encode("latin-1"),
    "UTF-7": b'{"email":"+AOk-\xff"}',
    "overlong UTF-8": b'{"email":"\xc0\xaf"}',
    "surrogate in UTF-8": b'{"email":"\xed\xa0\x80"}',
    "beyond Unicode": b'{"email":"\xf4\x90\x80\x80"}',
    "member twice": b'{"email":"a","email":"b"}',
    "member twice, null": b'{"email":null,"email":"b"}',
    "member twice, escaped": b'{"email":"a","\\u0065mail":"b"}',
    "member twice, within": b'{"metadata":{"public":{"a":1,"a":2}}}',
    "unknown member twice": b'{"x":1,"x":1}',
    "33 arrays": b"[" * DEEP + b"]" * DEEP,
    "33 objects": b'{"a":' * DEEP + b"1" + b"}" * DEEP,
    "100 levels": b'[{"a":' * 50 + b"1" + b"}]" * 50,
    "100 levels in metadata": b'{"metadata":{"public":' + b"[" * 98 + b"]" * 98 + b"}}",
    "30,000 levels": b"[" * 30_000,
    "30,000 levels of objects": b'{"":' * 15_000,
    "levels behind a quoted brace": b'["\\"[",' * DEEP + b"1" + b"]" * DEEP,
    "closed before they are open": b"]" * 40 + b"[" * DEEP,
}
NO_OBJECT = [b"[]", b'"text"', b"1", b"-1e308", b"true", b"null", b"[{}]", b'""', b"[[[[[[]]]]]]"]


@pytest.mark.parametrize("route", WITH_BODY, ids=str)
async def test_what_is_not_well_formed_is_malformed_everywhere(
    rt: Runtime, client: httpx.AsyncClient, route: Route
) -> None:
    session = await a_session(rt)
    logged = len(await events(rt))
    for name, content in MALFORMED.items():
        response = await route.send(client, session.bearer, content=content)
        assert problem(response) == (400, "malformed-json"), name
    assert len(await events(rt)) == logged
    # Nothing lost: the route goes on taking what is well-formed.
    good = await route.send(client, session.bearer, json=route.body)
    assert good.status_code in (200, 201, 202, 400, 401, 403) or problem(good) == (
        422,
        "incorrect-proof",
    )


@pytest.mark.parametrize("route", WITH_BODY, ids=str)
async def test_what_is_no_object_is_refused_as_a_whole(
    rt: Runtime, client: httpx.AsyncClient, route: Route
) -> None:
    session = await a_session(rt)
    for content in NO_OBJECT:
        response = await route.send(client, session.bearer, content=content)
        if content == b"null" and route.path.endswith(("logout", "signout", "totp/setup")):
            # No body is a body there: what is missing then is the bearer.
            assert problem(response) == (401, "missing-token")
            continue
        assert problem(response) == (422, "validation"), content
        assert [fault["pointer"] for fault in response.json()["errors"]] == [""]


@pytest.mark.parametrize("route", WITH_BODY, ids=str)
async def test_an_empty_body_is_refused(
    rt: Runtime, client: httpx.AsyncClient, route: Route
) -> None:
    session = await a_session(rt)
    response = await route.send(client, session.bearer, content=b"")
    if route.path.endswith(("logout", "signout", "totp/setup")):
        assert problem(response) == (401, "missing-token")
    else:
        assert problem(response) == (400, "malformed-json")


async def test_32_levels_are_not_too_deep(rt: Runtime, client: httpx.AsyncClient) -> None:
    session = await a_session(rt)
    # Two levels are the body and its metadata; braces in texts are no levels at all.
    content = b'{"metadata":{"public":' + b'{"[{[{":' * 30 + b'"\\"{[{[\\\\"' + b"}" * 30 + b"}}"
    headers = {**session.bearer, "Content-Type": "application/json"}
    response = await client.patch(f"{API}/users/me", content=content, headers=headers)
    assert response.status_code == 200, response.text
    assert response.json()["metadata"] == json.loads(content)["metadata"]


@pytest.mark.parametrize(
    "content",
    [
        b"[" * 40 + b'"' + b'\\"' * 32_000,
        b"[" * 40 + b'"\\' * 32_000,
        b"[" * 40 + b'"' * 64_001,
        b"[" * 40 + b'"' + b"\\" * 64_001,
        b"[" * 40 + b'"a' * 31_999,
        b"{" * 65_000,
    ],
    ids=["escaped quotes", "quotes and escapes", "quotes", "escapes", "strings", "braces"],
)
async def test_no_body_makes_the_parser_think_for_seconds(
    client: httpx.AsyncClient, content: bytes
) -> None:
    # 64 KB of an open string once took 13 seconds of everybody's time: one search a quote.
    headers = {"Content-Type": "application/json"}
    started = process_time()  # ours alone, however busy the machine is
    response = await client.post(f"{API}/auth/signin", content=content, headers=headers)
    assert problem(response) == (400, "malformed-json")
    assert process_time() - started < 2


async def test_a_refused_body_spends_no_budget(client: httpx.AsyncClient) -> None:
    headers = {"Content-Type": "application/json"}
    for _ in range(30):
        for path in ("signup", "signin"):
            response = await client.post(f"{API}/auth/{path}", content=b"{", headers=headers)
            assert problem(response) == (400, "malformed-json")
    await sign_up(client)
