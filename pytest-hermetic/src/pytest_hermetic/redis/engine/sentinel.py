"""Sentinels: they know who the primary of a service is, and make another one of a replica.

Every service asked for exists: a primary and a replica, at `<service>-1` and `<service>-2`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from pytest_hermetic.redis.engine.adapter import EngineServer
from pytest_hermetic.redis.engine.shards import Node, Shard
from pytest_hermetic.redis.resp import Failure, Status

if TYPE_CHECKING:
    from collections.abc import Iterable

OK = Status(b"OK")
_PORT = 6379
_SUBCOMMANDS = frozenset(
    [
        "masters",
        "master",
        "slaves",
        "replicas",
        "sentinels",
        "get-master-addr-by-name",
        "failover",
        "ckquorum",
        "myid",
    ]
)
_OTHERS = 2  # of three sentinels in all


class Sentinels:
    """What every sentinel of the session knows. `names` are the services its clients know of."""

    def __init__(self, serve: Callable[[str], EngineServer], names: Iterable[str]) -> None:
        self._serve = serve
        self._names = names
        self._heralds: list[EngineServer] = []
        self.services: dict[str, Shard] = {}

    def service(self, name: str) -> Shard:
        """The shard of a service, which is made when it is asked for first."""
        found = self.services.get(name)
        if found is None:
            found = self.services[name] = Shard(self._serve(f"{name}-1:{_PORT}"))
            found.add(f"{name}-1", _PORT)
            found.add(f"{name}-2", _PORT)
        return found

    def reset(self) -> None:
        """Every service has its first primary again."""
        for shard in self.services.values():
            shard.reset()
            shard.server.wipe()

    def at(self, herald: EngineServer) -> Callable[[list[bytes]], Any]:
        """What answers SENTINEL at the sentinel whose subscribers are those of `herald`."""

        def answer(fields: list[bytes]) -> Any:
            if herald not in self._heralds:
                self._heralds.append(herald)
            return self._answer(fields)

        return answer

    def fail_over(self, name: str) -> Node:
        """Make a replica the primary, and tell who listens to the sentinels."""
        shard = self.service(name)
        former = shard.primary
        new = shard.fail_over()
        message = f"{name} {former.host} {former.port} {new.host} {new.port}".encode()
        for herald in self._heralds:
            herald.publish(b"+switch-master", message)
        return new

    def _answer(self, fields: list[bytes]) -> Any:
        words = [field.decode("utf-8", "replace") for field in fields[1:]]
        match [word.lower() for word in words[:1]] + words[1:]:
            case ["masters"]:
                return [self._state(name, self.service(name).primary) for name in self._known()]
            case ["master", name]:
                return self._state(name, self.service(name).primary)
            case ["slaves" | "replicas", name]:
                return [self._state(name, node) for node in self.service(name).replicas]
            case ["sentinels", _]:
                return [
                    {**_common(f"sentinel-{number}", 26379), "flags": "sentinel"}
                    for number in range(2, 2 + _OTHERS)
                ]
            case ["get-master-addr-by-name", name]:
                primary = self.service(name).primary
                return [primary.host.encode(), str(primary.port).encode()]
            case ["failover", name]:
                self.fail_over(name)
                return OK
            case ["ckquorum", _]:
                return Status(
                    b"OK 3 usable Sentinels. Quorum and failover authorization can be reached"
                )
            case ["myid"]:
                return b"5" * 40
        return Failure(_complaint(words))

    def _known(self) -> list[str]:
        return sorted({"mymaster", *self._names, *self.services})

    def _state(self, name: str, node: Node) -> dict[str, str]:
        primary = node.shard.primary
        state = {**_common(name if node is primary else str(node), node.port), "ip": node.host}
        if node is not primary:
            return {
                **state,
                "flags": "slave",
                "role-reported": "slave",
                "master-link-down-time": "0",
                "master-link-status": "ok",
                "master-host": primary.host,
                "master-port": str(primary.port),
                "slave-priority": "100",
                "slave-repl-offset": "0",
            }
        return {
            **state,
            "flags": "master",
            "role-reported": "master",
            "config-epoch": "0",
            "num-slaves": str(len(node.shard.replicas)),
            "num-other-sentinels": str(_OTHERS),
            "quorum": "2",
            "failover-timeout": "180000",
            "parallel-syncs": "1",
        }


def _complaint(words: list[str]) -> str:
    if not words:
        return "ERR wrong number of arguments for 'sentinel' command"
    if words[0].lower() not in _SUBCOMMANDS:
        return f"ERR unknown subcommand '{words[0]}'. Try SENTINEL HELP."
    return f"ERR wrong number of arguments for 'sentinel|{words[0].lower()}' command"


def _common(name: str, port: int) -> dict[str, str]:
    return {
        "name": name,
        "ip": name,
        "port": str(port),
        "runid": "0" * 40,
        "link-pending-commands": "0",
        "link-refcount": "1",
        "last-ping-sent": "0",
        "last-ok-ping-reply": "0",
        "last-ping-reply": "0",
        "down-after-milliseconds": "30000",
    }
