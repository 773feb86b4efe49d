"""The attacker sends much more than any honest client would, announced or not.

10 MB, a password of a megabyte, 100,000 members, a bomb of zeros. Refused before it is read or as
soon as it is too much: what the server takes in stays within 64 KB and a chunk.
"""

import gzip
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from factories import PASSWORD, a_session, events, ours, problem, sign_up, signup_body

from attacks.surface import API, GUARDED, WITH_BODY, Route
from ostiary.runtime import Runtime

KIB = 1024
LARGEST = 64 * KIB
CHUNK = 16 * KIB


class Flood:
    """A body without a length, which counts how much of it was read."""

    def __init__(self, chunks: int, chunk: bytes = b" " * CHUNK) -> None:
        self.read = 0
        self._chunks, self._chunk = chunks, chunk

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for _ in range(self._chunks):
            self.read += len(self._chunk)
            yield self._chunk


@pytest.mark.parametrize("route", WITH_BODY, ids=str)
async def test_10_megabytes_are_refused_without_being_read(
    rt: Runtime, client: httpx.AsyncClient, route: Route
) -> None:
    session = await a_session(rt)
    flood = Flood(640)
    headers = {"Content-Length": str(640 * CHUNK)}
    response = await route.send(client, session.bearer, content=flood, headers=headers)
    assert problem(response) == (413, "payload-too-large")
    assert flood.read == 0


@pytest.mark.parametrize("route", WITH_BODY, ids=str)
async def test_10_megabytes_of_no_announced_length_are_read_as_far_as_allowed(
    rt: Runtime, client: httpx.AsyncClient, route: Route
) -> None:
    session = await a_session(rt)
    flood = Flood(640)
    response = await route.send(client, session.bearer, content=flood)
    assert problem(response) == (413, "payload-too-large")
    assert flood.read <= LARGEST + CHUNK


async def test_an_announced_length_that_is_too_small_is_not_believed(
    client: httpx.AsyncClient,
) -> None:
    flood = Flood(640)
    headers = {"Content-Type": "application/json", "Content-Length": "2"}
    response = await client.post(f"{API}/auth/signup", content=flood, headers=headers)
    assert problem(response) == (413, "payload-too-large")
    assert flood.read <= LARGEST + CHUNK


@pytest.mark.parametrize(
    "length", ["-1", "abc", "1e3", "0x10", "9" * 19, "9" * 30, "\u00b2", "1, 2", " 5 ", "+5", ""]
)
async def test_a_length_that_is_none_is_never_a_failure_of_the_server(
    client: httpx.AsyncClient, length: str
) -> None:
    headers = {b"Content-Type": b"application/json", b"Content-Length": length.encode()}
    response = await client.post(f"{API}/auth/signup", content=Flood(640), headers=headers)
    assert problem(response) in ((400, "bad-request"), (413, "payload-too-large"))


@pytest.mark.parametrize("surplus", [0, 1])
async def test_the_limit_is_64_kilobytes_exactly(client: httpx.AsyncClient, surplus: int) -> None:
    body = json.dumps(signup_body()).encode()
    padded = body + b" " * (LARGEST - len(body) + surplus)
    headers = {"Content-Type": "application/json"}
    response = await client.post(f"{API}/auth/signup", content=padded, headers=headers)
    assert response.status_code == (413 if surplus else 201)
    assert ("user" in response.json()) is not bool(surplus)


@pytest.mark.parametrize("route", GUARDED, ids=str)
async def test_a_route_that_takes_no_body_reads_none(
    rt: Runtime, client: httpx.AsyncClient, route: Route
) -> None:
    session = await a_session(rt)
    for headers in ({}, {"Content-Length": str(640 * CHUNK)}):
        flood = Flood(640)
        sent = route.send(client, session.bearer, content=flood, headers=headers)
        response = ours(await sent)
        assert response.status_code < 500
        assert flood.read <= LARGEST + CHUNK


@pytest.mark.parametrize("path", ["signup", "signin"])
async def test_a_password_of_a_megabyte_is_refused(client: httpx.AsyncClient, path: str) -> None:
    body = signup_body(password="x" * KIB * KIB)
    response = await client.post(f"{API}/auth/{path}", json=body)
    assert problem(response) == (413, "payload-too-large")


@pytest.mark.parametrize("path", ["signup", "signin"])
async def test_a_password_of_1025_characters_is_refused_and_one_of_1024_is_not(
    client: httpx.AsyncClient, path: str
) -> None:
    await sign_up(client, email="b@example.com", password="x" * 1024)
    long = await client.post(f"{API}/auth/{path}", json=signup_body(password="x" * 1025))
    assert problem(long) == (422, "validation")
    body = {"email": "b@example.com", "password": "x" * 1024}
    assert (await client.post(f"{API}/auth/signin", json=body)).status_code == 200


@pytest.mark.parametrize("route", WITH_BODY, ids=str)
async def test_100_000_members_are_refused(
    rt: Runtime, client: httpx.AsyncClient, route: Route
) -> None:
    session = await a_session(rt)
    body = dict.fromkeys(map(str, range(100_000)), 0)
    response = await route.send(client, session.bearer, json=body)
    assert problem(response) == (413, "payload-too-large")


@pytest.mark.parametrize("route", WITH_BODY, ids=str)
async def test_as_many_members_as_fit_get_a_short_answer(
    rt: Runtime, client: httpx.AsyncClient, route: Route
) -> None:
    session = await a_session(rt)
    body = route.body | dict.fromkeys((f"{number:x}" for number in range(7000)), 0)
    content = json.dumps(body, separators=(",", ":")).encode()
    assert LARGEST * 0.75 < len(content) <= LARGEST
    response = await route.send(client, session.bearer, content=content)
    assert problem(response) == (422, "validation")
    assert len(response.json()["errors"]) <= 20
    assert len(response.content) < 4 * KIB


async def test_one_member_with_a_name_of_60_kilobytes_gets_a_short_answer(
    client: httpx.AsyncClient,
) -> None:
    for name in ("x" * 60_000, "~" * 60_000, "/" * 60_000):
        response = await client.post(f"{API}/auth/signin", json={name: 1})
        assert problem(response) == (422, "validation")
        assert len(response.content) < 2 * KIB


async def test_a_compressed_body_is_not_unpacked(client: httpx.AsyncClient) -> None:
    bomb = gzip.compress(b'{"email":"' + b"a" * 10 * KIB * KIB + b'"}')
    assert len(bomb) < LARGEST
    for coding in ("gzip", "deflate", "br", "zstd", "x-gzip", "gzip, identity", "identity, gzip"):
        headers = {"Content-Type": "application/json", "Content-Encoding": coding}
        response = await client.post(f"{API}/auth/signup", content=bomb, headers=headers)
        assert problem(response) == (415, "unsupported-media-type"), coding


async def test_public_metadata_is_bounded_by_what_it_takes_to_store(
    rt: Runtime, client: httpx.AsyncClient
) -> None:
    session = await a_session(rt)

    async def write(public: dict[str, Any]) -> httpx.Response:
        body = {"metadata": {"public": public}}
        return await client.patch(f"{API}/users/me", json=body, headers=session.bearer)

    fits = "x" * (8 * KIB - len('{"a":""}'))
    assert (await write({"a": fits})).status_code == 200
    too_large: list[dict[str, Any]] = [
        {"a": fits + "x"},
        {"a": "\u00e9" * (4 * KIB)},
        {"x" * 8 * KIB: 1},
        {"a": [0] * 5000},
        {"a": [{}] * 3000},
        dict.fromkeys(map(str, range(3000)), 0),
    ]
    for public in too_large:
        response = await write(public)
        assert problem(response) == (422, "validation")
        assert len(response.content) < 2 * KIB
    me = (await client.get(f"{API}/auth/me", headers=session.bearer)).json()
    assert me["metadata"]["public"] == {"a": fits}


async def test_a_flood_of_refused_bodies_leaves_no_trace_and_takes_nothing_from_others(
    rt: Runtime, client: httpx.AsyncClient
) -> None:
    for _ in range(50):
        await client.post(f"{API}/auth/signup", content=Flood(640))
        refused = await client.post(f"{API}/auth/signin", json={"password": PASSWORD * 10_000})
        assert problem(refused) == (413, "payload-too-large")
    assert await events(rt) == []
    await sign_up(client)
