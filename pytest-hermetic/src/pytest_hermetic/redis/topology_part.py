"""`hermetic.redis.cluster` and `.sentinel`: what a test does to them beside its service."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_hermetic.redis.engine.key_positions import slot_of

if TYPE_CHECKING:
    from pytest_hermetic.redis.engine.cluster import Cluster
    from pytest_hermetic.redis.topologies import Topologies


class ClusterPart:
    """The cluster of the session; all is as it was before the next test.

    Nodes are named `host:port`. Raises LookupError while no client has asked for a cluster.
    """

    def __init__(self, topologies: Topologies) -> None:
        self._topologies = topologies

    @property
    def nodes(self) -> dict[str, str]:
        """Every node, with "primary" or "replica"."""
        return {
            str(node): "replica" if node.is_replica else "primary" for node in self._cluster.nodes
        }

    def slot(self, key: str) -> int:
        """The slot of a key."""
        return slot_of(key.encode())

    def owner(self, key: str) -> str:
        """The primary that answers for a key."""
        return str(self._cluster.owners[self.slot(key)].primary)

    def move(self, key: str, to: str) -> None:
        """Give the slot of `key`, with its keys, to the shard of a node: clients meet MOVED."""
        self._cluster.move(self.slot(key), self._cluster.shard_at(to))

    def migrate(self, key: str, to: str) -> None:
        """Begin to move the slot of `key`, of which this key has arrived: clients meet ASK."""
        self._cluster.migrate(key.encode(), self._cluster.shard_at(to))

    def fail_over(self, node: str) -> str:
        """Make the replica of a primary the primary, whose connections break; its name."""
        shard = self._cluster.shard_at(node)
        return str(shard.fail_over())

    @property
    def _cluster(self) -> Cluster:
        if self._topologies.cluster is None:
            raise LookupError("no client has asked for a Redis Cluster yet")
        return self._topologies.cluster


class SentinelPart:
    """The services the sentinels watch; all is as it was before the next test."""

    def __init__(self, topologies: Topologies) -> None:
        self._topologies = topologies

    def primary(self, service: str = "mymaster") -> str:
        """The primary of a service, as `host:port`."""
        return str(self._topologies.sentinels.service(service).primary)

    def fail_over(self, service: str = "mymaster") -> str:
        """Make the replica of a service its primary; connections to the former one break."""
        return str(self._topologies.sentinels.fail_over(service))
