"""Sorted sets: pops that may block, random members, ranges by what is refused."""

from __future__ import annotations

from functools import partial
from typing import Any

from pytest_hermetic.redis.engine.adapter import (
    CommandItem,
    Int,
    Key,
    ScoreTest,
    SimpleError,
    StringTest,
    ZSet,
    casematch,
)
from pytest_hermetic.redis.engine.overlay import Overlay, answers
from pytest_hermetic.redis.engine.overlay.lists import multi_pop, seconds
from pytest_hermetic.redis.engine.overlay.members import random_reply

_POSITIVE = "ERR value is out of range, must be positive"


class SortedSetCommands(Overlay):
    """ZPOPMIN and its kin, ZRANDMEMBER, ZRANGE's checks, ZINTERCARD."""

    def _sorted_set(self, name: bytes) -> CommandItem:
        item = CommandItem(name, self._db, item=self._db.get(name), default=ZSet())
        if not isinstance(item.value, ZSet):
            raise SimpleError("WRONGTYPE Operation against a key holding the wrong kind of value")
        return item

    def _ends(self, names: tuple[bytes, ...], highest: bool, count: int | None, first: bool) -> Any:
        for name in names:
            try:
                item = self._sorted_set(name)
            except SimpleError:
                if first:
                    raise
                continue
            if item.value:
                pairs = _popped(item, highest, 1 if count is None else count)
                item.writeback()
                return [name, *pairs[0]] if count is None else [name, pairs]
        return None

    def _pop_scored(
        self, key: CommandItem, counts: tuple[bytes, ...], highest: bool, name: str
    ) -> Any:
        if len(counts) > 1:
            raise SimpleError(f"ERR wrong number of arguments for '{name}' command")
        count = Int.decode(counts[0], _POSITIVE) if counts else 1
        if count < 0:
            raise SimpleError(_POSITIVE)
        pairs = _popped(key, highest, count)
        if counts and self._resp_version == 3:
            return pairs
        return [part for pair in pairs for part in pair]

    @answers("zpopmin", Key(ZSet), more=(bytes,))
    def do_zpopmin(self, key: CommandItem, *counts: bytes) -> Any:
        return self._pop_scored(key, counts, False, "zpopmin")

    @answers("zpopmax", Key(ZSet), more=(bytes,))
    def do_zpopmax(self, key: CommandItem, *counts: bytes) -> Any:
        return self._pop_scored(key, counts, True, "zpopmax")

    @answers("bzpopmin", bytes, bytes, more=(bytes,))
    def do_bzpopmin(self, *arguments: bytes) -> Any:
        *names, timeout = arguments
        return self._blocking(seconds(timeout), partial(self._ends, tuple(names), False, None))

    @answers("bzpopmax", bytes, bytes, more=(bytes,))
    def do_bzpopmax(self, *arguments: bytes) -> Any:
        *names, timeout = arguments
        return self._blocking(seconds(timeout), partial(self._ends, tuple(names), True, None))

    @answers("zmpop", bytes, bytes, bytes, more=(bytes,))
    def do_zmpop(self, *arguments: bytes) -> Any:
        names, where, count = multi_pop(arguments, (b"min", b"max"))
        return self._ends(names, where == b"max", count, first=True)

    @answers("bzmpop", bytes, bytes, bytes, bytes, more=(bytes,))
    def do_bzmpop(self, timeout: bytes, *arguments: bytes) -> Any:
        wait = seconds(timeout)
        names, where, count = multi_pop(arguments, (b"min", b"max"))
        return self._blocking(wait, partial(self._ends, names, where == b"max", count))

    @answers("zrandmember", Key(ZSet), more=(bytes,))
    def do_zrandmember(self, key: CommandItem, *arguments: bytes) -> Any:
        pairs = list(key.value.items()) if key else []
        return random_reply(self, pairs, arguments, b"withscores")

    @answers("zintercard", bytes, bytes, more=(bytes,))
    def do_zintercard(self, numkeys: bytes, *rest: bytes) -> Any:
        number = Int.decode(numkeys)
        if number < 1:
            raise SimpleError("ERR at least 1 input key is needed for 'zintercard' command")
        options = list(rest[number:])
        limit = 0
        while options:
            if not casematch(options.pop(0), b"limit") or not options:
                raise SimpleError("ERR syntax error")
            limit = Int.decode(options.pop(0), "ERR LIMIT can't be negative")
            if limit < 0:
                raise SimpleError("ERR LIMIT can't be negative")
        shared = len(self._run_engine("zinter", [numkeys, *rest[:number]]))
        return min(shared, limit) if limit else shared

    @answers("zrange", bytes, bytes, bytes, more=(bytes,))
    def do_zrange(self, key: bytes, start: bytes, stop: bytes, *options: bytes) -> Any:
        chosen = [option.lower() for option in options]
        if b"limit" in chosen and not {b"bylex", b"byscore"} & set(chosen):
            if [Int.decode(word) for word in chosen[chosen.index(b"limit") + 1 :][:2]] != [0, -1]:
                raise SimpleError(
                    "ERR syntax error, LIMIT is only supported in combination with either "
                    "BYSCORE or BYLEX"
                )
            start_of_limit = chosen.index(b"limit")
            options = options[:start_of_limit] + options[start_of_limit + 3 :]
        if b"bylex" in chosen and b"withscores" in chosen:
            raise SimpleError(
                "ERR syntax error, WITHSCORES not supported in combination with BYLEX"
            )
        for bound in (start, stop):
            if b"byscore" in chosen:
                ScoreTest.decode(bound)
            elif b"bylex" in chosen:
                StringTest.decode(bound)
            else:
                Int.decode(bound)
        return self._run_engine("zrange", [key, start, stop, *options])

    def _zrangebylex(
        self, key: CommandItem, low: Any, high: Any, reverse: bool, offset: int, count: int
    ) -> list[bytes]:
        """As Redis walks: unequal scores keep their order, and the walk stops early."""
        if reverse:
            low, high = high, low
        members = list(key.value)
        if not members or not _inside(members[-1], low, high)[0]:
            return []
        if not _inside(members[0], low, high)[1]:
            return []
        if reverse:
            members.reverse()
        found: list[bytes] = []
        for member in members:
            above, below = _inside(member, low, high)
            starts, goes_on = (below, above) if reverse else (above, below)
            if not found and not starts:
                continue
            if not goes_on:
                break
            found.append(member)
        if offset < 0:
            return []
        return found[offset:] if count < 0 else found[offset : offset + count]

    @answers("zrevrange", bytes, bytes, bytes, more=(bytes,))
    def do_zrevrange(self, key: bytes, start: bytes, stop: bytes, *options: bytes) -> Any:
        if [option.lower() for option in options] not in ([], [b"withscores"]):
            raise SimpleError("ERR syntax error")
        Int.decode(start)
        Int.decode(stop)
        return self._run_engine("zrevrange", [key, start, stop, *options])


def _inside(member: bytes, low: Any, high: Any) -> tuple[bool, bool]:
    """Whether a member is not below ``low``, and whether it is not above ``high``."""
    above = low.value < member or (not low.exclusive and low.value == member)
    below = high.value > member or (not high.exclusive and high.value == member)
    return above, below


def _popped(item: CommandItem, highest: bool, count: int) -> list[list[Any]]:
    members = list(item.value)
    if highest:
        members.reverse()
    pairs = [[member, item.value.get(member)] for member in members[:count]]
    for member, _ in pairs:
        item.value.discard(member)
    if pairs:
        item.updated()
    return pairs
