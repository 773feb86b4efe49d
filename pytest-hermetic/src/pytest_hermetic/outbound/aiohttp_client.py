"""aiohttp: its connector meets an application where it would open a connection.

The protocol object is aiohttp's own, on a transport whose other end is in this process.
"""

from __future__ import annotations

import asyncio
import weakref
from collections.abc import Awaitable, Callable
from functools import wraps
from typing import Any

from pytest_hermetic.outbound import origins
from pytest_hermetic.outbound.exchange import Request
from pytest_hermetic.outbound.http1 import ReplyWriter, RequestReader
from pytest_hermetic.outbound.router import Router


class AiohttpRedirection:
    """The patch of `TCPConnector`."""

    def __init__(self, connector: Any, router: Router) -> None:
        self._class = connector.TCPConnector
        self._router = router
        self._original: Callable[..., Awaitable[Any]] | None = None
        self._open: weakref.WeakSet[InlineTransport] = weakref.WeakSet()

    def install(self) -> None:
        """Redirect every connector, existing or to come."""
        original = self._original = self._class._create_connection
        router, opened = self._router, self._open

        @wraps(original)
        async def create_connection(connector: Any, req: Any, *args: Any, **kwargs: Any) -> Any:
            url = req.url
            origin = origins.origin(url.scheme, url.raw_host, url.port)
            if not router.serves(origin):
                return await original(connector, req, *args, **kwargs)
            protocol = connector._factory()
            transport = InlineTransport(origin, router, protocol)
            opened.add(transport)
            protocol.connection_made(transport)
            return protocol

        self._class._create_connection = create_connection

    def uninstall(self) -> None:
        """Put the method back."""
        self._class._create_connection = self._original

    def hang_up(self) -> None:
        """Close every connection whose loop still exists."""
        for transport in tuple(self._open):
            transport.close()


class InlineTransport(asyncio.Transport):
    """The way from aiohttp's protocol to an application in the same loop."""

    def __init__(self, origin: origins.Origin, router: Router, protocol: Any) -> None:
        super().__init__()
        self._loop = asyncio.get_running_loop()
        self._router = router
        self._protocol = protocol
        self._requests = RequestReader(origin, self._deliver)
        self._is_closed = False
        self._tasks: set[asyncio.Task[None]] = set()
        self._may_read = asyncio.Event()
        self._may_read.set()

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Serve the requests that `data` completes."""
        if self._is_closed:
            return
        for request in self._requests.feed(bytes(data)):
            task = self._loop.create_task(self._serve(request), name="hermetic-aiohttp")
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    def is_closing(self) -> bool:
        """Whether the connection is closed."""
        return self._is_closed

    def close(self) -> None:
        """Close, from either side; the protocol is told as asyncio tells it."""
        self._lose(None)

    def abort(self) -> None:
        """Close at once."""
        self._lose(None)

    def pause_reading(self) -> None:
        """The protocol wants no more for now."""
        self._may_read.clear()

    def resume_reading(self) -> None:
        """The protocol wants more."""
        self._may_read.set()

    def is_reading(self) -> bool:
        """Whether the protocol wants more."""
        return self._may_read.is_set() and not self._is_closed

    async def _serve(self, request: Request) -> None:
        try:
            reply = await self._router.answer(request)
            writer = ReplyWriter(request.method, reply.status, reply.raw_headers)
            self._deliver(writer.head)
            try:
                async for chunk in reply.chunks:
                    await self._may_read.wait()
                    self._deliver(writer.chunk(chunk))
            finally:
                reply.close()
            self._deliver(writer.end)
        except Exception as error:
            # An answer that breaks off, a start-up that fails: aiohttp names it as the cause.
            self._lose(error)

    def _deliver(self, data: bytes) -> None:
        if data and not self._is_closed:
            self._protocol.data_received(data)

    def _lose(self, error: Exception | None) -> None:
        if self._is_closed:
            return
        self._is_closed = True
        if self._loop.is_closed():
            return
        serving = asyncio.current_task(self._loop)
        for task in self._tasks - {serving}:
            task.cancel()
        self._loop.call_soon_threadsafe(self._protocol.connection_lost, error)
