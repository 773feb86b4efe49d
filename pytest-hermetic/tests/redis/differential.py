"""Replays the same commands on the in-memory server and on a real one, and compares the replies."""

from __future__ import annotations

import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pytest_hermetic.redis.endpoints import Endpoint
from pytest_hermetic.redis.memory import MemoryBackend
from pytest_hermetic.redis.raw import RawClient, Reply
from pytest_hermetic.redis.spawned import ServerBackend

CASES = Path(__file__).parent / "cases"
PLACE = Endpoint("differential", 1)

# Commands whose elements come in no promised order.
UNORDERED = frozenset(
    b"SMEMBERS SINTER SUNION SDIFF KEYS SSCAN SCAN HSCAN PUBSUB UNSUBSCRIBE PUNSUBSCRIBE "
    b"CONFIG".split()
)
# Commands whose reply holds a moment; numbers may differ by what a replay takes.
TIMED = frozenset(b"PTTL PEXPIRETIME XPENDING XINFO XCLAIM XAUTOCLAIM OBJECT".split())


@dataclass(frozen=True)
class Case:
    """One line of a case file."""

    topic: str
    number: int
    text: str

    @property
    def commands(self) -> list[list[bytes]]:
        return [split(part) for part in self.text.split(" ; ")]


@dataclass(frozen=True)
class Mismatch:
    case: Case
    command: bytes
    memory: Any
    real: Any

    @property
    def kind(self) -> str:
        both = [side for side in (self.memory, self.real) if _is_error(side)]
        if len(both) == 2:
            return "text"
        return "value"

    def __str__(self) -> str:
        name = f"{self.case.topic}:{self.case.number}"
        return (
            f"{name} {self.kind} {self.command!r}\n    memory {self.memory!r}\n"
            f"    real   {self.real!r}"
        )


_WORD = re.compile(r"""'([^']*)'|"((?:[^"\\]|\\.)*)"|(\S+)""")
_ESCAPE = re.compile(r"\\(?:x([0-9a-f]{2})|(.))")
_LETTERS = {"n": "\n", "r": "\r", "t": "\t"}


def split(text: str) -> list[bytes]:
    """The words of a command; in double quotes, a backslash escapes as in redis-cli."""

    def unescape(match: re.Match[str]) -> str:
        return chr(int(match[1], 16)) if match[1] else _LETTERS.get(match[2], match[2])

    words = []
    for raw, escaped, bare in _WORD.findall(text):
        word = raw or bare or _ESCAPE.sub(unescape, escaped)
        words.append(word.encode("latin-1"))
    return words


def cases(topic: str) -> list[Case]:
    """The cases of one file."""
    lines = (CASES / f"{topic}.txt").read_text().splitlines()
    return [
        Case(topic, number, line)
        for number, line in enumerate(lines, 1)
        if line and not line.startswith("#")
    ]


def topics() -> list[str]:
    return sorted(path.stem for path in CASES.glob("*.txt"))


def have_server() -> bool:
    return shutil.which("redis-server") is not None


def real_version() -> str:
    out = subprocess.run(["redis-server", "--version"], capture_output=True, text=True, check=True)
    return re.search(r"v=(\S+)", out.stdout)[1]


@contextmanager
def both(protocol: int) -> Iterator[tuple[Side, Side]]:
    """The in-memory server and a spawned one."""
    memory = MemoryBackend((7, 0, 15), lambda *_: None)
    server = ServerBackend(None, lambda *_: None)
    sides = Side(memory, protocol), Side(server, protocol)
    try:
        yield sides
    finally:
        for side in sides:
            side.client.close()
        memory.close()
        server.close()


class Side:
    """One of the two servers."""

    def __init__(self, backend: Any, protocol: int) -> None:
        self._backend = backend
        self._protocol = protocol
        self.client = self._open()

    def _open(self) -> RawClient:
        sock = self._backend.link(PLACE).unseen()
        sock.settimeout(10)
        client = RawClient(sock)
        client.call("HELLO", self._protocol)
        return client

    def fresh(self) -> None:
        """An empty server and a connection without state."""
        try:
            self.client.close()
        finally:
            self._backend.reset()
            self.client = self._open()

    def run(self, command: list[bytes]) -> Any:
        """Every reply the command gives (a subscription gives several)."""
        self.client._sock.sendall(_packed(command))
        first = self.client.read()
        replies = [first]
        if command[0].upper().endswith(b"SUBSCRIBE") and not _is_error(first):
            for _ in range(max(len(command) - 2, 0)):
                replies.append(self.client.read())
            if len(command) == 1 and _items(first)[2] not in (0, None):
                while _items(replies[-1])[2] != 0:
                    replies.append(self.client.read())
        return replies[0] if len(replies) == 1 else replies


def _packed(command: list[bytes]) -> bytes:
    from pytest_hermetic.redis.raw import pack

    return pack(*command)


def _items(reply: Any) -> list[Any]:
    return reply.value if isinstance(reply, Reply) else reply


def replay(case: Case, memory: Side, real: Side) -> list[Mismatch]:
    """The differences in one case; at most one, for what follows a difference says little."""
    memory.fresh()
    real.fresh()
    for command in case.commands:
        if command[0] == b"SLEEP":
            time.sleep(int(command[1]) / 1000)
            continue
        ours, theirs = memory.run(command), real.run(command)
        if not same(command[0].upper(), ours, theirs):
            return [Mismatch(case, b" ".join(command), ours, theirs)]
        if command[0].upper() == b"QUIT":
            return []
    return []


def same(name: bytes, ours: Any, theirs: Any) -> bool:
    """Whether two replies are equal as a client may rely on them."""
    return _normal(name, ours) == _normal(name, theirs) or (name in TIMED and _close(ours, theirs))


def _normal(name: bytes, reply: Any) -> Any:
    if isinstance(reply, list):
        items = [_normal(name, item) for item in reply]
        return sorted(items, key=repr) if name in UNORDERED else items
    if isinstance(reply, Reply):
        if reply.mark == "~":
            return ("~", sorted((_normal(name, item) for item in reply.value), key=repr))
        if reply.mark == "%":
            pairs = [(_normal(name, k), _normal(name, v)) for k, v in reply.value]
            return ("%", sorted(pairs, key=repr) if name in UNORDERED else pairs)
        if isinstance(reply.value, list):
            return (reply.mark, [_normal(name, item) for item in reply.value])
        return (reply.mark, reply.value)
    return reply


def _close(ours: Any, theirs: Any) -> bool:
    if isinstance(ours, Reply) and isinstance(theirs, Reply) and ours.mark == theirs.mark:
        ours, theirs = ours.value, theirs.value
    if isinstance(ours, (list, tuple)) and isinstance(theirs, (list, tuple)):
        return len(ours) == len(theirs) and all(map(_close, ours, theirs))
    if type(ours) is int and type(theirs) is int:
        return abs(ours - theirs) <= 60
    return ours == theirs


def _is_error(reply: Any) -> bool:
    return isinstance(reply, Reply) and reply.mark == "-"
