"""A small client of our own, beneath redis-py: looks into a server without being seen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


class ReplyError(Exception):
    """The server answered with an error; the text is its message."""


@dataclass(frozen=True, slots=True)
class Reply:
    """A reply of a kind that Python has no type for: ``mark`` is its first byte on the wire."""

    mark: str
    value: Any


def pack(*arguments: bytes | str | int | float) -> bytes:
    """One request."""
    out = [b"*%d\r\n" % len(arguments)]
    for argument in arguments:
        data = argument if isinstance(argument, bytes) else str(argument).encode()
        out.append(b"$%d\r\n%b\r\n" % (len(data), data))
    return b"".join(out)


class RawClient:
    """Requests and replies over anything with ``sendall`` and ``recv``."""

    def __init__(self, sock: Any) -> None:
        self._sock = sock
        self._buffer = bytearray()

    def call(self, *arguments: bytes | str | int | float) -> Any:
        """Send a command; return its reply, or raise ReplyError."""
        self._sock.sendall(pack(*arguments))
        reply = self.read()
        if isinstance(reply, Reply) and reply.mark == "-":
            raise ReplyError(reply.value)
        return plain(reply)

    def read(self) -> Any:
        """The next reply as it was sent: kinds that Python would merge stay apart."""
        line = self._line()
        mark, rest = chr(line[0]), line[1:]
        match mark:
            case "$":
                return None if rest == b"-1" else self._exactly(int(rest))
            case ":":
                return int(rest)
            case "*" | "~" | ">":
                if rest == b"-1":
                    return Reply("*", None)
                items = [self.read() for _ in range(int(rest))]
                return items if mark == "*" else Reply(mark, items)
            case "%":
                return Reply("%", [(self.read(), self.read()) for _ in range(int(rest))])
            case "_":
                return None
            case "=":
                return Reply("=", self._exactly(int(rest)))
            case "-" | "+":
                return Reply(mark, rest.decode("utf-8", "surrogateescape"))
            case _:  # "," "#" "(" carry their value in the line
                return Reply(mark, rest)

    def close(self) -> None:
        """Leave the server."""
        self._sock.close()

    def _line(self) -> bytes:
        while True:
            end = self._buffer.find(b"\r\n")
            if end >= 0:
                line = bytes(self._buffer[:end])
                del self._buffer[: end + 2]
                return line
            self._fill()

    def _exactly(self, size: int) -> bytes:
        while len(self._buffer) < size + 2:
            self._fill()
        data = bytes(self._buffer[:size])
        del self._buffer[: size + 2]
        return data

    def _fill(self) -> None:
        data = self._sock.recv(65536)
        if not data:
            raise ConnectionError("the Redis server closed the connection")
        self._buffer += data


def plain(reply: Any) -> Any:
    """A reply in Python's own types."""
    if isinstance(reply, list):
        return [plain(item) for item in reply]
    if not isinstance(reply, Reply):
        return reply
    match reply.mark:
        case "*":
            return None
        case "~" | ">":
            return [plain(item) for item in reply.value]
        case "%":
            return {plain(key): plain(value) for key, value in reply.value}
        case ",":
            return float(reply.value)
        case "=":
            return reply.value[4:]
        case _:
            return reply.value
