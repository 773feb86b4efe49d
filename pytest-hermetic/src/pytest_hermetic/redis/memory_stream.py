"""The asynchronous wire: what redis-py takes for a StreamReader and a StreamWriter.

Neither is bound to an event loop: the server answers within ``write``, a waiting reader makes
its future on the loop that runs it, and another thread wakes it through that loop. A client
made at import time therefore serves every loop and every test.
"""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, Any

from pytest_hermetic.faults.fault import WouldHang
from pytest_hermetic.redis.resp import Failure, ProtocolError, RequestReader, encode
from pytest_hermetic.redis.strokes import PATIENCE, Course

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable

    from pytest_hermetic.redis.engine.connected import ConnectedSession
    from pytest_hermetic.redis.strokes import Strokes


class MemoryReader:
    """The receiving end; bytes are put in by the server, from any thread."""

    def __init__(self) -> None:
        self._buffer = bytearray()  # the name asyncio.StreamReader uses; redis-py peeks at it
        self._ended = False
        self._lock = threading.Lock()
        self._waiter: tuple[asyncio.AbstractEventLoop, asyncio.Future[None], int] | None = None
        self.end_wait: Callable[[], Awaitable[None]] | None = None
        """Set when nothing more will come: ends a wait at once."""

    def fall_silent(self, end_wait: Callable[[], Awaitable[None]]) -> None:
        """Nothing more will come: every wait ends as `end_wait` does."""
        self.end_wait = end_wait
        self.feed_data(b"")

    def feed_data(self, data: bytes) -> None:
        """Deliver bytes."""
        with self._lock:
            self._buffer += data
            waiter, self._waiter = self._waiter, None
        _wake(waiter)

    def feed_eof(self) -> None:
        """The other side is gone."""
        with self._lock:
            self._ended = True
            waiter, self._waiter = self._waiter, None
        _wake(waiter)

    def at_eof(self) -> bool:
        """Whether all is read and nothing more will come."""
        return self._ended and not self._buffer

    async def read(self, n: int = -1) -> bytes:
        """Up to ``n`` bytes as soon as there are some; empty at the end."""
        while not self._buffer:
            if self._ended:
                return b""
            await self._wait()
        return self._take(len(self._buffer) if n < 0 else n)

    async def readline(self) -> bytes:
        """Through the next line feed."""
        start = 0
        while True:
            end = self._buffer.find(b"\n", start)
            if end >= 0:
                return self._take(end + 1)
            if self._ended:
                return self._take(len(self._buffer))
            start = len(self._buffer)
            await self._wait()

    async def readexactly(self, n: int) -> bytes:
        """Exactly ``n`` bytes, or IncompleteReadError at the end."""
        while len(self._buffer) < n:
            if self._ended:
                raise asyncio.IncompleteReadError(self._take(len(self._buffer)), n)
            await self._wait()
        return self._take(n)

    def _take(self, n: int) -> bytes:
        with self._lock:
            data = bytes(self._buffer[:n])
            del self._buffer[:n]
        return data

    async def _wait(self) -> None:
        if self.end_wait is not None:
            await self.end_wait()
        loop = asyncio.get_running_loop()
        future: asyncio.Future[None] = loop.create_future()
        seen = len(self._buffer)
        with self._lock:
            if self._ended or len(self._buffer) > seen:
                return
            self._waiter = (loop, future, threading.get_ident())
        try:
            await future
        finally:
            with self._lock:
                if self._waiter is not None and self._waiter[1] is future:
                    self._waiter = None


def _wake(waiter: tuple[asyncio.AbstractEventLoop, asyncio.Future[None], int] | None) -> None:
    if waiter is None:
        return
    loop, future, thread = waiter
    if thread == threading.get_ident():
        _resolve(future)
    elif not loop.is_closed():
        loop.call_soon_threadsafe(_resolve, future)


def _resolve(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)


async def no_caller_gives_up() -> None:
    """Wait, for the client has no time-out but its caller may; fail the test where none has."""
    try:
        async with asyncio.timeout(PATIENCE):
            await asyncio.get_running_loop().create_future()
    except TimeoutError:
        raise WouldHang(
            f"the client has no socket_timeout, and no caller gave up within {PATIENCE:.0f} s: "
            "here it would wait for ever",
            pytrace=False,
        ) from None


class MemoryTransport:
    """The little of a transport that client libraries ask for."""

    def __init__(self, writer: MemoryWriter) -> None:
        self._writer = writer

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """The peer's address; there is no socket."""
        return ("127.0.0.1", 6379) if name == "peername" else default

    def is_closing(self) -> bool:
        """Whether the connection is closed."""
        return self._writer.is_closing()

    def abort(self) -> None:
        """Close at once."""
        self._writer.close()


class MemoryWriter:
    """The sending end: ``write`` runs the request in the calling thread."""

    def __init__(
        self,
        open_session: Callable[[Callable[[bytes], None]], ConnectedSession],
        timeout: float | None = None,
        strokes: Strokes | None = None,
    ) -> None:
        self.reader = MemoryReader()
        self._timeout = timeout
        self.transport = MemoryTransport(self)
        self._requests = RequestReader()
        self._closed = False
        self._session = open_session(self._deliver)
        self._course = Course(self._session, strokes)
        self._session.on_hang_up = self._lost
        self._session.on_block = self._blocked

    def write(self, data: bytes) -> None:
        """Run the requests completed by ``data``."""
        if self._closed:
            raise ConnectionResetError("Connection lost")
        try:
            for fields in self._requests.feed(data):
                self._course.run(fields, self._timeout)
                if self._course.broken:
                    self.close()
                    return
            if self._course.silent and self.reader.end_wait is None:
                self.reader.fall_silent(self._hear_nothing)
        except ProtocolError as error:
            self.reader.feed_data(encode(Failure(f"ERR Protocol error: {error}"), 2))
            self.close()

    def writelines(self, chunks: Iterable[bytes]) -> None:
        """Write all the chunks."""
        self.write(b"".join(chunks))

    async def drain(self) -> None:
        """Nothing is ever held back, so nothing to wait for."""

    def close(self) -> None:
        """Leave the server."""
        if self._closed:
            return
        self._closed = True
        self._session.leave()
        self.reader.feed_eof()

    async def wait_closed(self) -> None:
        """Closing is immediate, so nothing to wait for."""

    def is_closing(self) -> bool:
        """Whether the connection is closed."""
        return self._closed

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """See the transport."""
        return self.transport.get_extra_info(name, default)

    def _deliver(self, data: bytes) -> None:
        data = self._course.passes(data)
        if data:
            self.reader.feed_data(data)

    async def _hear_nothing(self) -> None:
        if self._timeout is None:
            await no_caller_gives_up()
        # Whoever else is ready to run does so before the client notices.
        await asyncio.sleep(0)
        self._course.give_up(self._timeout)

    def _lost(self) -> None:
        self._closed = True
        self.reader.feed_eof()

    def _blocked(self, seconds: float | None) -> None:
        if seconds is not None:
            loop = asyncio.get_running_loop()
            loop.call_later(seconds, self._session.give_up, self._session.block_token)

    def __del__(self) -> None:
        if not self._closed:
            self._closed = True
            self._session.leave()
