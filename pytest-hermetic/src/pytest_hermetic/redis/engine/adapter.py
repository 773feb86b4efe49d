"""The one module that touches fakeredis' internals; everything else takes its names from here.

Held to fakeredis 2.40: the pin in the package's extras and this file move together.
"""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from typing import TYPE_CHECKING, Any, cast

from fakeredis import FakeServer
from fakeredis import _msgs as msgs
from fakeredis._command_args_parsing import Float, Int, StringTest, Timeout
from fakeredis._commands import SUPPORTED_COMMANDS, Key, Signature
from fakeredis._core import CommandItem, Database
from fakeredis._core._database import Item
from fakeredis._helpers import NoResponse, SimpleError, SimpleString, casematch, compile_pattern
from fakeredis._socket import FakeSocket
from fakeredis.commands_mixins._mixin_base import CommandsMixinBase
from fakeredis.commands_mixins.sortedset_mixin import ScoreTest
from fakeredis.model import (
    AccessControlList,
    ClientInfo,
    ExpiringMembersSet,
    Hash,
    XStream,
    ZSet,
)
from fakeredis.model._stream import StreamEntryKey

from pytest_hermetic.redis.engine.events import Touched, announce, announce_expired, switches
from pytest_hermetic.redis.resp import FOREIGN, Failure, Status

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = [
    "ClientInfo",
    "CommandItem",
    "EngineMixin",
    "EngineServer",
    "ExpiringMembersSet",
    "FakeSocket",
    "Float",
    "Hash",
    "Int",
    "Item",
    "Key",
    "NoResponse",
    "ScoreTest",
    "Signature",
    "SimpleError",
    "SimpleString",
    "StreamEntryKey",
    "StringTest",
    "Timeout",
    "XStream",
    "ZSet",
    "casematch",
    "compile_pattern",
    "engine_command",
    "move_keys",
    "now_ms",
    "run_engine",
    "run_signature",
    "set_last_id",
    "stream_after",
    "stream_top",
]

FOREIGN[SimpleString] = lambda value: Status(value.value)
FOREIGN[SimpleError] = lambda value: Failure(value.value)

# Redis counts time in whole milliseconds; half of one absorbs what floats lose.
_HALF_MS = 0.0005


def now_ms() -> int:
    """Unix time in milliseconds, from ``time.time`` so that a moved clock moves every TTL."""
    return round(time.time() * 1000)  # noqa: TID251  # the library under test has no runtime


class EngineMixin(CommandsMixinBase):
    """What the engine's sockets have and its command mixins only assume."""

    if TYPE_CHECKING:

        def _clear_watches(self) -> None: ...

        _db_num: int

        def _name_to_func(self, cmd_name: str) -> Any: ...
        def _run_command(self, func: Any, sig: Any, args: list[Any], from_script: bool) -> Any: ...
        def exec_(self) -> Any: ...
        def discard(self) -> Any: ...


class EngineDatabase(Database):
    """A logical database; a key lives through the millisecond of its expiry, as in Redis."""

    def __init__(self, server: EngineServer) -> None:
        super().__init__(server.lock)
        self._server = server

    def wake_all(self) -> None:
        self._server.dirty = True

    def notify_watch(self, key: bytes) -> None:
        super().notify_watch(key)
        if self._server.touched is not None:
            self._server.touched.append(Touched(self, key, key in self._dict))

    def expired(self, item: Any) -> bool:
        return item.expireat is not None and item.expireat < self.time - _HALF_MS

    def due(self) -> list[bytes]:
        """The keys whose lifetime is over, which are removed."""
        over = [key for key, item in self._dict.items() if self.expired(item)]
        for key in over:
            del self._dict[key]
        return over

    def _remove_expired(self) -> None:
        self.time -= _HALF_MS
        try:
            super()._remove_expired()
        finally:
            self.time += _HALF_MS

    def wipe(self) -> None:
        """Forget every key, telling nobody."""
        self._dict.clear()
        self._expiry_heap.clear()
        self._watches.clear()


class EngineServer(FakeServer):
    """One Redis server: sixteen databases and the sessions connected to it."""

    def __init__(self, name: str, version: tuple[int, ...]) -> None:
        super().__init__(version=version)
        self.name = name
        self.lock = threading.RLock()  # type: ignore[assignment]  # a connection may be collected while a command runs
        self.dbs = defaultdict(lambda: EngineDatabase(self))
        self.dirty = False
        self.guarded = False  # the test configured passwords or users, which are then enforced
        self.touched: list[Touched] | None = None  # kept while keyspace events are switched on
        self.blocked: list[Any] = []
        self.started_at = now_ms() / 1000
        self.total_commands = 0
        self.total_connections = 0
        self.record: Callable[[list[bytes]], None] | None = None
        self.scripting: Any = None

    @property
    def version_text(self) -> str:
        """The version a client is told: ``7.0.15``."""
        return ".".join(str(part) for part in (*self.version, 0, 0)[:3])

    def wipe(self) -> None:
        """Become a freshly started server; connections that hold no state stay open."""
        with self.lock:
            for db in self.dbs.values():
                cast("EngineDatabase", db).wipe()
            for session in list(self.sockets):
                if not session.is_idle():
                    session.hang_up()
            self.blocked.clear()
            self.script_cache.clear()
            self.subscribers.clear()
            self.psubscribers.clear()
            self.ssubscribers.clear()
            self.scan_cursors.clear()
            self.closed_sockets.clear()
            self.config.clear()
            self.acl = AccessControlList()
            self._lua_functions = None
            if self.scripting is not None:
                self.scripting.forget()
            self.pause_until = 0.0
            self.dirty = self.guarded = False
            self.touched = None
            self.started_at = now_ms() / 1000
            self.lastsave = int(self.started_at)
            self.total_commands = 0

    def watch_keyspace(self) -> None:
        """Keep what commands write to while the configuration asks for events."""
        self.touched = [] if switches(self) else None

    def announce(self, command: str) -> None:
        """Publish the events of the command that has run."""
        if self.touched:
            touched, self.touched = self.touched, []
            announce(self, switches(self), command, touched)

    def number_of(self, database: Any) -> int:
        """The index clients select a database by."""
        return next(number for number, one in self.dbs.items() if one is database)

    def publish(self, channel: bytes, message: bytes) -> None:
        """Deliver a message of the server's own."""
        for session in tuple(self.subscribers.get(channel, ())):
            session.put_response([b"message", channel, message])
        for pattern, sessions in tuple(self.psubscribers.items()):
            if compile_pattern(pattern).match(channel):
                for session in tuple(sessions):
                    session.put_response([b"pmessage", pattern, channel, message])

    def tick(self) -> None:
        """Give every database the present time."""
        now = now_ms() / 1000
        for db in self.dbs.values():
            db.time = now
        if self.touched is not None:
            on = switches(self)
            for db in tuple(self.dbs.values()):
                announce_expired(self, on, db, cast("EngineDatabase", db).due())

    def sweep_closed(self) -> None:
        """Finish the sessions whose client is gone (their close may not take the lock)."""
        while self.closed_sockets:
            session = self.closed_sockets.pop()()
            if session is not None:
                session._cleanup(self)


def move_keys(source: EngineServer, target: EngineServer, wanted: Callable[[bytes], bool]) -> None:
    """Take keys, with their values and lifetimes, from one server's database 0 to another's."""
    with source.lock, target.lock:
        for key in [key for key in source.dbs[0]._dict if wanted(key)]:
            target.dbs[0][key] = source.dbs[0]._dict.pop(key)


def engine_command(name: str) -> Signature | None:
    """How fakeredis would run the command, or None when it does not know it."""
    signature = SUPPORTED_COMMANDS.get(name)
    if signature is None or "redis" not in signature.server_types:
        return None
    return signature


# Redis looks at these commands' arguments before it looks at the key.
_ARGUMENTS_FIRST = frozenset(
    (
        "decrby",
        "getex",
        "hincrby",
        "hincrbyfloat",
        "linsert",
        "lpos",
        "setrange",
        "zadd",
        "zpopmax",
        "zpopmin",
    )
)


def _argument_error(
    func: Callable[..., Any], signature: Signature, args: list[bytes]
) -> SimpleError | None:
    """What the command would refuse if its key held nothing; nothing is stored."""
    empty = Database(None)
    try:
        decoded = signature.apply(args, empty, (7,))[0]
        func(*decoded)
    except SimpleError as error:
        return error
    return None


def run_signature(
    session: Any, func: Callable[..., Any], signature: Signature, args: list[bytes]
) -> Any:
    """Decode the arguments, run the command, store what it changed; an error becomes the reply."""
    items: list[CommandItem] = []
    session._subkey_events = []
    try:
        applied = signature.apply(args, session._db, session.version)
        if len(applied) == 1:
            result = applied[0]
        else:
            decoded, items = applied
            result = func(*decoded)
    except SimpleError as error:
        result = error
        if signature.name in _ARGUMENTS_FIRST and error.value == msgs.WRONGTYPE_MSG:
            result = _argument_error(func, signature, args) or error
    if items:
        remove_empty = msgs.FLAG_LEAVE_EMPTY_VAL not in signature.flags
        for item in items:
            item.writeback(remove_empty_val=remove_empty)
    return result


def stream_after(stream: Any, position: Any, count: int | None) -> list[Any]:
    """The entries of a stream after ``position``, at most ``count`` of them."""
    keys = stream.stream_read(position, count or None)
    return [stream.format_record(key) for key in keys]


def stream_top(stream: Any) -> Any:
    """The identity of a stream's last entry that is still there, or None."""
    return stream._ids[-1] if stream._ids else None


def set_last_id(stream: Any, identity: Any) -> None:
    """Let the stream go on after ``identity``."""
    stream._last_id = identity


def run_engine(session: Any, name: str, arguments: list[bytes]) -> Any:
    """Run fakeredis' own command within another; an error is raised."""
    signature = SUPPORTED_COMMANDS[name]
    applied = signature.apply(arguments, session._db, session.version)
    if len(applied) == 1:
        return applied[0]
    decoded, items = applied
    result = getattr(session, signature.func_name)(*decoded)
    for item in items:
        item.writeback(remove_empty_val=msgs.FLAG_LEAVE_EMPTY_VAL not in signature.flags)
    return result
