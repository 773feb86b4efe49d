"""One connection's side of the server: the order in which Redis checks, runs and answers a command.

Follows ``processCommand`` of Redis 7.0: unknown name, arity, authentication, subscriber
context, MULTI, then the command; after it, clients blocked on what it changed are served in
the order in which they came.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pytest_hermetic.redis.engine import table
from pytest_hermetic.redis.engine.adapter import (
    ClientInfo,
    EngineServer,
    NoResponse,
    Signature,
    SimpleError,
    engine_command,
    run_signature,
)
from pytest_hermetic.redis.engine.shards import Place
from pytest_hermetic.redis.engine.waiting import (
    NULL_ARRAY_COMMANDS,
    Waiting,
    serve_blocked,
)
from pytest_hermetic.redis.engine.wording import reword, unknown_command, unknown_subcommand
from pytest_hermetic.redis.resp import NULL_ARRAY, Failure, Push, Status, encode

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_hermetic.redis.engine.overlay import Answers

_SUBSCRIBER = frozenset(
    (
        "subscribe",
        "ssubscribe",
        "psubscribe",
        "unsubscribe",
        "sunsubscribe",
        "punsubscribe",
        "ping",
        "quit",
        "reset",
    )
)
_NEVER_QUEUED = frozenset(("exec", "discard", "multi", "watch", "quit", "reset"))
_BEFORE_LOGIN = frozenset(("auth", "hello", "quit", "reset"))
_NOT_CLUSTERED = frozenset(("select", "move", "swapdb"))
QUEUED = Status(b"QUEUED")


class Session(Waiting):
    """A connected client; bytes of its replies go to ``out``."""

    overlay: Answers
    _server: EngineServer

    def __init__(self, server: EngineServer, out: Callable[[bytes], None], **info: Any) -> None:
        super().__init__(server, 0, client_class=object, client_info=ClientInfo(**info))
        self._out = out
        self._gone = False
        self._backlog: list[list[bytes]] = []
        self._retry: Callable[[bool], Any] | None = None
        self._shape: Callable[[Any], Any] | None = None
        self._command = ""
        self.blocked_for: float | None = None
        self.block_token = 0
        self.recorded = True
        self.watched_alive: set[Any] = set()
        self._pushed: list[Any] = []
        self.closing = False
        self.place = Place()
        self.reads_replica = False  # READONLY was sent
        self.asking = False  # ASKING was, just now
        self.current: list[bytes] = []
        self.record: Callable[[list[bytes]], None] | None = None
        self.stuck = False  # its client waits for an answer that will not come
        self._handling = False
        self.on_block: Callable[[float | None], None] | None = None
        self.on_hang_up: Callable[[], None] | None = None
        self.authenticated = not server.config.get(b"requirepass")
        server.total_connections += 1

    def note(self, fields: list[bytes]) -> None:
        """Record a request."""
        record = self.record or self._server.record
        if self.recorded and record is not None:
            record(fields)

    def handle(self, fields: list[bytes], *, refusal: str | None = None) -> None:
        """Run one request, now or after the command this client is blocked in.

        With a `refusal`, answer that error instead; a transaction being queued is then spoilt.
        """
        if self._retry is not None:
            self._backlog.append(fields)
            return
        server = self._server
        if self._gone or self._killed:
            return
        with server.lock:
            if server.closed_sockets:
                server.sweep_closed()
            server.tick()
            server.total_commands += 1
            self.note(fields)
            self._handling, self.current, asked = True, fields, self.asking
            result = self._answer(fields) if refusal is None else self._refuse(refusal)
            if asked:
                self.asking = False
            self._handling = False
            if not (self._reply_off or self._reply_skip) and not isinstance(result, NoResponse):
                self._reply(result)
            self._reply_skip, self._reply_skip_next = self._reply_skip_next, False
            if server.touched:
                server.announce(self._command)
            if server.dirty:
                server.dirty = False
                if server.blocked:
                    serve_blocked(server)
            if self.closing:
                self.hang_up()

    def leave(self) -> None:
        """The client has closed; may run while the collector holds any lock."""
        if self._gone:
            return
        self._gone = True
        if self in self._server.blocked:
            self._server.blocked.remove(self)
        self._retry = None
        self.close()

    def kill(self) -> None:
        """CLIENT KILL: at once, or after the reply when it is about this client itself."""
        if self._handling:
            self.closing = True
        else:
            self.hang_up()

    def hang_up(self) -> None:
        """Close from the server's side."""
        if self._gone:
            return
        super().kill()
        if self._retry is not None:
            self._unblock()
        if self.on_hang_up is not None:
            self.on_hang_up()

    def is_idle(self) -> bool:
        """Whether the connection holds nothing that a later test could notice."""
        return not (
            self._pubsub
            or self._watches
            or self._backlog
            or self._killed
            or self._reply_off
            or self.stuck
            or self._transaction is not None
            or self._retry is not None
        )

    def _answer(self, fields: list[bytes]) -> Any:
        name = fields[0].decode("utf-8", "surrogateescape").lower()
        arguments = fields[1:]
        specs = table.commands()
        self._command = name
        if name == "sentinel" and self.place.sentinel is not None:
            return self.place.sentinel(fields)
        if arguments and name in table.containers():
            name = f"{name}|{arguments[0].decode('utf-8', 'surrogateescape').lower()}"
            arguments = arguments[1:]
        spec = specs.get(name)
        if spec is None:
            return self._refuse(
                unknown_subcommand(fields) if "|" in name else unknown_command(fields)
            )
        if not spec.accepts(len(fields)):
            return self._refuse(f"ERR wrong number of arguments for '{name}' command")
        refusal = self._admission(spec, fields) or self._redirection(spec, fields)
        if refusal:
            return self._refuse(refusal)
        if self._pubsub and self._client_info.protocol_version == 2 and name not in _SUBSCRIBER:
            return self._refuse(
                f"ERR Can't execute '{name}': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / "
                "QUIT / RESET are allowed in this context"
            )
        if self._transaction is not None and name not in _NEVER_QUEUED:
            if "no_multi" in spec.flags:
                return self._refuse("ERR Command not allowed inside a transaction")
            try:
                func, signature = self._name_to_func(name.replace("|", " "))
            except SimpleError as error:
                return self._refuse(str(error.value))
            self._transaction.append((func, signature, arguments))
            return QUEUED
        try:
            func, signature = self._name_to_func(name.replace("|", " "))
            return self._run_command(func, signature, arguments, False)
        except SimpleError as error:
            return Failure(error.value)
        except Exception as error:  # a fault of the engine must not desynchronise
            return Failure(f"ERR the in-memory engine failed in '{name}': {error!r}")

    def _admission(self, spec: table.Spec, fields: list[bytes]) -> str | None:
        """Why this client may not run the command, or None."""
        if not self._server.guarded:
            return None
        if not self.authenticated and spec.name not in _BEFORE_LOGIN:
            return "NOAUTH Authentication required."
        try:
            self._server.acl.validate_command(self._client_info.user, self._client_info, fields)
        except SimpleError as error:
            return str(error.value)
        return None

    def _redirection(self, spec: table.Spec, fields: list[bytes]) -> str:
        """Why the command is not for this node, or nothing."""
        if self.place.node is None or not self.recorded:
            return ""
        clustered = self.place.cluster is not None
        if clustered and spec.name in _NOT_CLUSTERED and fields[1:] != [b"0"]:
            return f"ERR {spec.name.upper()} is not allowed in cluster mode"
        if spec.name != "exec":
            return self.place.refusal(self, spec.flags, [fields])
        queued = self._transaction or ()
        requests = [[*one.name.encode().split(b" "), *given] for _, one, given in queued]
        text = self.place.refusal(self, spec.flags, requests)
        if text:
            self._forget_transaction()
        return text

    def _refuse(self, text: str) -> Failure:
        """An error that also spoils the transaction being queued."""
        if self._transaction is not None:
            self._transaction_failed = True
        return Failure(text)

    def _name_to_func(self, cmd_name: str) -> tuple[Any, Signature]:
        signature = self.overlay.signatures.get(cmd_name) or engine_command(cmd_name)
        if signature is None:
            raise SimpleError(unknown_command([cmd_name.encode()]))
        return getattr(self, signature.func_name), signature

    def _run_command(
        self,
        func: Callable[..., Any] | None,
        sig: Signature,
        args: list[Any],
        from_script: bool,  # noqa: ARG002  # the engine's signature; scripts come with _script_resp
    ) -> Any:
        if func is None:
            raise SimpleError(unknown_command([sig.name.encode()]))
        result = run_signature(self, func, sig, args)
        if type(result) is SimpleError:
            return reword(result, sig.name)
        if result is None and sig.name in NULL_ARRAY_COMMANDS:
            return NULL_ARRAY
        if isinstance(result, NoResponse) and self._pushed:
            return self._pushed.pop()
        change = self.overlay.shapes.get(sig.name)
        return result if change is None else change(self, result)

    def _reply(self, value: Any) -> None:
        self._out(encode(value, self._client_info.protocol_version))

    def put_response(self, msg: Any) -> None:
        """Send what nobody asked for on this connection: the engine calls it for pub/sub."""
        if self._in_transaction:
            self._pushed.append(Push(msg))  # EXEC answers with it as the command's result
            return
        self._out(encode(Push(msg), self._client_info.protocol_version))

    def _decode_result(self, result: Any) -> Any:
        return result
