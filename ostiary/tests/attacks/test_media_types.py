"""The attacker labels a body as something else, so that a filter in front reads it differently.

Only `application/json`, in UTF-8 and with no content coding: anything else is refused before the
first byte is read, whatever the bytes are.
"""

import json
from collections.abc import AsyncIterator

import httpx
import pytest
from factories import a_session, problem, signup_body

from attacks.surface import API, WITH_BODY, Route
from ostiary.runtime import Runtime

WRONG = [
    "text/plain", "text/json", "text/html", "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=x", "application/xml", "application/jsonp", "application/jso",
    "application/json5", "application/x-json", "application/ld+json", "application/problem+json",
    "application/json, text/plain", "text/plain, application/json", "text/plain;application/json",
    "application/ json", "application\\json", "json", "*/*", "application/*", ";", ",", "/",
    "\u00e9", "application/json; charset=utf-16", "application/json; charset=latin-1",
    "application/json; charset=utf-7", 'application/json; charset="utf-32"',
    "application/json;charset=utf-8,utf-16", "a" * 5000,
]  # fmt: skip
RIGHT = [
    "application/json", "Application/JSON", "application/json; charset=utf-8",
    "application/json;charset=UTF-8", 'application/json; charset="utf-8"',
    "application/json ; charset=utf-8",
]  # fmt: skip


@pytest.mark.parametrize("route", WITH_BODY, ids=str)
async def test_another_type_is_refused_before_anything_is_read(
    rt: Runtime, client: httpx.AsyncClient, route: Route
) -> None:
    session = await a_session(rt)
    read = []

    async def body() -> AsyncIterator[bytes]:
        read.append(True)
        yield json.dumps(route.body).encode()

    for media_type in WRONG:
        headers = [(b"content-type", media_type.encode("latin-1"))]
        if route.is_guarded:
            headers.append((b"authorization", session.bearer["Authorization"].encode()))
        response = await client.request(route.method, route.path, content=body(), headers=headers)
        if not media_type.strip(";, "):
            assert 400 <= response.status_code < 500
            continue
        assert problem(response) == (415, "unsupported-media-type"), media_type[:80]
    assert read == []


@pytest.mark.parametrize("route", WITH_BODY, ids=str)
async def test_a_body_without_a_type_is_refused(
    rt: Runtime, client: httpx.AsyncClient, route: Route
) -> None:
    session = await a_session(rt)
    headers = session.bearer if route.is_guarded else {}
    content = json.dumps(route.body).encode()
    response = await client.request(route.method, route.path, content=content, headers=headers)
    assert problem(response) == (415, "unsupported-media-type")


async def test_json_in_utf_8_is_taken_however_it_is_labelled(client: httpx.AsyncClient) -> None:
    for number, media_type in enumerate(RIGHT):
        content = json.dumps(signup_body(email=f"u{number}@example.com")).encode()
        headers = {"Content-Type": media_type}
        response = await client.post(f"{API}/auth/signup", content=content, headers=headers)
        assert response.status_code == 201, media_type
        assert response.json()["user"]["email"] == f"u{number}@example.com"


async def test_a_coding_that_changes_nothing_is_taken_and_any_other_refused(
    client: httpx.AsyncClient,
) -> None:
    content = json.dumps(signup_body()).encode()
    for coding in ("gzip", "identity, gzip", "aes128gcm", "x", "utf-8"):
        headers = {"Content-Type": "application/json", "Content-Encoding": coding}
        response = await client.post(f"{API}/auth/signup", content=content, headers=headers)
        assert problem(response) == (415, "unsupported-media-type"), coding
    headers = {"Content-Type": "application/json", "Content-Encoding": "identity"}
    response = await client.post(f"{API}/auth/signup", content=content, headers=headers)
    assert response.status_code == 201
