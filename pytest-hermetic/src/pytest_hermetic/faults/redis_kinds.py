"""What can befall Redis, by the word a test uses, in the server's own texts (Redis 7.0).

Connecting: `refuse` (new connections), `down` (new and open ones), `timeout` with at="connect".
The wire: `timeout` (no answer comes), `latency` (seconds=…), `cut` (the connection breaks after
keep=… bytes of the answer). For each, lost="answer" says that the command was run and only its
answer did not arrive; `timeout` is by itself of the "request", `cut` of the "answer".
Answers: `loading`, `readonly`, `oom`, `noscript`, `moved` (to="host:port"), `busy`, `tryagain`,
`clusterdown`, `masterdown`, `misconf`, and `error` with text="CODE words".
Which commands: commands="INCR" or a list, keys="limit:*", server="redis://host:port". The
handshake (HELLO, AUTH, CLIENT, SELECT) and a cluster's and a sentinel's own commands pass
uncounted, unless `commands` names them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

import pytest

from pytest_hermetic.faults.fault import Stroke

_UNCOUNTED = frozenset(
    ("HELLO", "AUTH", "CLIENT", "SELECT", "COMMAND", "CLUSTER", "SENTINEL", "READONLY", "ASKING")
)
_SCRIPTS = frozenset(("EVAL", "EVALSHA", "FCALL"))
_ANSWERS = {
    "loading": "LOADING Redis is loading the dataset in memory",
    "readonly": "READONLY You can't write against a read only replica.",
    "oom": "OOM command not allowed when used memory > 'maxmemory'.",
    "noscript": "NOSCRIPT No matching script. Please use EVAL.",
    "busy": (
        "BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE."
    ),
    "tryagain": "TRYAGAIN Multiple keys request during rehashing of slot",
    "clusterdown": "CLUSTERDOWN The cluster is down",
    "masterdown": (
        "MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'."
    ),
    "misconf": (
        "MISCONF Redis is configured to save RDB snapshots, but it's currently unable to persist "
        "to disk. Commands that may modify the data set are disabled, because this instance is "
        "configured to report errors during writes if RDB snapshotting fails "
        "(stop-writes-on-bgsave-error option). Please check the Redis logs for details about the "
        "RDB error."
    ),
    "moved": "MOVED {slot} {to}",
}
_WIRE = ("refuse", "down", "timeout", "latency", "cut")


@dataclass(frozen=True, slots=True)
class RedisOperation:
    """A command on its way to a server, or, without `fields`, a connection to it."""

    server: str
    fields: tuple[bytes, ...] = ()

    @property
    def name(self) -> str:
        """The command's name in capitals; empty for a connection."""
        return self.fields[0].decode("utf-8", "replace").upper() if self.fields else ""

    def __str__(self) -> str:
        words = [field.decode("utf-8", "backslashreplace")[:40] for field in self.fields[:2]]
        return " ".join(words) or f"connect to {self.server}"


def build(
    kind: str,
    *,
    at: str | None = None,
    lost: str | None = None,
    keep: int = 0,
    seconds: float | None = None,
    text: str | None = None,
    to: str | None = None,
    commands: str | Iterable[str] = (),
    keys: str | None = None,
    server: str | None = None,
) -> tuple[str, Callable[[Any], Stroke | None]]:
    """The operations a fault of `kind` may strike, and how it strikes one.

    Raises `pytest.UsageError` for a kind, or a use of an option, that does not exist.
    """
    if kind not in (*_WIRE, *_ANSWERS, "error"):
        known = ", ".join((*_WIRE, *_ANSWERS, "error"))
        raise pytest.UsageError(f"redis has no fault {kind!r}; it has {known}")
    if at not in (None, "command", "connect") or (at == "connect" and kind != "timeout"):
        raise pytest.UsageError(f"a redis fault {kind!r} cannot be at={at!r}")
    if lost not in (None, "request", "answer"):
        raise pytest.UsageError(f"lost is 'request' or 'answer', not {lost!r}")
    _need(kind, "latency", "seconds", seconds)
    _need(kind, "error", "text", text)
    names = frozenset(
        name.upper() for name in ([commands] if isinstance(commands, str) else commands)
    )
    place = None if server is None else _place(server)

    def stroke(operation: RedisOperation) -> Stroke | None:
        if place is not None and operation.server != place:
            return None
        if not operation.fields:
            return Stroke(kind, "silence" if kind == "timeout" else "refuse")
        if kind == "down":
            return Stroke(kind, "cut", lost="request")
        if not _concerns(kind, operation, names, keys):
            return None
        match kind:
            case "timeout":
                return Stroke(kind, "silence", lost=lost or "request")
            case "latency":
                return Stroke(kind, "delay", lost="answer", seconds=seconds or 0.0)
            case "cut":
                return Stroke(kind, "cut", lost=lost or "answer", keep=keep)
        answer = text or _ANSWERS[kind]
        if kind == "moved":
            answer = answer.format(slot=_slot(operation), to=to or operation.server)
        return Stroke(kind, "answer", text=answer)

    where = {"refuse": "connect", "down": "open"}.get(kind, at or "command")
    return where, stroke


def _concerns(
    kind: str, operation: RedisOperation, names: frozenset[str], keys: str | None
) -> bool:
    from pytest_hermetic.redis.engine import table
    from pytest_hermetic.redis.engine.key_positions import keys_of

    name = operation.name
    if names:
        if name not in names:
            return False
    elif name in _UNCOUNTED:
        return False
    found = keys_of(list(operation.fields))
    if keys is not None and not any(fnmatchcase(key.decode("latin-1"), keys) for key in found):
        return False
    if names:
        return True  # the test knows better
    spec = table.commands().get(name.lower())
    flags = frozenset() if spec is None else spec.flags
    match kind:
        case "readonly" | "misconf":
            return "write" in flags or name in _SCRIPTS
        case "oom":
            return "denyoom" in flags or name in _SCRIPTS
        case "noscript":
            return name in ("EVALSHA", "EVALSHA_RO")
        case "moved" | "tryagain" | "clusterdown":
            return bool(found)
        case "loading":
            return "loading" not in flags
        case "masterdown":
            return "stale" not in flags
    return True


def _slot(operation: RedisOperation) -> int:
    from pytest_hermetic.redis.engine.key_positions import keys_of, slot_of

    found = keys_of(list(operation.fields))
    return slot_of(found[0]) if found else 0


def _place(server: str) -> str:
    from pytest_hermetic.redis.endpoints import of_url

    return str(of_url(server if "://" in server else f"redis://{server}"))


def _need(kind: str, owner: str, name: str, value: object) -> None:
    if (kind == owner) != (value is not None):
        verb = "needs" if kind == owner else "takes no"
        raise pytest.UsageError(f"a redis fault {kind!r} {verb} {name}=…")
