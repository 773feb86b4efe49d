"""Keyspace events: what ``notify-keyspace-events`` publishes, and nothing while it is empty.

redis.io/docs/develop/use/keyspace-notifications. A key is expired when a command comes along,
not by a cycle in the background, so ``expired`` is told with the next command.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pytest_hermetic.redis.engine.adapter import EngineServer

_BY_CLASS = {
    "$": "set append setrange setbit incrbyfloat getset",
    "l": "lpush rpush lpop rpop linsert lset lrem ltrim",
    "s": "sadd srem spop sinterstore sunionstore sdiffstore",
    "h": "hset hdel hincrby hincrbyfloat",
    "z": "zadd zrem zremrangebyscore zremrangebyrank zremrangebylex zpopmin zpopmax zunionstore "
    "zinterstore zdiffstore zrangestore",
    "t": "xadd xtrim xdel xsetid",
    "g": "del expire persist restore",
}
_CLASS = {name: letter for letter, names in _BY_CLASS.items() for name in names.split()}
# Commands whose event has another name; two names are for the source and for the target.
_NAMED: dict[str, tuple[tuple[str, str], ...]] = {
    **dict.fromkeys(("incr", "decr", "incrby", "decrby"), (("$", "incrby"),)),
    **dict.fromkeys(("setnx", "setex", "psetex", "mset", "msetnx", "getset"), (("$", "set"),)),
    **dict.fromkeys(("unlink", "getdel"), (("g", "del"),)),
    **dict.fromkeys(("pexpire", "expireat", "pexpireat", "getex"), (("g", "expire"),)),
    **dict.fromkeys(("hmset", "hsetnx"), (("h", "hset"),)),
    "zincrby": (("z", "zincr"),),
    "lpushx": (("l", "lpush"),),
    "rpushx": (("l", "rpush"),),
    "blpop": (("l", "lpop"),),
    "brpop": (("l", "rpop"),),
    "bzpopmin": (("z", "zpopmin"),),
    "bzpopmax": (("z", "zpopmax"),),
    "rename": (("g", "rename_from"), ("g", "rename_to")),
    "renamenx": (("g", "rename_from"), ("g", "rename_to")),
    "rpoplpush": (("l", "rpop"), ("l", "lpush")),
    "brpoplpush": (("l", "rpop"), ("l", "lpush")),
    "lmove": (("l", "lpop"), ("l", "rpush")),
    "blmove": (("l", "lpop"), ("l", "rpush")),
    "smove": (("s", "srem"), ("s", "sadd")),
    "copy": (("g", "copy_to"),),
}
_LASTING = frozenset(("setex", "psetex"))
_ALL = "g$lshzxetd"


@dataclass(frozen=True, slots=True)
class Touched:
    """A key a command has written to; ``before`` is whether it was there."""

    database: Any
    key: bytes
    before: bool


def switches(server: EngineServer) -> str:
    """The event classes switched on; empty when none is."""
    text = server.config.get(b"notify-keyspace-events", b"").decode("ascii", "ignore")
    return text.replace("A", _ALL) if "K" in text or "E" in text else ""


def announce(server: EngineServer, on: str, command: str, touched: list[Touched]) -> None:
    """Publish the events of ``command``, which wrote to the keys ``touched``."""
    named = _NAMED.get(command) or ((_CLASS.get(command, "g"), command),)
    seen: list[tuple[int, bytes]] = []
    for one in touched:
        place = (id(one.database), one.key)
        if place in seen:
            continue
        letter, event = named[min(len(seen), len(named) - 1)]
        seen.append(place)
        after = one.key in one.database
        if not after and not one.before:
            continue
        if not after and event == "expire":
            event = "del"  # a moment in the past
        _publish(server, on, letter, event, one)
        item = one.database.get(one.key)
        if command in _LASTING or (command == "set" and item and item.expireat is not None):
            _publish(server, on, "g", "expire", one)
        if not after and event not in ("del", "rename_from"):
            _publish(server, on, "g", "del", one)


def announce_expired(server: EngineServer, on: str, database: Any, keys: list[bytes]) -> None:
    """Publish that keys reached the end of their lifetime."""
    for key in keys:
        _publish(server, on, "x", "expired", Touched(database, key, before=True))


def _publish(server: EngineServer, on: str, letter: str, event: str, one: Touched) -> None:
    if letter not in on:
        return
    number = server.number_of(one.database)
    if "K" in on:
        server.publish(b"__keyspace@%d__:%b" % (number, one.key), event.encode())
    if "E" in on:
        server.publish(b"__keyevent@%d__:%b" % (number, event.encode()), one.key)
