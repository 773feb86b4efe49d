"""The Redis protocol as bytes: requests are read, replies are written, nothing is interpreted.

RESP2 and RESP3 as redis.io/docs/reference/protocol-spec describes them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

CRLF = b"\r\n"

# Reply types of an engine, and how each becomes one of ours; the engine's adapter fills it in.
FOREIGN: dict[type, Callable[[Any], Any]] = {}


class ProtocolError(Exception):
    """The client sent bytes that are not a request; a server answers once and closes."""


@dataclass(frozen=True, slots=True)
class Status:
    """A simple string: ``+OK``."""

    text: bytes


@dataclass(frozen=True, slots=True)
class Failure:
    """An error reply: ``-ERR …`` (the code word included)."""

    text: str


@dataclass(frozen=True, slots=True)
class Push:
    """An out-of-band message: ``>`` in RESP3, a plain array in RESP2."""

    items: list[Any]


@dataclass(frozen=True, slots=True)
class Verbatim:
    """Text for people: ``=`` in RESP3, a bulk string in RESP2."""

    text: bytes


@dataclass(frozen=True, slots=True)
class Unordered:
    """A set: ``~`` in RESP3, an array in RESP2."""

    items: list[Any]


class NullArray:
    """What RESP2 sends as ``*-1`` (a timed-out pop, an aborted EXEC)."""


NULL_ARRAY = NullArray()


class RequestReader:
    """Cuts a byte stream into requests; keeps an unfinished one for the next feed."""

    __slots__ = ("_buffer", "_fields", "_wanted")

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._fields: list[bytes] = []
        self._wanted = 0

    def feed(self, data: bytes) -> Iterator[list[bytes]]:
        """Yield every request that is complete now, each a list of its arguments."""
        buffer = self._buffer
        if not buffer and not self._wanted:
            # Nearly always whole requests arrive at once: cut them out of the bytes as they are.
            done, requests = _whole_requests(data)
            yield from requests
            if done == len(data):
                return
            data = data[done:]
        buffer += data
        position = 0
        try:
            while True:
                if not self._wanted:
                    end = buffer.find(b"\n", position)
                    if end < 0:
                        return
                    line = bytes(buffer[position:end]).rstrip(b"\r")
                    position = end + 1
                    if line[:1] != b"*":
                        inline = line.split()
                        if inline:
                            yield inline
                        continue
                    self._wanted = _count(line, "invalid multibulk length")
                    self._fields = []
                    continue
                end = buffer.find(CRLF, position)
                if end < 0:
                    return
                if buffer[position] != 0x24:  # "$"
                    raise ProtocolError(f"expected '$', got '{chr(buffer[position])}'")
                size = _count(bytes(buffer[position:end]), "invalid bulk length")
                start = end + 2
                if len(buffer) < start + size + 2:
                    return
                self._fields.append(bytes(buffer[start : start + size]))
                position = start + size + 2
                self._wanted -= 1
                if not self._wanted:
                    yield self._fields
        finally:
            del buffer[:position]


def _whole_requests(data: bytes) -> tuple[int, list[list[bytes]]]:
    """The complete, well-formed requests at the start, and how many bytes they are."""
    done, total = 0, len(data)
    requests: list[list[bytes]] = []
    try:
        while done < total and data[done] == 0x2A:  # "*"
            end = data.find(CRLF, done)
            count = int(data[done + 1 : end])
            position = end + 2
            fields = []
            for _ in range(count):
                end = data.find(CRLF, position)
                if end < 0 or data[position] != 0x24:  # "$"
                    return done, requests
                start = end + 2
                stop = start + int(data[position + 1 : end])
                position = stop + 2
                if position > total or stop < start:
                    return done, requests
                fields.append(data[start:stop])
            if fields:
                requests.append(fields)
            done = position
    except ValueError:
        return done, requests  # the patient reader says what is wrong
    return done, requests


def _count(line: bytes, complaint: str) -> int:
    try:
        count = int(line[1:])
    except ValueError:
        raise ProtocolError(complaint) from None
    if count < 0 and line[:1] == b"$":
        raise ProtocolError(complaint)
    return max(count, 0)


def encode(value: Any, protocol: int) -> bytes:
    """One reply as it goes over the wire in RESP ``protocol`` (2 or 3)."""
    kind = type(value)
    if kind is bytes:
        return b"$%d\r\n%b\r\n" % (len(value), value)
    if kind is int:
        return b":%d\r\n" % value
    if kind is Status:
        return b"+%b\r\n" % value.text
    if value is None:
        return b"_\r\n" if protocol == 3 else b"$-1\r\n"
    out: list[bytes] = []
    _append(out, value, protocol)
    return b"".join(out)


def _append(out: list[bytes], value: Any, protocol: int) -> None:
    kind = type(value)
    if kind is bytes:
        out.append(b"$%d\r\n%b\r\n" % (len(value), value))
    elif kind is int:
        out.append(b":%d\r\n" % value)
    elif value is None:
        out.append(b"_\r\n" if protocol == 3 else b"$-1\r\n")
    elif kind is list or kind is tuple:
        _aggregate(out, b"*%d\r\n", value, protocol)
    elif kind is Status:
        out.append(b"+%b\r\n" % value.text)
    elif kind is Failure:
        text = value.text.replace("\r", " ").replace("\n", " ")
        out.append(b"-%b\r\n" % text.encode("utf-8", "surrogateescape"))
    elif kind is str:
        _append(out, value.encode("utf-8", "surrogateescape"), protocol)
    elif kind is dict:
        flat = [part for pair in value.items() for part in pair]
        if protocol == 3:
            out.append(b"%%%d\r\n" % len(value))
            for item in flat:
                _append(out, item, protocol)
        else:
            _aggregate(out, b"*%d\r\n", flat, protocol)
    elif kind is bool:
        out.append((b"#t\r\n" if value else b"#f\r\n") if protocol == 3 else b":%d\r\n" % value)
    elif kind is float:
        text = number(value)
        out.append(b",%b\r\n" % text if protocol == 3 else b"$%d\r\n%b\r\n" % (len(text), text))
    elif kind is Push:
        _aggregate(out, b">%d\r\n" if protocol == 3 else b"*%d\r\n", value.items, protocol)
    elif kind is Unordered:
        _aggregate(out, b"~%d\r\n" if protocol == 3 else b"*%d\r\n", value.items, protocol)
    elif kind is Verbatim:
        if protocol == 3:
            out.append(b"=%d\r\ntxt:%b\r\n" % (len(value.text) + 4, value.text))
        else:
            _append(out, value.text, protocol)
    elif kind is NullArray:
        out.append(b"_\r\n" if protocol == 3 else b"*-1\r\n")
    else:
        translate = FOREIGN.get(kind)
        if translate is None:
            raise TypeError(f"a reply cannot hold {kind.__name__}")
        _append(out, translate(value), protocol)


def _aggregate(
    out: list[bytes], head: bytes, items: list[Any] | tuple[Any, ...], protocol: int
) -> None:
    out.append(head % len(items))
    for item in items:
        _append(out, item, protocol)


def number(value: float) -> bytes:
    """A double as Redis 7.0 prints it: 17 significant digits, ``inf`` and ``-inf`` by name."""
    return f"{value:.17g}".encode()
