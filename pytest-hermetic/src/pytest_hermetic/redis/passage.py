"""What passes between a client and a real server: requests one way, replies the other.

While a fault strikes, replies are counted, so that ours come in the place of the server's.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NoReturn

from pytest_hermetic.redis.raw import pack
from pytest_hermetic.redis.resp import Failure, RequestReader, encode

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_hermetic.faults.fault import Stroke
    from pytest_hermetic.redis.strokes import Strokes

_NO_COMMAND = b"HERMETIC-FAULT"  # spoils a transaction that is being queued


@dataclass(frozen=True, slots=True)
class _Turn:
    """What comes next to the client: a reply of the server, or something in its place."""

    kind: Literal["pass", "insert", "replace", "cut", "silence", "end"]
    data: bytes = b""
    keep: int = 0


class Passage:
    """Lets whole requests through, each shown to ``pass_on`` first, which may change it."""

    def __init__(
        self, pass_on: Callable[[list[bytes]], list[bytes]], strokes: Strokes | None = None
    ) -> None:
        self._pass_on = pass_on
        self._strokes = strokes
        self._requests = RequestReader()
        self._unanswered = 0
        self._queuing = False
        self._lost = False
        self._turns: deque[_Turn] = deque()
        self._received = bytearray()
        self.silent = False
        """Whether nothing more reaches the client."""
        self.ended = False
        """Whether the connection is over for the client."""

    @property
    def struck(self) -> bool:
        """Whether replies must be looked at: `received` is to be asked."""
        return bool(self._turns) or self.silent or self.ended

    def through(self, data: bytes, patience: float | None = None) -> bytes:
        """What to send now that ``data`` has come from a client that waits ``patience`` seconds."""
        return b"".join(
            self._sent(fields, patience) for fields in self._requests.feed(data) if not self._lost
        )

    def answered(self) -> None:
        """The client has read: what it sends now is a new batch."""
        self._unanswered = 0

    def received(self, data: bytes) -> bytes:
        """What the client gets to read now that the server has sent ``data``."""
        self._received += data
        out = bytearray()
        while self._turns and not (self.silent or self.ended):
            turn = self._turns[0]
            if turn.kind in ("pass", "replace", "cut"):
                size = end_of_reply(self._received)
                if size is None:
                    break
                reply = bytes(self._received[:size])
                del self._received[:size]
                if reply[:1] == b">":  # a message that answers nothing
                    out += reply
                    continue
            self._turns.popleft()
            match turn.kind:
                case "pass":
                    out += reply
                case "insert" | "replace":
                    out += turn.data
                case "cut":
                    out += reply[: turn.keep]
                    self.ended = True
                case "silence":
                    self.silent = True
                case "end":
                    self.ended = True
        if not self.struck:
            out += self._received
            self._received.clear()
        return bytes(out)

    def give_up(self, patience: float | None) -> NoReturn:
        """See `Strokes`; only a connection that has some can fall silent."""
        assert self._strokes is not None  # noqa: S101  # narrows the type
        self._strokes.give_up(patience)

    def _sent(self, fields: list[bytes], patience: float | None) -> bytes:
        stroke = self._stroke_of(fields, patience)
        passing = self._pass_on(fields)
        name = fields[0].upper()
        if name == b"MULTI":
            self._queuing = True
        elif name in (b"EXEC", b"DISCARD", b"RESET"):
            self._queuing = False
        if stroke is None:
            if self._turns:
                self._turns.append(_Turn("pass"))
            else:
                self._unanswered += 1
            return pack(*passing)
        return self._struck_by(stroke, passing)

    def _stroke_of(self, fields: list[bytes], patience: float | None) -> Stroke | None:
        """What befalls the request; a delay the client is patient enough for passes at once."""
        strokes = self._strokes
        if strokes is None or not strokes.active:
            return None
        stroke = strokes.of(fields)
        if stroke is None or stroke.action != "delay":
            return stroke
        if patience is not None and stroke.seconds >= patience:
            return stroke
        strokes.spend(stroke.seconds)
        return None

    def _struck_by(self, stroke: Stroke, fields: list[bytes]) -> bytes:
        if not self._turns:
            self._turns.extend([_Turn("pass")] * self._unanswered)
        if stroke.action == "answer":
            answer = encode(Failure(stroke.text), 2)
            if self._queuing:
                self._turns.append(_Turn("replace", answer))
                return pack(_NO_COMMAND)
            self._turns.append(_Turn("insert", answer))
            return b""
        self._lost = stroke.lost == "request"
        if stroke.action == "cut":
            self._turns.append(_Turn("end") if self._lost else _Turn("cut", keep=stroke.keep))
        else:
            self._turns.append(_Turn("silence"))
        return b"" if self._lost else pack(*fields)


def end_of_reply(data: bytes | bytearray, start: int = 0) -> int | None:
    """Where the reply at ``start`` ends, or None when it is not complete yet."""
    end = data.find(b"\r\n", start)
    if end < 0:
        return None
    mark, rest, after = data[start : start + 1], data[start + 1 : end], end + 2
    if mark in b"$=!":
        size = int(rest)
        stop = after if size < 0 else after + size + 2
        return stop if stop <= len(data) else None
    if mark in b"*~>%|":
        count = max(int(rest), 0) * (2 if mark in b"%|" else 1)
        if mark == b"|":
            count += 1  # what the attributes are about
        position: int | None = after
        for _ in range(count):
            position = end_of_reply(data, position)  # type: ignore[arg-type]  # checked below
            if position is None:
                return None
        return position
    return after
