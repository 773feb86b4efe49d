"""What a client asks about the server itself: configuration, role, memory, logs, commands."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Any

from pytest_hermetic.redis.engine import table
from pytest_hermetic.redis.engine.adapter import Int, SimpleError, casematch, compile_pattern
from pytest_hermetic.redis.engine.overlay import Overlay, answers
from pytest_hermetic.redis.resp import Status, Verbatim

OK = Status(b"OK")
_FIXED = frozenset(("port", "bind", "unixsocket", "daemonize", "databases", "aclfile", "logfile"))


@cache
def default_config() -> dict[str, str]:
    """What ``CONFIG GET *`` of a fresh Redis 7.0 holds."""
    text = files("pytest_hermetic.redis.engine").joinpath("config.txt").read_text("utf-8")
    return dict(line.partition("=")[::2] for line in text.splitlines())


class ServerCommands(Overlay):
    """CONFIG, ROLE, WAIT, SLOWLOG, LATENCY, MODULE, COMMAND and the like."""

    @answers("config get", bytes, more=(bytes,))
    def do_config_get(self, *patterns: bytes) -> dict[bytes, bytes]:
        values = {name.encode(): value.encode() for name, value in default_config().items()}
        values |= {name.lower(): value for name, value in self._server.config.items()}
        found: dict[bytes, bytes] = {}
        for pattern in patterns:
            regex = compile_pattern(pattern.lower())
            found |= {name: value for name, value in values.items() if regex.match(name)}
        return found

    @answers("config set", bytes, bytes, more=(bytes, bytes))
    def do_config_set(self, *pairs: bytes) -> Status:
        wanted = dict(zip(pairs[::2], pairs[1::2], strict=True))
        for name in wanted:
            text = name.decode("utf-8", "replace")
            if text.lower() not in default_config():
                raise SimpleError(
                    f"ERR Unknown option or number of arguments for CONFIG SET - '{text}'"
                )
            if text.lower() in _FIXED - {"port", "bind"}:
                raise SimpleError(
                    f"ERR CONFIG SET failed (possibly related to argument '{text}') - "
                    "can't set immutable config"
                )
        for name, value in wanted.items():
            self._server.config[name.lower()] = value
        self._server.watch_keyspace()
        self._server.guarded |= bool(self._server.config.get(b"requirepass"))
        return OK

    @answers("config resetstat")
    def do_config_resetstat(self) -> Status:
        self._server.total_commands = self._server.total_connections = 0
        return OK

    @answers("config rewrite")
    def do_config_rewrite(self) -> Status:
        raise SimpleError("ERR The server is running without a config file")

    @answers("role")
    def do_role(self) -> list[Any]:
        node = self.place.node
        if node is None:
            return [b"master", 0, []]
        if node.is_replica:
            primary = node.shard.primary
            return [b"slave", primary.host.encode(), primary.port, b"connected", 0]
        followers = [[n.host.encode(), str(n.port).encode(), b"0"] for n in node.shard.replicas]
        return [b"master", 0, followers]

    @answers("wait", bytes, bytes)
    def do_wait(self, replicas: bytes, timeout: bytes) -> int:
        Int.decode(replicas)
        if Int.decode(timeout, "ERR timeout is not an integer or out of range") < 0:
            raise SimpleError("ERR timeout is negative")
        return 0

    @answers("slowlog get", more=(bytes,))
    def do_slowlog_get(self, *count: bytes) -> list[Any]:
        if count and Int.decode(count[0]) < -1:
            raise SimpleError("ERR count should be greater than or equal to -1")
        return []

    @answers("slowlog len")
    def do_slowlog_len(self) -> int:
        return 0

    @answers("slowlog reset")
    def do_slowlog_reset(self) -> Status:
        return OK

    @answers("latency latest")
    def do_latency_latest(self) -> list[Any]:
        return []

    @answers("latency history", bytes)
    def do_latency_history(self, event: bytes) -> list[Any]:  # noqa: ARG002  # none is recorded
        return []

    @answers("latency reset", more=(bytes,))
    def do_latency_reset(self, *_: bytes) -> int:
        return 0

    @answers("module list")
    def do_module_list(self) -> list[Any]:
        return []

    @answers("lolwut", more=(bytes,))
    def do_lolwut(self, *_: bytes) -> Verbatim:
        return Verbatim(f"Redis ver. {self._server.version_text}\n".encode())

    @answers("bgrewriteaof")
    def do_bgrewriteaof(self) -> Status:
        return Status(b"Background append only file rewriting started")

    @answers("replicaof", bytes, bytes)
    def do_replicaof(self, host: bytes, port: bytes) -> Status:
        if casematch(host, b"no") and casematch(port, b"one"):
            return OK
        raise SimpleError("ERR the in-memory server cannot replicate")

    @answers("slaveof", bytes, bytes)
    def do_slaveof(self, host: bytes, port: bytes) -> Status:
        return self.do_replicaof(host, port)

    @answers("memory doctor")
    def do_memory_doctor(self) -> bytes:
        return (
            b"Hi Sam, this instance is empty or is using very little memory, my issue detector "
            b"can't be used in these conditions. Please, leave for your mission on Earth and fill "
            b"it with some data. The new Sam and I will be back to our programming as soon as I "
            b"finished rebooting.\n"
        )

    @answers("memory purge")
    def do_memory_purge(self) -> Status:
        return OK

    @answers("command count")
    def do_command_count(self) -> int:
        return sum("|" not in name for name in table.commands())

    @answers("command list")
    def do_command_list(self) -> list[bytes]:
        return [name.encode() for name in table.commands() if "|" not in name]

    @answers("command", more=(bytes,))
    def do_command(self, *_: bytes) -> list[Any]:
        return [_described(name) for name in table.commands() if "|" not in name]

    @answers("command info", more=(bytes,))
    def do_command_info(self, *names: bytes) -> list[Any]:
        if not names:
            return self.do_command()
        known = table.commands()
        return [
            _described(name) if name in known else None
            for name in (given.decode("utf-8", "replace").lower() for given in names)
        ]

    @answers("command getkeys", bytes, more=(bytes,))
    def do_command_getkeys(self, *request: bytes) -> list[bytes]:
        spec = table.commands().get(request[0].decode("utf-8", "replace").lower())
        if spec is None:
            raise SimpleError("ERR Invalid command specified")
        if not spec.accepts(len(request)):
            raise SimpleError("ERR Invalid number of arguments specified for command")
        if spec.first_key <= 0:
            raise SimpleError("ERR The command has no key arguments")
        last = spec.last_key if spec.last_key >= 0 else len(request) + spec.last_key
        return list(request[spec.first_key : last + 1 : spec.step])


def _described(name: str) -> list[Any]:
    spec = table.commands()[name]
    children = [child for child in table.commands() if child.startswith(f"{name}|")]
    return [
        name.encode(),
        spec.arity,
        [Status(flag.encode()) for flag in sorted(spec.flags)],
        spec.first_key,
        spec.last_key,
        spec.step,
        [],
        [],
        [],
        [_described(child) for child in children],
    ]
