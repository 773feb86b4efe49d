"""Replies on their way into a script, and a script's result on its way out.

redis.io/docs/develop/interact/programmability/lua-api, "Data type conversion".
"""

from __future__ import annotations

from typing import Any

from pytest_hermetic.redis.engine.adapter import SimpleError, SimpleString
from pytest_hermetic.redis.resp import (
    Failure,
    NullArray,
    Push,
    Status,
    Unordered,
    Verbatim,
    number,
)

_MAX = 2**63 - 1
_MIN = -(2**63)
_DEEPEST = 150  # Python's own stack is the limit here; Redis allows some thousands


class TooDeep(Exception):
    """A script returned a table that contains itself, or as good as."""


def argument(value: Any) -> bytes | None:
    """An argument of ``redis.call`` as bytes, or None when it may not be one."""
    if type(value) is bytes:
        return value
    if type(value) in (int, float):
        return f"{float(value):.17g}".encode()
    return None


def to_lua(runtime: Any, reply: Any, protocol: int) -> Any:
    """A reply as the script sees it, in the protocol it chose with ``redis.setresp``."""

    def table(fields: dict[bytes, Any]) -> Any:
        return runtime.table_from(fields)

    def convert(value: Any) -> Any:
        kind = type(value)
        if kind is bytes or kind is int:
            return value
        if value is None or kind is NullArray:
            return None if protocol == 3 else False
        if kind is list or kind is tuple:
            return runtime.table_from([convert(item) for item in value])
        if kind is Push:
            return convert(value.items)
        if kind is Status or kind is SimpleString:
            return table({b"ok": value.text if kind is Status else value.value})
        if kind is Failure or kind is SimpleError:
            text = value.text if kind is Failure else value.value
            return table({b"err": text.encode("utf-8", "surrogateescape")})
        if kind is str:
            return value.encode("utf-8", "surrogateescape")
        if kind is float:
            return table({b"double": value}) if protocol == 3 else number(value)
        if kind is bool:
            return value if protocol == 3 else int(value)
        if kind is dict:
            if protocol == 3:
                pairs = {convert(key): convert(held) for key, held in value.items()}
                return table({b"map": runtime.table_from(pairs)})
            return convert([part for pair in value.items() for part in pair])
        if kind is Unordered:
            if protocol == 3:
                return table({b"set": runtime.table_from(dict.fromkeys(value.items, True))})
            return convert(value.items)
        if kind is Verbatim:
            if protocol == 3:
                inner = table({b"format": b"txt", b"string": value.text})
                return table({b"verbatim_string": inner})
            return value.text
        raise TypeError(f"a script cannot be given {kind.__name__}")

    return convert(reply)


def from_lua(value: Any, is_table: Any, protocol: int, depth: int = 0) -> Any:
    """What a script returned, as the reply to its caller; ``protocol`` is the script's own."""
    if type(value) is bytes or value is None:
        return value
    if type(value) is bool:
        if protocol == 3:
            return value
        return 1 if value else None
    if type(value) in (int, float):
        return truncated(value)
    if not is_table(value):
        return None
    if depth > _DEEPEST:
        raise TooDeep
    return _table(value, is_table, protocol, depth)


def _table(value: Any, is_table: Any, protocol: int, depth: int) -> Any:
    def inner(item: Any) -> Any:
        return from_lua(item, is_table, protocol, depth + 1)

    error = value[b"err"]
    if type(error) is bytes:
        return Failure(error.decode("utf-8", "surrogateescape"))
    status = value[b"ok"]
    if type(status) is bytes:
        return Status(status.replace(b"\r", b" ").replace(b"\n", b" "))
    double = value[b"double"]
    if type(double) in (int, float):
        return float(double)
    mapping = value[b"map"]
    if is_table(mapping):
        return {_key(inner(key)): inner(held) for key, held in mapping.items()}
    members = value[b"set"]
    if is_table(members):
        return Unordered([inner(key) for key in members])
    verbatim = value[b"verbatim_string"]
    if is_table(verbatim) and type(verbatim[b"string"]) is bytes:
        return Verbatim(verbatim[b"string"])
    big = value[b"big_number"]
    if type(big) is bytes:
        return big
    items = []
    position = 1
    while (item := value[position]) is not None:
        items.append(inner(item))
        position += 1
    return items


def _key(reply: Any) -> Any:
    return tuple(reply) if isinstance(reply, list) else reply


def truncated(value: float) -> int:
    """A Lua number as Redis casts it to an integer."""
    if value != value or value in (float("inf"), float("-inf")) or not _MIN <= value <= _MAX:
        return _MIN
    return int(value)
