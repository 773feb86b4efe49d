"""HTTP/1.1 with bounds: headers within ten seconds and 32 KB, or the connection is closed.

uvicorn bounds neither; without this a thousand half-sent requests cost a thousand connections.
"""

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

_PHRASES = {400: "Bad Request", 408: "Request Timeout", 431: "Request Header Fields Too Large"}


class _TooLarge(Exception):
    """Raised into the parser, to make it stop."""


class BoundedHttp(HttpToolsProtocol):
    """uvicorn's protocol, which gives up on whoever sends too much or too slowly."""

    most_header_bytes = 32 * 1024
    longest_headers = 10.0
    """Seconds from the connection, or from a request's first byte, to the end of its headers."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """As uvicorn calls it."""
        super().__init__(*args, **kwargs)
        self._is_in_headers = True
        self._header_bytes = 0
        self._refusal = 400
        self._deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Start to wait for the first request."""
        super().connection_made(transport)  # type: ignore[arg-type]  # as uvicorn narrows it
        self._expect_headers()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop waiting."""
        self._stop_waiting()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Feed the parser; headers that are not complete by now count in full."""
        super().data_received(data)
        if self._is_in_headers and not self.transport.is_closing():
            self._header_bytes += len(data)
            if self._header_bytes > self.most_header_bytes:
                self._refuse(431)

    def on_message_begin(self) -> None:
        """A request begins."""
        super().on_message_begin()
        self._expect_headers()

    def on_headers_complete(self) -> None:
        """The headers are here: refuse them if they are too large, else start the request."""
        self._is_in_headers = False
        self._stop_waiting()
        size = len(self.url) + sum(len(name) + len(value) for name, value in self.headers)
        if size > self.most_header_bytes:
            self._refusal = 431
            raise _TooLarge
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """The body is here too; what follows belongs to another request."""
        super().on_message_complete()
        self._header_bytes = 0

    def send_400_response(self, msg: str) -> None:
        """Answer what the parser could not read, and hang up."""
        del msg  # names the parser, not the fault
        self._refuse(self._refusal)

    def _expect_headers(self) -> None:
        self._is_in_headers = True
        self._stop_waiting()
        self._deadline = self.loop.call_later(self.longest_headers, self._refuse, 408)

    def _stop_waiting(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _refuse(self, status: int) -> None:
        if self.transport.is_closing():
            return
        self.transport.write(
            f"HTTP/1.1 {status} {_PHRASES[status]}\r\n"
            "Content-Length: 0\r\nConnection: close\r\n\r\n".encode()
        )
        self.transport.close()
