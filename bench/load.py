"""A closed-loop load generator: each connection sends its next request when it has its answer."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from time import perf_counter

import httptools
import uvloop

NextRequest = Callable[[bytes], bytes]
"""Makes a connection's next request from its last answer's body (empty at first)."""


@dataclass
class Result:
    """What was measured: `latencies` in seconds, `wrong` answers of another status than 200."""

    seconds: float = 0.0
    latencies: list[float] = field(default_factory=list)
    wrong: int = 0

    @property
    def rate(self) -> float:
        """Good answers a second."""
        return len(self.latencies) / self.seconds

    def quantile(self, share: float) -> float:
        """The latency in milliseconds that `share` of the answers stayed under."""
        ordered = sorted(self.latencies)
        return 1000 * ordered[min(len(ordered) - 1, int(share * len(ordered)))]


class _Connection(asyncio.Protocol):
    def __init__(self, make: NextRequest, result: Result, until: float) -> None:
        self._make, self._result, self._until = make, result, until
        self._body = b""
        self._sent = 0.0
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self._parser = httptools.HttpResponseParser(self)
        self._send()

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.done.done():
            self.done.set_exception(exc or ConnectionError("the server hung up"))

    def on_body(self, body: bytes) -> None:
        self._body += body

    def on_message_complete(self) -> None:
        now = perf_counter()
        if self._parser.get_status_code() == 200:
            self._result.latencies.append(now - self._sent)
        else:
            self._result.wrong += 1
        if now < self._until:
            self._parser = httptools.HttpResponseParser(self)
            self._send()
        elif not self.done.done():
            self.done.set_result(None)
            self._transport.close()

    def _send(self) -> None:
        request, self._body = self._make(self._body), b""
        self._sent = perf_counter()
        self._transport.write(request)  # type: ignore[attr-defined]


async def _drive(port: int, makers: list[NextRequest], seconds: float) -> Result:
    result, started = Result(), perf_counter()
    loop = asyncio.get_running_loop()
    connections = [
        (
            await loop.create_connection(
                lambda make=make: _Connection(make, result, started + seconds), "127.0.0.1", port
            )
        )[1]
        for make in makers
    ]
    await asyncio.gather(*(connection.done for connection in connections))
    result.seconds = perf_counter() - started
    return result


def drive(port: int, makers: list[NextRequest], seconds: float) -> Result:
    """Load the server on `port` with one connection for each maker."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_drive(port, makers, seconds))


def drive_two(
    port: int, first: list[NextRequest], second: list[NextRequest], seconds: float
) -> tuple[Result, Result]:
    """Two kinds of load at once, measured apart."""

    async def both() -> tuple[Result, Result]:
        return await asyncio.gather(_drive(port, first, seconds), _drive(port, second, seconds))

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(both())


def get(path: str, token: str | None = None) -> bytes:
    """A GET request."""
    bearer = f"Authorization: Bearer {token}\r\n" if token else ""
    return f"GET {path} HTTP/1.1\r\nHost: bench\r\n{bearer}\r\n".encode()


def post(path: str, body: bytes) -> bytes:
    """A POST of JSON."""
    head = f"POST {path} HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\n"
    return head.encode() + b"Content-Length: %d\r\n\r\n" % len(body) + body


def always(request: bytes) -> NextRequest:
    """The same request every time."""
    return lambda _body: request
