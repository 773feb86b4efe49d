"""Commands about keys whatever they hold: OBJECT, TOUCH, MEMORY USAGE."""

from __future__ import annotations

from typing import Any

from pytest_hermetic.redis.engine.adapter import (
    CommandItem,
    ExpiringMembersSet,
    Hash,
    Key,
    SimpleError,
    XStream,
    ZSet,
)
from pytest_hermetic.redis.engine.overlay import Overlay, answers

_EMBEDDED = 44  # longest string Redis stores inside its object
_INTSET, _HASH_PACKED, _ZSET_PACKED, _PACKED_VALUE = 512, 512, 128, 64


def encoding(value: Any) -> bytes:
    """The encoding Redis 7.0 would have chosen for a value written at once."""
    if isinstance(value, bytes):
        if len(value) <= 20 and _is_integer(value):
            return b"int"
        return b"embstr" if len(value) <= _EMBEDDED else b"raw"
    if isinstance(value, list):
        return b"quicklist"
    if isinstance(value, ExpiringMembersSet):
        members = list(value)
        packed = len(members) <= _INTSET and all(_is_integer(member) for member in members)
        return b"intset" if packed else b"hashtable"
    if isinstance(value, ZSet):
        packed = len(value) <= _ZSET_PACKED and all(
            len(member) <= _PACKED_VALUE for member in value
        )
        return b"listpack" if packed else b"skiplist"
    if isinstance(value, Hash):
        pairs = list(value.items())
        packed = len(pairs) <= _HASH_PACKED and all(
            len(field) <= _PACKED_VALUE and len(held) <= _PACKED_VALUE for field, held in pairs
        )
        return b"listpack" if packed else b"hashtable"
    if isinstance(value, XStream):
        return b"stream"
    return b"raw"


def _is_integer(text: bytes) -> bool:
    try:
        number = int(text)
    except ValueError:
        return False
    return str(number).encode() == text and -(2**63) <= number < 2**63


class KeyCommands(Overlay):
    """OBJECT, TOUCH and MEMORY USAGE."""

    @answers("touch", Key(), more=(Key(),))
    def do_touch(self, *keys: CommandItem) -> int:
        return sum(bool(key) for key in keys)

    @answers("object encoding", Key())
    def do_object_encoding(self, key: CommandItem) -> bytes | None:
        return encoding(key.value) if key else None

    @answers("object refcount", Key())
    def do_object_refcount(self, key: CommandItem) -> int | None:
        if not key:
            return None
        small = isinstance(key.value, bytes) and _is_integer(key.value)
        return 2147483647 if small and 0 <= int(key.value) < 10000 else 1

    @answers("object idletime", Key())
    def do_object_idletime(self, key: CommandItem) -> int | None:
        return 0 if key else None

    @answers("object freq", Key())
    def do_object_freq(self, key: CommandItem) -> None:
        if not key:
            return
        raise SimpleError(
            "ERR An LFU maxmemory policy is not selected, access frequency not tracked. Please "
            "note that when switching between policies at runtime LRU and LFU data will take some "
            "time to adjust."
        )

    @answers("memory usage", Key(), more=(bytes,))
    def do_memory_usage(self, key: CommandItem, *_: bytes) -> int | None:
        """A plausible size in bytes: contents and a fixed overhead for the key and each element."""
        if not key:
            return None
        return 48 + len(key.key) + _size(key.value)


def _size(value: Any) -> int:
    if isinstance(value, bytes):
        return len(value)
    if isinstance(value, Hash):
        return sum(16 + len(field) + len(held) for field, held in value.items())
    if isinstance(value, (list, ExpiringMembersSet, ZSet)):
        return sum(16 + len(element) for element in value)
    return 1024
