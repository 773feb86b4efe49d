"""Sets and hashes: random members, cardinalities, and sets as RESP3 sets."""

from __future__ import annotations

import secrets
from typing import Any, TypeVar

from pytest_hermetic.redis.engine.adapter import (
    CommandItem,
    ExpiringMembersSet,
    Hash,
    Int,
    Key,
    SimpleError,
    casematch,
)
from pytest_hermetic.redis.engine.overlay import Overlay, answers, shapes
from pytest_hermetic.redis.engine.overlay.lists import at_least_one
from pytest_hermetic.redis.resp import Unordered

_T = TypeVar("_T")
_POSITIVE = "ERR value is out of range, must be positive"
_chance = secrets.SystemRandom()


@shapes("smembers", "sinter", "sunion", "sdiff")
def _as_set(session: Any, reply: Any) -> Any:  # noqa: ARG001  # every shape is called so
    return Unordered(reply) if isinstance(reply, list) else reply


def drawn(population: list[_T], count: int) -> list[_T]:
    """``count`` different elements, or with repeats when it is negative."""
    if not population or not count:
        return []
    if count < 0:
        return _chance.choices(population, k=-count)
    return _chance.sample(population, min(count, len(population)))


def random_reply(
    session: Any, pairs: list[tuple[bytes, Any]], arguments: tuple[bytes, ...], word: bytes
) -> Any:
    """HRANDFIELD and ZRANDMEMBER: one name, or ``count`` of them, with their values if asked."""
    if not arguments:
        return drawn(pairs, 1)[0][0] if pairs else None
    count = Int.decode(arguments[0])
    if len(arguments) > 2 or (len(arguments) == 2 and not casematch(arguments[1], word)):
        raise SimpleError("ERR syntax error")
    if not -(2**62) < count < 2**62:
        raise SimpleError("ERR value is out of range")
    picked = drawn(pairs, count)
    if len(arguments) == 1:
        return [name for name, _ in picked]
    if session._resp_version == 3:
        return [[name, value] for name, value in picked]
    return [part for pair in picked for part in pair]


class MemberCommands(Overlay):
    """SINTERCARD, SPOP, SRANDMEMBER and HRANDFIELD."""

    @answers("sintercard", bytes, bytes, more=(bytes,))
    def do_sintercard(self, numkeys: bytes, *rest: bytes) -> int:
        number = at_least_one(numkeys, "ERR numkeys should be greater than 0")
        names, options = rest[:number], list(rest[number:])
        if len(names) < number:
            raise SimpleError("ERR Number of keys can't be greater than number of args")
        limit = 0
        while options:
            if not casematch(options.pop(0), b"limit") or not options:
                raise SimpleError("ERR syntax error")
            limit = Int.decode(options.pop(0), "ERR LIMIT can't be negative")
            if limit < 0:
                raise SimpleError("ERR LIMIT can't be negative")
        sets = [self._members(name) for name in names]
        shared = len(set.intersection(*sets))
        return min(shared, limit) if limit else shared

    def _members(self, name: bytes) -> set[bytes]:
        item = self._db.get(name)
        if item is None:
            return set()
        if not isinstance(item.value, ExpiringMembersSet):
            raise SimpleError("WRONGTYPE Operation against a key holding the wrong kind of value")
        return set(item.value)

    @answers("spop", Key(ExpiringMembersSet), more=(bytes,))
    def do_spop(self, key: CommandItem, *counts: bytes) -> Any:
        if len(counts) > 1:
            raise SimpleError("ERR syntax error")
        count = Int.decode(counts[0], _POSITIVE) if counts else 1
        if count < 0:
            raise SimpleError(_POSITIVE)
        picked = drawn(list(key.value), count)
        for member in picked:
            key.value.discard(member)
        if picked:
            key.updated()
        if counts:
            return Unordered(picked)
        return picked[0] if picked else None

    @answers("srandmember", Key(ExpiringMembersSet), more=(bytes,))
    def do_srandmember(self, key: CommandItem, *counts: bytes) -> Any:
        if len(counts) > 1:
            raise SimpleError("ERR syntax error")
        members = list(key.value)
        if counts:
            return drawn(members, Int.decode(counts[0]))
        return drawn(members, 1)[0] if members else None

    @answers("hrandfield", Key(Hash), more=(bytes,))
    def do_hrandfield(self, key: CommandItem, *arguments: bytes) -> Any:
        pairs = list(key.value.items()) if key else []
        return random_reply(self, pairs, arguments, b"withvalues")
