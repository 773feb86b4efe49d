"""http.client and urllib3 (urllib, requests, botocore and every SDK on them).

They meet an application where they would open a socket: `connect` is replaced on the
connection *classes*, so sessions and pools made earlier are covered, and the bytes of HTTP/1.1
really go through. There is no TLS, for there is nobody to hide from.
"""

from __future__ import annotations

import contextlib
import io
import socket
import weakref
from collections.abc import Callable, Iterator
from functools import wraps
from typing import Any

from pytest_hermetic.outbound import origins
from pytest_hermetic.outbound.exchange import Request, Truncated
from pytest_hermetic.outbound.http1 import ReplyWriter, RequestReader
from pytest_hermetic.outbound.router import Pending, Router


class SocketRedirection:
    """The patches of one module's `HTTPConnection` and `HTTPSConnection`."""

    def __init__(self, module: Any, router: Router) -> None:
        self._module = module
        self._router = router
        self._undo: list[tuple[Any, Any]] = []
        self._open: weakref.WeakSet[InlineSocket] = weakref.WeakSet()

    def install(self) -> None:
        """Redirect every connection, whoever made it."""
        for name, scheme in (("HTTPConnection", "http"), ("HTTPSConnection", "https")):
            cls = getattr(self._module, name, None)
            # Where urllib3 finds no ssl module, its second class is a dummy without `connect`.
            if cls is not None and "connect" in vars(cls):
                original = cls.connect
                self._undo.append((cls, original))
                cls.connect = wraps(original)(self._connecting(original, scheme))

    def uninstall(self) -> None:
        """Put the methods back."""
        while self._undo:
            cls, original = self._undo.pop()
            cls.connect = original

    def hang_up(self) -> None:
        """Close every connection, as a server does that goes away; pools notice and reconnect."""
        for opened in tuple(self._open):
            opened.hang_up()

    def _connecting(self, original: Callable[[Any], None], scheme: str) -> Callable[[Any], None]:
        def connect(connection: Any) -> None:
            host, port = connection.host, connection.port
            if getattr(connection, "_tunnel_host", None):
                # Through a proxy: the host at the tunnel's far end is meant.
                host, port = connection._tunnel_host, connection._tunnel_port
            origin = origins.origin(scheme, host, port)
            if not self._router.serves(origin):
                original(connection)
                return
            connection.sock = InlineSocket(origin, self._router, connection.timeout)
            self._open.add(connection.sock)
            # What urllib3's `connect` notes: the certificate is good, the proxy has answered.
            connection.is_verified = True
            connection._has_connected_to_proxy = bool(getattr(connection, "proxy", None))

        return connect


class InlineSocket:
    """Stands where an HTTP client keeps its socket; requests begin within `sendall`."""

    def __init__(self, origin: origins.Origin, router: Router, timeout: object) -> None:
        # A real descriptor: urllib3 polls it to learn whether the connection was dropped.
        self._near, self._far = socket.socketpair()
        self._router = router
        self._requests = RequestReader(origin, self._interim)
        self._incoming = bytearray()
        self._answers: list[Iterator[bytes]] = []
        self._is_closed = False
        self.settimeout(timeout)

    def sendall(self, data: Any) -> None:
        """Begin the requests that `data` completes."""
        if self._is_closed:
            raise BrokenPipeError(32, "Broken pipe")
        for request in self._requests.feed(bytes(data)):
            self._answers.append(self._wire(request, self._router.answer_sync(request)))

    def recv(self, size: int, _flags: int = 0) -> bytes:
        """Up to `size` bytes of answers; empty when none will come.

        Raises TimeoutError when the application has not answered in time.
        """
        while not self._incoming and self._answers:
            piece = next(self._answers[0], None)
            if piece is None:
                del self._answers[0]
            else:
                self._incoming += piece
        data = bytes(self._incoming[:size])
        del self._incoming[:size]
        return data

    def makefile(self, *_: Any, **__: Any) -> io.BufferedReader:
        """A file to read answers from."""
        return io.BufferedReader(_Incoming(self))

    def settimeout(self, timeout: object) -> None:
        """How many seconds a read waits; what is no number means for ever."""
        self._timeout = float(timeout) if isinstance(timeout, int | float) else None

    def gettimeout(self) -> float | None:
        """See `settimeout`."""
        return self._timeout

    def setsockopt(self, *_: Any) -> None:
        """TCP options have no meaning here."""

    def shutdown(self, _how: int) -> None:
        """Nothing more is sent."""
        self._is_closed = True

    def close(self) -> None:
        """Nothing more is sent; what was answered can still be read, as from a real socket."""
        self.hang_up()
        self._near.close()

    def hang_up(self) -> None:
        """The other side closes."""
        self._is_closed = True
        self._far.close()

    def fileno(self) -> int:
        """A descriptor that becomes readable when the other side has closed."""
        return self._near.fileno()

    def getpeername(self) -> tuple[str, int]:
        """An address of the loopback."""
        return ("127.0.0.1", 443)

    def getsockname(self) -> tuple[str, int]:
        """An address of the loopback."""
        return ("127.0.0.1", 50000)

    def _interim(self, data: bytes) -> None:
        self._incoming += data

    def _wire(self, request: Request, pending: Pending) -> Iterator[bytes]:
        reply = pending.wait(self._timeout)
        writer = ReplyWriter(request.method, reply.status, reply.raw_headers)
        yield writer.head
        try:
            for chunk in reply.chunks:
                if framed := writer.chunk(chunk):
                    yield framed
        except Truncated:
            # As over a network: the connection ends where more was promised.
            self.hang_up()
            return
        yield writer.end

    def __del__(self) -> None:
        with contextlib.suppress(AttributeError):
            self.close()


class _Incoming(io.RawIOBase):
    def __init__(self, sock: InlineSocket) -> None:
        self._sock = sock

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self._sock.recv(len(buffer))
        buffer[: len(data)] = data
        return len(data)
