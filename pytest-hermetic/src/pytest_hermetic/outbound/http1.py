"""The server's side of HTTP/1.1 (RFC 9112) on a connection that never leaves the process."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus
from urllib.parse import urlsplit

from pytest_hermetic.outbound.exchange import RawHeaders, Request
from pytest_hermetic.outbound.origins import Origin, of_text

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


class RequestReader:
    """Turns the bytes a client writes into requests, whole ones only."""

    def __init__(self, origin: Origin, interim: Callable[[bytes], None]) -> None:
        """`interim` is given what must be sent before the body arrives."""
        self._origin = origin
        self._interim = interim
        self._buffer = bytearray()
        self._head: tuple[str, bytes, RawHeaders] | None = None

    def feed(self, data: bytes) -> list[Request]:
        """The requests completed by `data`. Raises ValueError for what is not HTTP/1.1."""
        self._buffer += data
        done: list[Request] = []
        while (request := self._next()) is not None:
            done.append(request)
        return done

    def _next(self) -> Request | None:
        if self._head is None:
            end = self._buffer.find(b"\r\n\r\n")
            if end < 0:
                return None
            self._head = _parsed(bytes(self._buffer[:end]))
            del self._buffer[: end + 4]
            if _value(self._head[2], b"expect").lower() == b"100-continue":
                self._interim(CONTINUE)
        method, target, headers = self._head
        content = self._body(headers)
        if content is None:
            return None
        self._head = None
        return Request(method, *_split(target, self._origin), headers, content)

    def _body(self, headers: RawHeaders) -> bytes | None:
        if b"chunked" in _value(headers, b"transfer-encoding").lower():
            return self._chunked()
        length = int(_value(headers, b"content-length") or 0)
        if len(self._buffer) < length:
            return None
        content = bytes(self._buffer[:length])
        del self._buffer[:length]
        return content

    def _chunked(self) -> bytes | None:
        content, at = bytearray(), 0
        while True:
            end = self._buffer.find(b"\r\n", at)
            if end < 0:
                return None
            size = int(bytes(self._buffer[at:end]).partition(b";")[0], 16)
            at = end + 2
            if len(self._buffer) < at + size + 2:
                return None
            content += self._buffer[at : at + size]
            at += size + 2
            if size == 0:
                # No client of ours sends trailers.
                del self._buffer[:at]
                return bytes(content)


class ReplyWriter:
    """Frames one answer: by its length where the application gave one, else in chunks."""

    def __init__(self, method: str, status: int, headers: RawHeaders) -> None:
        self._has_body = method != "HEAD" and status >= 200 and status not in (204, 304)
        names = {name.lower() for name, _ in headers}
        self._is_chunked = self._has_body and b"content-length" not in names
        lines = [f"HTTP/1.1 {status} {_phrase(status)}".encode("latin-1")]
        lines += [
            name + b": " + value for name, value in headers if name.lower() != b"transfer-encoding"
        ]
        if self._is_chunked:
            lines.append(b"transfer-encoding: chunked")
        self.head = b"\r\n".join(lines) + b"\r\n\r\n"
        self.end = b"0\r\n\r\n" if self._is_chunked else b""

    def chunk(self, data: bytes) -> bytes:
        """`data` as it goes over the wire; nothing where the answer has no body."""
        if not self._has_body or not data:
            return b""
        return b"%x\r\n%s\r\n" % (len(data), data) if self._is_chunked else data


def _parsed(head: bytes) -> tuple[str, bytes, RawHeaders]:
    first, *lines = head.split(b"\r\n")
    method, target, version = first.split(b" ")
    if version not in (b"HTTP/1.1", b"HTTP/1.0"):
        raise ValueError(f"not a request of HTTP/1.1: {first!r}")
    headers = []
    for line in lines:
        name, _, value = line.partition(b":")
        headers.append((name, value.strip()))
    return method.decode("ascii"), target, headers


def _split(target: bytes, origin: Origin) -> tuple[Origin, bytes]:
    if target.startswith((b"http://", b"https://")):
        # What goes through a proxy names its origin itself (RFC 9112 §3.2.2).
        parts = urlsplit(target.decode("latin-1"))
        path = parts.path or "/"
        shown = f"{path}?{parts.query}" if parts.query else path
        return of_text(f"{parts.scheme}://{parts.netloc}"), shown.encode("latin-1")
    return origin, target


def _value(headers: RawHeaders, wanted: bytes) -> bytes:
    return next((value for name, value in headers if name.lower() == wanted), b"")


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Unknown"
