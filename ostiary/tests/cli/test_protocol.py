"""A connection is bounded: in headers, in time, in what counts as HTTP."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
import uvicorn
from starlette.types import ASGIApp

from ostiary.web.protocol import BoundedHttp

Talk = Callable[[bytes], Awaitable[bytes]]


class Impatient(BoundedHttp):
    """The same, for a test that does not want to wait ten seconds."""

    longest_headers = 1.0


@pytest.fixture
async def port(app: ASGIApp) -> AsyncIterator[int]:
    """The application on a real socket."""
    config = uvicorn.Config(
        app, port=0, http=Impatient, ws="none", lifespan="off", log_config=None, access_log=False
    )
    server = uvicorn.Server(config)
    running = asyncio.create_task(server._serve())
    while not server.started:  # noqa: ASYNC110 -- uvicorn tells by this flag only
        await asyncio.sleep(0)
    yield server.servers[0].sockets[0].getsockname()[1]
    server.should_exit = True
    await running


@pytest.fixture
def talk(port: int) -> Talk:
    """Sends bytes, returns everything that comes back until the server hangs up."""

    async def send(raw: bytes) -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(raw)
        async with asyncio.timeout(10):
            try:
                answer = await reader.read()
            except ConnectionResetError:
                answer = b""
        writer.close()
        return answer

    return send


async def test_headers_over_32_kb_are_refused(talk: Talk) -> None:
    many = b"".join(b"X-%d: %s\r\n" % (number, b"a" * 100) for number in range(400))
    answer = await talk(b"GET /health/live HTTP/1.1\r\nHost: x\r\n" + many + b"\r\n")
    assert answer.startswith(b"HTTP/1.1 431 ")


async def test_one_header_that_never_ends_is_refused(talk: Talk) -> None:
    answer = await talk(b"GET /health/live HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 300_000)
    assert answer.startswith(b"HTTP/1.1 431 ") or answer == b""


async def test_headers_that_do_not_arrive_in_time_are_refused(talk: Talk) -> None:
    answer = await talk(b"GET /health/live HTTP/1.1\r\nHost: x\r\n")
    assert answer.startswith(b"HTTP/1.1 408 ")


async def test_a_connection_that_says_nothing_is_closed(talk: Talk) -> None:
    assert (await talk(b"")).startswith(b"HTTP/1.1 408 ")


@pytest.mark.parametrize(
    "raw",
    [
        b"GARBAGE\r\n\r\n",
        b"GET /health/live HTTP/1.1\r\nHost: x\r\nBad Header: 1\r\n\r\n",
        b"CONNECT evil.example:80 HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /\xff HTTP/1.1\r\nHost: x\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
    ],
)
async def test_what_is_not_http_is_a_400(talk: Talk, raw: bytes) -> None:
    assert (await talk(raw)).startswith(b"HTTP/1.1 400 ")


async def test_an_absolute_target_reaches_the_same_route(talk: Talk) -> None:
    answer = await talk(
        b"GET http://evil.example/health/live HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    )
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert b"evil" not in answer


async def test_a_second_request_on_a_connection_has_its_own_bounds(talk: Talk) -> None:
    one = b"GET /health/live HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 20_000 + b"\r\n\r\n"
    last = b"GET /health/live HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    answer = await talk(one + one + last)
    assert answer.count(b"HTTP/1.1 200 ") == 3


async def test_a_body_over_the_limit_is_refused_and_the_connection_closed(talk: Talk) -> None:
    head = b"POST /api/v1/auth/signin HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
    answer = await talk(head + b"Content-Length: 10000000\r\n\r\n" + b"a" * 100_000)
    assert answer == b"" or answer.startswith(b"HTTP/1.1 413 ")
    chunk = b"8000\r\n" + b"a" * 0x8000 + b"\r\n"
    answer = await talk(head + b"Transfer-Encoding: chunked\r\n\r\n" + chunk * 4)
    assert answer == b"" or answer.startswith(b"HTTP/1.1 413 ")
