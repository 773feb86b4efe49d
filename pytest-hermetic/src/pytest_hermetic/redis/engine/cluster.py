"""A Redis Cluster: which node answers for which slot, and what the others say to a client.

After `getNodeByQuery` of Redis 7.0. Three primaries with a replica each, at the address a client
asked and the ports after it.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import groupby
from typing import TYPE_CHECKING, Any

from pytest_hermetic.redis.engine.adapter import EngineServer, move_keys
from pytest_hermetic.redis.engine.key_positions import SLOTS, keys_of, slot_of
from pytest_hermetic.redis.engine.shards import Node, Shard

if TYPE_CHECKING:
    from pytest_hermetic.redis.engine.session import Session

_PRIMARIES = 3


class Cluster:
    """The shards of one cluster and the slots of each."""

    def __init__(
        self, host: str, port: int, first: EngineServer, serve: Callable[[str], EngineServer]
    ) -> None:
        self.shards: list[Shard] = []
        for number in range(_PRIMARIES):
            server = first if number == 0 else serve(f"{host}:{port + number}")
            server.lock = first.lock  # a PUBLISH reaches all of them
            shard = Shard(server)
            shard.add(host, port + number)
            shard.add(host, port + _PRIMARIES + number)
            self.shards.append(shard)
        self.owners: list[Shard] = []
        self.moving: dict[int, Shard] = {}
        """Slots that are on their way to another shard."""
        self._deal()

    @property
    def nodes(self) -> list[Node]:
        """Every node, primaries first."""
        return sorted(
            (node for shard in self.shards for node in shard.nodes), key=lambda n: n.is_replica
        )

    def reset(self) -> bool:
        """Give every slot, and every role, to whom it was given first; whether any was not."""
        owners, moving = self.owners, self.moving
        self.moving = {}
        self._deal()
        promoted = [shard.reset() for shard in self.shards]
        for shard in self.shards:
            shard.server.wipe()
        return any(promoted) or bool(moving) or owners != self.owners

    def ranges(self) -> list[tuple[int, int, Shard]]:
        """The slots as ranges: first, last, and whose they are."""
        found = []
        for shard, slots in groupby(range(SLOTS), key=lambda slot: self.owners[slot]):
            numbers = list(slots)
            found.append((numbers[0], numbers[-1], shard))
        return found

    def move(self, slot: int, to: Shard) -> None:
        """Give a slot, with its keys, to another shard: clients are told MOVED."""
        source = self.owners[slot]
        if source is not to:
            move_keys(source.server, to.server, lambda key: slot_of(key) == slot)
        self.owners[slot] = to
        self.moving.pop(slot, None)

    def migrate(self, key: bytes, to: Shard) -> None:
        """Begin to move the slot of `key`: that key is gone already, clients are told ASK."""
        slot = slot_of(key)
        self.moving[slot] = to
        move_keys(self.owners[slot].server, to.server, lambda one: one == key)

    def publish(self, sender: EngineServer, channel: bytes, message: bytes) -> None:
        """Let the subscribers of the other nodes have a message."""
        for shard in self.shards:
            if shard.server is not sender:
                shard.server.publish(channel, message)

    def redirection(
        self, node: Node, session: Session, flags: frozenset[str], requests: list[list[bytes]]
    ) -> str:
        """What `node` answers in place of running the requests; empty if they are for it."""
        keys = [key for fields in requests for key in keys_of(fields)]
        if not keys:
            return ""
        slots = {slot_of(key) for key in keys}
        if len(slots) > 1:
            return "CROSSSLOT Keys in request don't hash to the same slot"
        slot = slots.pop()
        owner, target = self.owners[slot], self.moving.get(slot)
        present = [key in session._db for key in keys]
        if target is node.shard and session.asking and not node.is_replica:
            if len(set(keys)) > 1 and not all(present):
                return "TRYAGAIN Multiple keys request during rehashing of slot"
            return ""
        if node.shard is not owner:
            return f"MOVED {slot} {owner.primary}"
        if node.is_replica:
            reads = session.reads_replica and "readonly" in flags
            return "" if reads else f"MOVED {slot} {owner.primary}"
        if target is not None and not all(present):
            if any(present):
                return "TRYAGAIN Multiple keys request during rehashing of slot"
            return f"ASK {slot} {target.primary}"
        return ""

    def shard_at(self, address: str) -> Shard:
        """The shard that has a node at `host:port`. Raises LookupError if none has."""
        for shard in self.shards:
            if any(str(node) == address for node in shard.nodes):
                return shard
        raise LookupError(f"the cluster has no node {address}: {[str(n) for n in self.nodes]}")

    def _deal(self) -> None:
        # As redis-cli deals them: 0-5460, 5461-10922, 10923-16383.
        share = SLOTS / len(self.shards)
        self.owners = [self.shards[0]] * SLOTS
        first = 0
        for number, shard in enumerate(self.shards):
            last = SLOTS if number == len(self.shards) - 1 else round((number + 1) * share)
            self.owners[first:last] = [shard] * (last - first)
            first = last


def described(node: Node) -> list[Any]:
    """A node as CLUSTER SLOTS shows it."""
    return [node.host.encode(), node.port, node.identity, {}]
