"""The wire to a real server: plain sockets, and like the in-memory wire bound to no event loop."""

from __future__ import annotations

import asyncio
import errno
import socket
from typing import TYPE_CHECKING, Any

from pytest_hermetic.redis.memory_stream import no_caller_gives_up

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pytest_hermetic.redis.passage import Passage

_CHUNK = 1 << 16


class BridgeSocket:
    """A connected socket whose requests are looked at on their way."""

    def __init__(self, sock: socket.socket, passage: Passage, timeout: float | None) -> None:
        self._sock = sock
        self._passage = passage
        self._ready = bytearray()
        sock.settimeout(timeout)

    def sendall(self, data: bytes | bytearray | memoryview) -> None:
        """Send the requests completed by ``data``."""
        self._sock.sendall(self._passage.through(bytes(data), self._sock.gettimeout()))

    def recv(self, size: int, flags: int = 0) -> bytes:
        """Up to ``size`` bytes of replies."""
        self._passage.answered()
        if not self._passage.struck and not self._ready:
            return self._sock.recv(size, flags)
        self._make_ready()
        data = bytes(self._ready[:size])
        del self._ready[:size]
        return data

    def recv_into(self, buffer: Any, size: int = 0, flags: int = 0) -> int:
        """Replies into ``buffer``; the number of bytes."""
        self._passage.answered()
        if not self._passage.struck and not self._ready:
            return self._sock.recv_into(buffer, size, flags)
        data = self.recv(size or len(buffer), flags)
        buffer[: len(data)] = data
        return len(data)

    def _make_ready(self) -> None:
        """Have something to read, or be at the end; raises when nothing will come."""
        passage, data = self._passage, b""
        while not self._ready:
            self._ready += passage.received(data)
            if self._ready or passage.ended:
                return
            if passage.silent:
                if self._sock.gettimeout() == 0:
                    raise BlockingIOError(errno.EAGAIN, "Resource temporarily unavailable")
                passage.give_up(self._sock.gettimeout())
            data = self._sock.recv(_CHUNK)
            if not data:
                return

    def __getattr__(self, name: str) -> Any:
        return getattr(self._sock, name)


class BridgeReader:
    """Reads the socket on whichever loop asks."""

    def __init__(self, sock: socket.socket, passage: Passage, timeout: float | None) -> None:
        self._sock = sock
        self._passage = passage
        self._timeout = timeout
        self._buffer = bytearray()  # the name asyncio.StreamReader uses; redis-py peeks at it
        self._ended = False

    def at_eof(self) -> bool:
        """Whether all is read and nothing more will come."""
        if not self._buffer and not self._ended:
            self._poll()
        return self._ended and not self._buffer

    async def read(self, n: int = -1) -> bytes:
        """Up to ``n`` bytes as soon as there are some; empty at the end."""
        if not self._buffer and not self._ended:
            await self._fill()
        return self._take(len(self._buffer) if n < 0 else n)

    async def readline(self) -> bytes:
        """Through the next line feed."""
        while (end := self._buffer.find(b"\n")) < 0 and not self._ended:
            await self._fill()
        return self._take(end + 1 if end >= 0 else len(self._buffer))

    async def readexactly(self, n: int) -> bytes:
        """Exactly ``n`` bytes, or IncompleteReadError at the end."""
        while len(self._buffer) < n:
            if self._ended:
                raise asyncio.IncompleteReadError(self._take(len(self._buffer)), n)
            await self._fill()
        return self._take(n)

    def _take(self, n: int) -> bytes:
        data = bytes(self._buffer[:n])
        del self._buffer[:n]
        return data

    def _poll(self) -> bool:
        if self._passage.struck and self._receive(b""):
            return True
        if self._passage.silent:
            return False
        try:
            data = self._sock.recv(_CHUNK)
        except BlockingIOError:
            return False
        except OSError:
            data = b""
        self._ended = not data
        return self._receive(data) or self._ended

    async def _fill(self) -> None:
        while not self._poll():
            if self._passage.silent:
                await self._hear_nothing()
            try:
                data = await asyncio.get_running_loop().sock_recv(self._sock, _CHUNK)
            except ConnectionError:
                data = b""
            self._ended = not data
            if self._receive(data) or self._ended:
                return

    def _receive(self, data: bytes) -> bool:
        """Take what the server sent; whether there is something to read, or the end."""
        passage = self._passage
        passage.answered()
        self._buffer += passage.received(data) if passage.struck else data
        self._ended = self._ended or passage.ended
        return bool(self._buffer) or passage.ended

    async def _hear_nothing(self) -> None:
        if self._timeout is None:
            await no_caller_gives_up()
        await asyncio.sleep(0)
        self._passage.give_up(self._timeout)


class BridgeTransport:
    """The little of a transport that client libraries ask for."""

    def __init__(self, writer: BridgeWriter) -> None:
        self._writer = writer

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """The peer's address; the socket is not handed out."""
        return ("127.0.0.1", 6379) if name == "peername" else default

    def is_closing(self) -> bool:
        """Whether the connection is closed."""
        return self._writer.is_closing()

    def abort(self) -> None:
        """Close at once."""
        self._writer.close()


class BridgeWriter:
    """Sends what fits and leaves the rest to ``drain``."""

    def __init__(self, sock: socket.socket, passage: Passage, timeout: float | None) -> None:
        sock.setblocking(False)
        self._sock = sock
        self._passage = passage
        self._timeout = timeout
        self._unsent = bytearray()
        self._closed = False
        self.reader = BridgeReader(sock, passage, timeout)
        self.transport = BridgeTransport(self)

    def write(self, data: bytes) -> None:
        """Send the requests completed by ``data``."""
        if self._closed:
            raise ConnectionResetError("Connection lost")
        self._unsent += self._passage.through(data, self._timeout)
        self._send()

    def writelines(self, chunks: Iterable[bytes]) -> None:
        """Write all the chunks."""
        self.write(b"".join(chunks))

    def _send(self) -> None:
        while self._unsent:
            try:
                sent = self._sock.send(self._unsent)
            except BlockingIOError:
                return
            del self._unsent[:sent]

    async def drain(self) -> None:
        """Wait until all is sent."""
        if self._unsent:
            rest = bytes(self._unsent)
            self._unsent.clear()
            await asyncio.get_running_loop().sock_sendall(self._sock, rest)

    def close(self) -> None:
        """Leave the server."""
        self._closed = True
        self._sock.close()

    async def wait_closed(self) -> None:
        """Closing is immediate, so nothing to wait for."""

    def is_closing(self) -> bool:
        """Whether the connection is closed."""
        return self._closed

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """See the transport."""
        return self.transport.get_extra_info(name, default)

    def __del__(self) -> None:
        self._sock.close()
