"""Lists: moves and blocking moves, positions, multi-pops."""

from __future__ import annotations

from functools import partial
from typing import Any

from pytest_hermetic.redis.engine.adapter import (
    CommandItem,
    Float,
    Int,
    Key,
    SimpleError,
    casematch,
)
from pytest_hermetic.redis.engine.overlay import Overlay, answers
from pytest_hermetic.redis.resp import NULL_ARRAY

_WRONGTYPE = "WRONGTYPE Operation against a key holding the wrong kind of value"
_POSITIVE = "ERR value is out of range, must be positive"


def seconds(text: bytes) -> float:
    """The timeout of a blocking command, in seconds."""
    try:
        value = Float.decode(text)
    except SimpleError:
        raise SimpleError("ERR timeout is not a float or out of range") from None
    if value < 0:
        raise SimpleError("ERR timeout is negative")
    return value


def at_least_one(text: bytes, complaint: str) -> int:
    """A count that must be a number above zero."""
    value = Int.decode(text, complaint)
    if value < 1:
        raise SimpleError(complaint)
    return value


def _end(text: bytes) -> int:
    """Where an element is taken or put: 0 for LEFT, -1 for RIGHT."""
    if casematch(text, b"left"):
        return 0
    if casematch(text, b"right"):
        return -1
    raise SimpleError("ERR syntax error")


class ListCommands(Overlay):
    """LPOP, RPOP, LMOVE, RPOPLPUSH, LMPOP, LPOS and the blocking ones."""

    def _list(self, name: bytes) -> CommandItem:
        item = CommandItem(name, self._db, item=self._db.get(name), default=[])
        if not isinstance(item.value, list):
            raise SimpleError(_WRONGTYPE)
        return item

    def _pop(self, key: CommandItem, counts: tuple[bytes, ...], end: int, name: str) -> Any:
        if len(counts) > 1:
            raise SimpleError(f"ERR wrong number of arguments for '{name}' command")
        count = Int.decode(counts[0], _POSITIVE) if counts else 1
        if count < 0:
            raise SimpleError(_POSITIVE)
        if key.value is not None and not isinstance(key.value, list):
            raise SimpleError(_WRONGTYPE)
        if key.value is None:
            return NULL_ARRAY if counts else None
        taken = _taken(key.value, end, count)
        if taken:
            key.updated()
        return taken if counts else taken[0]

    @answers("lpop", Key(), more=(bytes,))
    def do_lpop(self, key: CommandItem, *counts: bytes) -> Any:
        return self._pop(key, counts, 0, "lpop")

    @answers("rpop", Key(), more=(bytes,))
    def do_rpop(self, key: CommandItem, *counts: bytes) -> Any:
        return self._pop(key, counts, -1, "rpop")

    def _move(self, source: bytes, target: bytes, take: int, put: int, first: bool) -> bytes | None:
        try:
            origin = self._list(source)
        except SimpleError:
            if first:
                raise
            return None  # while blocked, a key of another type is as good as none
        if not origin.value:
            return None
        goal = origin if source == target else self._list(target)
        element: bytes = origin.value.pop(take)
        goal.value.insert(0 if put == 0 else len(goal.value), element)
        for item in {id(origin): origin, id(goal): goal}.values():
            item.updated()
            item.writeback()
        return element

    @answers("lmove", bytes, bytes, bytes, bytes)
    def do_lmove(self, source: bytes, target: bytes, take: bytes, put: bytes) -> bytes | None:
        return self._move(source, target, _end(take), _end(put), first=True)

    @answers("rpoplpush", bytes, bytes)
    def do_rpoplpush(self, source: bytes, target: bytes) -> bytes | None:
        return self._move(source, target, -1, 0, first=True)

    @answers("blmove", bytes, bytes, bytes, bytes, bytes)
    def do_blmove(
        self, source: bytes, target: bytes, take: bytes, put: bytes, timeout: bytes
    ) -> Any:
        move = partial(self._move, source, target, _end(take), _end(put))
        return self._blocking(seconds(timeout), move, _or_null_array(self))

    @answers("brpoplpush", bytes, bytes, bytes)
    def do_brpoplpush(self, source: bytes, target: bytes, timeout: bytes) -> Any:
        move = partial(self._move, source, target, -1, 0)
        return self._blocking(seconds(timeout), move, _or_null_array(self))

    def _first_filled(
        self, names: tuple[bytes, ...], end: int, count: int | None, first: bool
    ) -> Any:
        for name in names:
            try:
                item = self._list(name)
            except SimpleError:
                if first:
                    raise
                continue
            if item.value:
                taken = _taken(item.value, end, 1 if count is None else count)
                item.updated()
                item.writeback()
                return [name, taken[0] if count is None else taken]
        return None

    @answers("blpop", bytes, bytes, more=(bytes,))
    def do_blpop(self, *arguments: bytes) -> Any:
        *names, timeout = arguments
        return self._blocking(seconds(timeout), partial(self._first_filled, tuple(names), 0, None))

    @answers("brpop", bytes, bytes, more=(bytes,))
    def do_brpop(self, *arguments: bytes) -> Any:
        *names, timeout = arguments
        return self._blocking(seconds(timeout), partial(self._first_filled, tuple(names), -1, None))

    @answers("lmpop", bytes, bytes, bytes, more=(bytes,))
    def do_lmpop(self, *arguments: bytes) -> Any:
        names, where, count = multi_pop(arguments, (b"left", b"right"))
        return self._first_filled(names, 0 if where == b"left" else -1, count, first=True)

    @answers("blmpop", bytes, bytes, bytes, bytes, more=(bytes,))
    def do_blmpop(self, timeout: bytes, *arguments: bytes) -> Any:
        wait = seconds(timeout)
        names, where, count = multi_pop(arguments, (b"left", b"right"))
        end = 0 if where == b"left" else -1
        return self._blocking(wait, partial(self._first_filled, names, end, count))

    @answers("lindex", Key(list, None), bytes)
    def do_lindex(self, key: CommandItem, index: bytes) -> bytes | None:
        place = Int.decode(index)
        held: list[bytes] = key.value
        return held[place] if -len(held) <= place < len(held) else None

    @answers("lpos", Key(list), bytes, more=(bytes,))
    def do_lpos(self, key: CommandItem, wanted: bytes, *options: bytes) -> Any:
        rank, count, limit = 1, None, 0
        rest = list(options)
        while rest:
            option = rest.pop(0)
            if not rest:
                raise SimpleError("ERR syntax error")
            if casematch(option, b"rank"):
                rank = Int.decode(rest.pop(0))
                if rank == 0:
                    raise SimpleError(
                        "ERR RANK can't be zero: use 1 to start from the first match, 2 from the "
                        "second ... or use negative to start from the end of the list"
                    )
            elif casematch(option, b"count"):
                count = _not_negative(rest.pop(0), "ERR COUNT can't be negative")
            elif casematch(option, b"maxlen"):
                limit = _not_negative(rest.pop(0), "ERR MAXLEN can't be negative")
            else:
                raise SimpleError("ERR syntax error")
        positions = list(range(len(key.value)))
        if rank < 0:
            positions.reverse()
        if limit:
            positions = positions[:limit]
        found = [place for place in positions if key.value[place] == wanted][abs(rank) - 1 :]
        if count is None:
            return found[0] if found else None
        return found[:count] if count else found


def _taken(values: list[bytes], end: int, count: int) -> list[bytes]:
    if end == 0:
        taken, values[:] = values[:count], values[count:]
    else:
        taken = values[::-1][:count]
        del values[max(len(values) - count, 0) :]
    return taken


def _not_negative(text: bytes, complaint: str) -> int:
    value = Int.decode(text, complaint)
    if value < 0:
        raise SimpleError(complaint)
    return value


def _or_null_array(session: Any) -> Any:
    def shape(found: Any) -> Any:
        return NULL_ARRAY if found is None and not session._in_transaction else found

    return shape


def multi_pop(
    arguments: tuple[bytes, ...], ends: tuple[bytes, bytes]
) -> tuple[tuple[bytes, ...], bytes, int]:
    """``numkeys key … where [COUNT n]``: the keys, the end, the count."""
    number = at_least_one(arguments[0], "ERR numkeys should be greater than 0")
    names, rest = arguments[1 : 1 + number], list(arguments[1 + number :])
    if len(names) < number or not rest or rest[0].lower() not in ends:
        raise SimpleError("ERR syntax error")
    where, count = rest.pop(0).lower(), 1
    if rest:
        if len(rest) != 2 or not casematch(rest[0], b"count"):
            raise SimpleError("ERR syntax error")
        count = at_least_one(rest[1], "ERR count should be greater than 0")
    return names, where, count
