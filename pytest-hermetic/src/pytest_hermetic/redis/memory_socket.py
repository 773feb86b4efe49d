"""The synchronous wire: a real socket pair, so that select, poll and hiredis see a descriptor.

The server answers within ``sendall``; replies larger than the kernel's buffer wait in ours
until the client reads.
"""

from __future__ import annotations

import select
import socket
import threading
from typing import TYPE_CHECKING, Any

from pytest_hermetic.redis.resp import Failure, ProtocolError, RequestReader, encode
from pytest_hermetic.redis.strokes import Course

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_hermetic.redis.engine.connected import ConnectedSession
    from pytest_hermetic.redis.strokes import Strokes

_SEND_BUFFER = 1 << 20


class MemorySocket:
    """Stands where redis-py keeps its socket."""

    def __init__(
        self,
        open_session: Callable[[Callable[[bytes], None]], ConnectedSession],
        timeout: float | None,
        strokes: Strokes | None = None,
    ) -> None:
        self._near, self._far = socket.socketpair()
        self._near.settimeout(timeout)
        self._far.setblocking(False)
        self._far.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER)
        self._waiting = bytearray()
        self._lock = threading.Lock()
        self._requests = RequestReader()
        self._closed = False
        self._session = open_session(self._deliver)
        self._session.on_hang_up = self._lost
        self._course = Course(self._session, strokes)

    def sendall(self, data: bytes | bytearray | memoryview) -> None:
        """Run the requests completed by ``data``."""
        if self._closed:
            raise BrokenPipeError(32, "Broken pipe")
        try:
            for fields in self._requests.feed(bytes(data)):
                self._course.run(fields, self._near.gettimeout())
                if self._course.broken:
                    self._lost()
                    return
        except ProtocolError as error:
            self._deliver(encode(Failure(f"ERR Protocol error: {error}"), 2))
            self._lost()

    def recv(self, size: int, flags: int = 0) -> bytes:
        """Up to ``size`` bytes of replies."""
        self._prepare()
        if self._course.silent:
            self._hear_nothing()
        return self._near.recv(size, flags)

    def recv_into(self, buffer: Any, size: int = 0, flags: int = 0) -> int:
        """Replies into ``buffer``; the number of bytes."""
        self._prepare()
        if self._course.silent:
            self._hear_nothing()
        return self._near.recv_into(buffer, size, flags)

    def _hear_nothing(self) -> None:
        """Before a read that nothing may come for: give up at once if all is read."""
        patience = self._near.gettimeout()
        if patience != 0 and not select.select([self._near], [], [], 0)[0]:
            self._course.give_up(patience)

    def _prepare(self) -> None:
        """Before a read: send what waits for room, and end a blocking command in time."""
        if self._waiting:
            with self._lock:
                self._flush()
        seconds, token = self._session.blocked_for, self._session.block_token
        if seconds is None:
            return
        patience = self._near.gettimeout()
        if patience is not None and patience < seconds:
            return
        if not select.select([self._near], [], [], seconds)[0]:
            self._session.give_up(token)

    def _deliver(self, data: bytes) -> None:
        data = self._course.passes(data)
        with self._lock:
            self._waiting += data
            self._flush()

    def _flush(self) -> None:
        while self._waiting:
            try:
                sent = self._far.send(self._waiting)
            except BlockingIOError:
                return
            except OSError:
                self._waiting.clear()  # the client has closed its end; nobody will read this
                return
            del self._waiting[:sent]

    def shutdown(self, how: int) -> None:
        """As the socket's."""
        self._near.shutdown(how)

    def close(self) -> None:
        """Leave the server."""
        if not self._closed:
            self._closed = True
            self._session.leave()
        self._near.close()
        self._far.close()

    def _lost(self) -> None:
        self._closed = True
        self._session.leave()
        with self._lock:
            self._far.close()

    def fileno(self) -> int:
        """The descriptor replies arrive at."""
        return self._near.fileno()

    def settimeout(self, timeout: float | None) -> None:
        """As the socket's, in seconds."""
        self._near.settimeout(timeout)

    def gettimeout(self) -> float | None:
        """As the socket's, in seconds."""
        return self._near.gettimeout()

    def setblocking(self, flag: bool) -> None:
        """As the socket's."""
        self._near.setblocking(flag)

    def setsockopt(self, *_: Any) -> None:
        """TCP options have no meaning here."""

    def getpeername(self) -> tuple[str, int]:
        """An address of the loopback."""
        return ("127.0.0.1", 6379)

    def getsockname(self) -> tuple[str, int]:
        """An address of the loopback."""
        return ("127.0.0.1", 50000)

    def __del__(self) -> None:
        self.close()
