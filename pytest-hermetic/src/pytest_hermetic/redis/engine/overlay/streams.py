"""Streams: group reads that may block, and what an absent stream or group answers."""

from __future__ import annotations

from functools import partial
from typing import Any

from pytest_hermetic.redis.engine.adapter import (
    CommandItem,
    Int,
    Key,
    SimpleError,
    StreamEntryKey,
    XStream,
    casematch,
    set_last_id,
    stream_after,
    stream_top,
)
from pytest_hermetic.redis.engine.overlay import Overlay, answers, shapes
from pytest_hermetic.redis.resp import NULL_ARRAY, Status

OK = Status(b"OK")
_WRONGTYPE = "WRONGTYPE Operation against a key holding the wrong kind of value"
_SINCE_8 = frozenset(
    (
        b"idmp-duration",
        b"idmp-maxsize",
        b"pids-tracked",
        b"iids-tracked",
        b"iids-added",
        b"iids-duplicates",
    )
)
_STREAM_INFO = (
    b"length",
    b"radix-tree-keys",
    b"radix-tree-nodes",
    b"last-generated-id",
    b"max-deleted-entry-id",
    b"entries-added",
    b"recorded-first-entry-id",
    b"groups",
    b"first-entry",
    b"last-entry",
)


@shapes("xpending")
def _pending(session: Any, reply: Any) -> Any:  # noqa: ARG001  # every shape is called so
    """The summary: no consumers is a null array, and their counts are strings."""
    if len(reply) != 4 or not isinstance(reply[0], int):
        return reply
    total, first, last, consumers = reply
    if not total:
        return [0, None, None, NULL_ARRAY]
    return [total, first, last, [[name, b"%d" % int(count)] for name, count in consumers]]


@shapes("xinfo stream")
def _stream_info(session: Any, reply: Any) -> Any:  # noqa: ARG001  # every shape is called so
    pairs = dict(zip(reply[::2], reply[1::2], strict=True)) if isinstance(reply, list) else reply
    if b"entries" in pairs:  # FULL
        return {name: value for name, value in pairs.items() if name not in _SINCE_8}
    if b"radix-tree-nodes" in pairs:
        pairs[b"radix-tree-nodes"] = pairs[b"radix-tree-nodes"] + 1
    return {name: pairs[name] for name in _STREAM_INFO if name in pairs}


@shapes("xread")
def _read_nothing(session: Any, reply: Any) -> Any:  # noqa: ARG001  # every shape is called so
    return reply or NULL_ARRAY


class StreamCommands(Overlay):
    """XREAD, XREADGROUP, XDEL, XACK and XSETID."""

    @answers("xread", bytes, bytes, bytes, more=(bytes,))
    def do_xread(self, *arguments: bytes) -> Any:
        options, names, starts = _read_options(arguments, "xread")
        positions = []
        for name, start in zip(names, starts, strict=True):
            stream = self._stream(name)
            if start == b">":
                raise SimpleError(
                    "ERR The > ID can be specified only when calling XREADGROUP using the GROUP "
                    "<group> <consumer> option."
                )
            if start == b"$":
                last = stream.last_id if stream is not None else StreamEntryKey(0, 0)
                positions.append((name, last))
            else:
                positions.append((name, StreamEntryKey.parse_str(start)))
        read = partial(self._read_after, positions, options.get("count"))
        if "block" not in options:
            return read(True) or NULL_ARRAY
        return self._blocking(options["block"] / 1000, read)

    def _read_after(
        self, positions: list[tuple[bytes, Any]], count: int | None, first: bool
    ) -> Any:
        found: dict[bytes, Any] = {}
        for name, position in positions:
            try:
                stream = self._stream(name)
            except SimpleError:
                if first:
                    raise
                continue
            if stream is None:
                continue
            entries = stream_after(stream, position, count)
            if entries:
                found[name] = entries
        return self._by_name(found)

    def _by_name(self, found: dict[bytes, Any]) -> Any:
        if not found:
            return None
        if self._resp_version == 3:
            return found
        return [[name, entries] for name, entries in found.items()]

    @answers("xreadgroup", bytes, bytes, bytes, bytes, bytes, bytes, more=(bytes,))
    def do_xreadgroup(self, word: bytes, group: bytes, consumer: bytes, *arguments: bytes) -> Any:
        if not casematch(word, b"group"):
            raise SimpleError("ERR syntax error")
        options, names, starts = _read_options(arguments, "xreadgroup")
        wanted = list(zip(names, starts, strict=True))
        for name, start in wanted:
            if start == b"$":
                raise SimpleError(
                    "ERR The $ ID is meaningless in the context of XREADGROUP: you want to read "
                    "the history of this consumer by specifying a proper ID, or use the > ID to "
                    "get new messages. The $ ID would just return an empty result set."
                )
            self._group(name, group)
            if start != b">":
                StreamEntryKey.parse_str(start)
        read = partial(
            self._read_group, group, consumer, wanted, options.get("count"), "noack" in options
        )
        if "block" not in options:
            return read(True) or NULL_ARRAY
        return self._blocking(options["block"] / 1000, read)

    def _group(self, name: bytes, group: bytes) -> Any:
        stream = self._stream(name)
        found = None if stream is None else stream.group_get(group)
        if found is None:
            key, title = (part.decode("utf-8", "replace") for part in (name, group))
            raise SimpleError(
                f"NOGROUP No such key '{key}' or consumer group '{title}' in XREADGROUP with "
                "GROUP option"
            )
        return found

    def _read_group(
        self,
        group: bytes,
        consumer: bytes,
        wanted: list[tuple[bytes, bytes]],
        count: int | None,
        noack: bool,
        first: bool,  # noqa: ARG002  # history answers at once, so only > ever blocks
    ) -> Any:
        found: dict[bytes, Any] = {}
        for name, start in wanted:
            entries = self._group(name, group).group_read(consumer, start, count or None, noack)
            if entries or start != b">":
                found[name] = [
                    [identity, NULL_ARRAY if fields is None else fields]
                    for identity, fields in entries
                ]
                self._db.notify_watch(name)
        return self._by_name(found)

    def _stream(self, name: bytes) -> Any:
        item = self._db.get(name)
        if item is None:
            return None
        if not isinstance(item.value, XStream):
            raise SimpleError(_WRONGTYPE)
        return item.value

    def _stream_range(self, name: str, arguments: tuple[bytes, ...]) -> Any:
        found = self._run_engine(name, list(arguments))
        counted = len(arguments) == 5 and Int.decode(arguments[4]) <= 0
        return NULL_ARRAY if counted and self._stream(arguments[0]) is not None else found

    @answers("xrange", bytes, bytes, bytes, more=(bytes,))
    def do_xrange(self, *arguments: bytes) -> Any:
        return self._stream_range("xrange", arguments)

    @answers("xrevrange", bytes, bytes, bytes, more=(bytes,))
    def do_xrevrange(self, *arguments: bytes) -> Any:
        return self._stream_range("xrevrange", arguments)

    @answers("xdel", Key(XStream), bytes, more=(bytes,), keep_empty=True)
    def do_xdel(self, key: CommandItem, *identities: bytes) -> Any:
        if not self._exists(key):
            return 0
        return self._changed(key, key.value.delete(identities))

    @answers("xack", Key(XStream), bytes, bytes, more=(bytes,), keep_empty=True)
    def do_xack(self, key: CommandItem, group: bytes, *identities: bytes) -> Any:
        found = key.value.group_get(group) if self._exists(key) else None
        return 0 if found is None else self._changed(key, found.ack(identities))

    def _exists(self, key: CommandItem) -> bool:
        return self._db.get(key.key) is not None

    def _changed(self, key: CommandItem, count: int) -> int:
        if count:
            key.updated()
        return count

    @answers("xsetid", Key(XStream), bytes, more=(bytes,), keep_empty=True)
    def do_xsetid(self, key: CommandItem, identity: bytes, *options: bytes) -> Status:
        last = StreamEntryKey.parse_str(identity)
        if options and (
            len(options) % 2
            or {name.lower() for name in options[::2]} - {b"entriesadded", b"maxdeletedid"}
        ):
            raise SimpleError("ERR syntax error")
        if not self._exists(key):
            raise SimpleError("ERR no such key")
        stream = key.value
        top = stream_top(stream)
        if top is not None and last < top:
            raise SimpleError(
                "ERR The ID specified in XSETID is smaller than the target stream top item"
            )
        set_last_id(stream, last)
        key.updated()
        return OK


def _read_options(
    arguments: tuple[bytes, ...], name: str
) -> tuple[dict[str, int], list[bytes], list[bytes]]:
    """The options before STREAMS, then the keys, then one position for each."""
    options: dict[str, int] = {}
    rest = list(arguments)
    while rest:
        option = rest.pop(0).lower()
        if option == b"count" and rest:
            options["count"] = max(Int.decode(rest.pop(0)), 0)
        elif option == b"block" and rest:
            options["block"] = Int.decode(
                rest.pop(0), "ERR timeout is not an integer or out of range"
            )
            if options["block"] < 0:
                raise SimpleError("ERR timeout is negative")
        elif option == b"noack" and name == "xreadgroup":
            options["noack"] = 1
        elif option == b"streams" and rest:
            break
        else:
            raise SimpleError("ERR syntax error")
    if not rest or len(rest) % 2:
        # Redis 7.0 says XREAD for XREADGROUP as well.
        raise SimpleError(
            "ERR Unbalanced XREAD list of streams: for each stream key an ID or '$' must be "
            "specified."
            if rest
            else "ERR syntax error"
        )
    half = len(rest) // 2
    return options, rest[:half], rest[half:]
