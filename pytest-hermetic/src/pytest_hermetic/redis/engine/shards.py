"""A shard is one dataset and the nodes that serve it: a primary, and replicas that only read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import sha1
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pytest_hermetic.redis.engine.adapter import EngineServer

READ_ONLY = "READONLY You can't write against a read only replica."
NOT_LOCAL = "ERR Script attempted to access a non local key in a cluster node"


@dataclass(eq=False)
class Node:
    """One address of a shard. Replication takes no time: all nodes show the same dataset."""

    host: str
    port: int
    shard: Shard

    @property
    def is_replica(self) -> bool:
        """Whether another node of its shard is the primary."""
        return self.shard.primary is not self

    @property
    def identity(self) -> bytes:
        """Its name among nodes: 40 hexadecimal digits."""
        return sha1(str(self).encode(), usedforsecurity=False).hexdigest().encode()

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


@dataclass(eq=False)
class Shard:
    """One server behind several nodes."""

    server: EngineServer
    nodes: list[Node] = field(default_factory=list)
    primary: Node = field(init=False)

    def add(self, host: str, port: int) -> Node:
        """A new node; the first is the primary."""
        node = Node(host, port, self)
        self.nodes.append(node)
        if len(self.nodes) == 1:
            self.primary = node
        return node

    @property
    def replicas(self) -> list[Node]:
        """The nodes that only read."""
        return [node for node in self.nodes if node.is_replica]

    def reset(self) -> bool:
        """The first node is the primary again; whether another one was."""
        return self._promote(self.nodes[0])

    def fail_over(self) -> Node:
        """Let the next node be the primary."""
        self._promote(self.nodes[(self.nodes.index(self.primary) + 1) % len(self.nodes)])
        return self.primary

    def _promote(self, node: Node) -> bool:
        """Let `node` be the primary; the connections to the former one end, as in earnest."""
        former, self.primary = self.primary, node
        if former is node:
            return False
        for session in list(self.server.sockets):
            place: Place | None = getattr(session, "place", None)
            if place is not None and place.node is former:
                session.hang_up()
        return True


class Place:
    """Where a connection has come to: a server of its own, or a node of something larger.

    One for all connections to an address, which may become part of a cluster while they are open.
    """

    def __init__(self) -> None:
        self.node: Node | None = None
        self.cluster: Any = None
        """The `Cluster` the node belongs to."""
        self.found: Callable[[], Any] | None = None
        """Makes a cluster of this address, when a client asks for the slots of one."""
        self.sentinel: Callable[[list[bytes]], Any] | None = None
        """Answers SENTINEL commands."""

    @property
    def is_replica(self) -> bool:
        """Whether it only reads."""
        return self.node is not None and self.node.is_replica

    def refusal(self, session: Any, flags: frozenset[str], requests: list[list[bytes]]) -> str:
        """Why these requests are not for this node, in the words of Redis; empty if they are."""
        if self.cluster is not None:
            text: str = self.cluster.redirection(self.node, session, flags, requests)
            if text:
                return text
        return READ_ONLY if self.is_replica and "write" in flags else ""
