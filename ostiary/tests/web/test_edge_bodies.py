"""A body is read within 64 KB and 30 seconds; what is refused closes the connection."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import httpx
import pytest
from factories import problem
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ostiary.settings import Settings
from ostiary.web.middleware import LARGEST_BODY, LONGEST_BODY, Edge

URL = "/api/v1/auth/signup"
JSON = {"Content-Type": "application/json"}


async def test_a_body_that_is_announced_too_large_is_refused_unread(app: ASGIApp) -> None:
    answer = await _ask(app, size=LARGEST_BODY + 1, parts=None)
    assert problem(answer) == (413, "payload-too-large")
    assert answer.headers["connection"] == "close"


async def test_a_body_that_turns_out_too_large_is_refused_and_the_connection_closed(
    client: httpx.AsyncClient,
) -> None:
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        while True:
            sent += 16 * 1024
            yield b" " * 16 * 1024

    answer = await client.post(URL, content=endless(), headers=JSON)
    assert problem(answer) == (413, "payload-too-large")
    assert answer.headers["connection"] == "close"
    assert sent <= LARGEST_BODY + 32 * 1024


async def test_a_body_of_just_the_limit_is_read(client: httpx.AsyncClient) -> None:
    raw = b" " * (LARGEST_BODY - 2) + b"{}"
    assert problem(await client.post(URL, content=raw, headers=JSON)) == (422, "validation")
    answer = await client.post(URL, content=b" " + raw, headers=JSON)
    assert problem(answer) == (413, "payload-too-large")


@pytest.fixture
def hasty(settings: Settings) -> Edge:
    """An impatient edge around an application that reads all there is."""

    async def read(scope: Scope, receive: Receive, send: Send) -> None:
        while (await receive())["more_body"]:
            pass
        await Response(status_code=204)(scope, receive, send)

    return Edge(read, settings, longest_body=timedelta(milliseconds=50))


@pytest.mark.parametrize("parts", [[], [b"{"], [b'{"email":', b' "a@b.de"']])
async def test_a_body_that_does_not_arrive_is_given_up(hasty: Edge, parts: list[bytes]) -> None:
    async with asyncio.timeout(10):
        answer = await _ask(hasty, parts=parts)
    assert problem(answer) == (408, "request-timeout")
    assert answer.headers["connection"] == "close"


async def test_a_client_that_trickles_wins_no_time(hasty: Edge) -> None:
    answer = await _ask(hasty, parts=[b" "] * 1000, pause=0.01)
    assert problem(answer) == (408, "request-timeout")


def test_a_body_has_thirty_seconds() -> None:
    assert timedelta(seconds=30) == LONGEST_BODY


async def _ask(
    app: ASGIApp, *, parts: list[bytes] | None, size: int | None = None, pause: float = 0
) -> httpx.Response:
    """Ask as a server does: no parts is a body not to be read; after the last comes silence."""
    waiting = iter(parts or [])

    async def receive() -> Message:
        for part in waiting:
            await asyncio.sleep(pause)  # the client's, in real time: what a deadline is about
            return {"type": "http.request", "body": part, "more_body": True}
        assert parts is not None, "the body was read"
        await asyncio.Event().wait()
        raise AssertionError

    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    headers = [(b"content-type", b"application/json")]
    headers += [(b"content-length", str(size).encode())] if size is not None else []
    scope: Scope = {
        "type": "http",
        "method": "POST",
        "path": URL,
        "raw_path": URL.encode(),
        "query_string": b"",
        "headers": headers,
        "client": ("203.0.113.7", 50_000),
        "server": ("ostiary.test", 80),
        "scheme": "http",
        "http_version": "1.1",
        "root_path": "",
    }
    await app(scope, receive, send)
    start, *rest = sent  # an answer in full, and no second one
    assert [message["type"] for message in rest] == ["http.response.body"]
    body = b"".join(message.get("body", b"") for message in rest)
    return httpx.Response(start["status"], headers=start["headers"], content=body)
