"""CLUSTER and its kin: refused by a single server, answered by a node of a cluster.

A server whose slots a client asks for becomes a node: that is how a cluster's client begins. One
that reads replicas begins with READONLY.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pytest_hermetic.redis.engine import table
from pytest_hermetic.redis.engine.adapter import Int, SimpleError
from pytest_hermetic.redis.engine.cluster import Cluster, described
from pytest_hermetic.redis.engine.key_positions import SLOTS, slot_of
from pytest_hermetic.redis.engine.overlay import Overlay, answers, shapes
from pytest_hermetic.redis.resp import Status, Verbatim

if TYPE_CHECKING:
    from pytest_hermetic.redis.engine.shards import Node, Place

OK = Status(b"OK")
_NO_CLUSTER = "ERR This instance has cluster support disabled"


class ClusterCommands(Overlay):
    """CLUSTER …, READONLY, READWRITE, ASKING, and what a cluster forbids."""

    place: Place
    reads_replica: bool
    asking: bool

    def _cluster(self) -> Cluster:
        if self.place.cluster is None:
            raise SimpleError(_NO_CLUSTER)
        found: Cluster = self.place.cluster
        return found

    def _founded(self) -> Cluster:
        if self.place.cluster is None and self.place.found is not None:
            self.place.found()
        return self._cluster()

    def _node(self) -> Node:
        self._cluster()
        assert self.place.node is not None  # noqa: S101  # a cluster's place has one
        return self.place.node

    @answers("readonly")
    def do_readonly(self) -> Status:
        self._founded()
        self.reads_replica = True
        return OK

    @answers("readwrite")
    def do_readwrite(self) -> Status:
        self._cluster()
        self.reads_replica = False
        return OK

    @answers("asking")
    def do_asking(self) -> Status:
        self._cluster()
        self.asking = True
        return OK

    @answers("cluster slots")
    def do_cluster_slots(self) -> list[Any]:
        return [
            [first, last, described(shard.primary), *map(described, shard.replicas)]
            for first, last, shard in self._founded().ranges()
        ]

    @answers("cluster shards")
    def do_cluster_shards(self) -> list[Any]:
        cluster = self._founded()
        found = []
        for shard in cluster.shards:
            mine = [(first, last) for first, last, owner in cluster.ranges() if owner is shard]
            nodes = [
                {
                    b"id": node.identity,
                    b"port": node.port,
                    b"ip": node.host.encode(),
                    b"endpoint": node.host.encode(),
                    b"role": b"replica" if node.is_replica else b"master",
                    b"replication-offset": 0,
                    b"health": b"online",
                }
                for node in shard.nodes
            ]
            found.append({b"slots": [n for pair in mine for n in pair], b"nodes": nodes})
        return found

    @answers("cluster nodes")
    def do_cluster_nodes(self) -> Verbatim:
        lines = [self._line(node) for node in self._cluster().nodes]
        return Verbatim("".join(f"{line}\n" for line in lines).encode())

    @answers("cluster info")
    def do_cluster_info(self) -> Verbatim:
        cluster = self._cluster()
        values = {
            "cluster_state": "ok",
            "cluster_slots_assigned": SLOTS,
            "cluster_slots_ok": SLOTS,
            "cluster_slots_pfail": 0,
            "cluster_slots_fail": 0,
            "cluster_known_nodes": len(cluster.nodes),
            "cluster_size": len(cluster.shards),
            "cluster_current_epoch": len(cluster.nodes),
            "cluster_my_epoch": 1,
            "cluster_stats_messages_sent": 0,
            "cluster_stats_messages_received": 0,
            "total_cluster_links_buffer_limit_exceeded": 0,
        }
        return Verbatim("".join(f"{key}:{value}\r\n" for key, value in values.items()).encode())

    @answers("cluster myid")
    def do_cluster_myid(self) -> bytes:
        return self._node().identity

    @answers("cluster keyslot", bytes)
    def do_cluster_keyslot(self, key: bytes) -> int:
        self._cluster()
        return slot_of(key)

    @answers("cluster countkeysinslot", bytes)
    def do_cluster_countkeysinslot(self, slot: bytes) -> int:
        self._cluster()
        number = Int.decode(slot)
        if not 0 <= number < SLOTS:
            raise SimpleError("ERR Invalid slot")
        return len(self._keys_in(number))

    @answers("cluster getkeysinslot", bytes, bytes)
    def do_cluster_getkeysinslot(self, slot: bytes, count: bytes) -> list[bytes]:
        self._cluster()
        number, wanted = Int.decode(slot), Int.decode(count)
        if not 0 <= number < SLOTS or wanted < 0:
            raise SimpleError("ERR Invalid slot or number of keys")
        return self._keys_in(number)[:wanted]

    @answers("cluster replicas", bytes)
    def do_cluster_replicas(self, identity: bytes) -> list[bytes]:
        for node in self._cluster().nodes:
            if node.identity == identity:
                if node.is_replica:
                    raise SimpleError("ERR The specified node is not a master")
                return [self._line(one).encode() for one in node.shard.replicas]
        raise SimpleError(f"ERR Unknown node {identity.decode('utf-8', 'replace')}")

    @answers("cluster slaves", bytes)
    def do_cluster_slaves(self, identity: bytes) -> list[bytes]:
        return self.do_cluster_replicas(identity)

    def _keys_in(self, slot: int) -> list[bytes]:
        return [key for key in self._db if slot_of(key) == slot]

    def _line(self, node: Node) -> str:
        cluster = self._cluster()
        role = "slave" if node.is_replica else "master"
        flags = f"myself,{role}" if node is self.place.node else role
        above = node.shard.primary.identity.decode() if node.is_replica else "-"
        words = [
            *(node.identity.decode(), f"{node}@{node.port + 10000}", flags, above),
            *("0", "0", "1", "connected"),
        ]
        if not node.is_replica:
            ranges = [(a, b) for a, b, shard in cluster.ranges() if shard is node.shard]
            words += [str(a) if a == b else f"{a}-{b}" for a, b in ranges]
        return " ".join(words)


@shapes("publish")
def _to_every_node(session: Any, reply: Any) -> Any:
    """The message goes to the subscribers of all nodes; those of this one are counted."""
    if session.place.cluster is not None:
        channel, message = session.current[1:3]
        session.place.cluster.publish(session._server, channel, message)
    return reply


def _refused(subcommand: str) -> Any:
    def refuse(self: Any, *_: bytes) -> None:
        self._cluster()
        raise SimpleError("ERR the in-memory cluster is changed by hermetic.redis.cluster")

    refuse.__name__ = f"do_cluster_{subcommand.replace('-', '_')}"
    return answers(f"cluster {subcommand}", more=(bytes,))(refuse)


for _name in [name.partition("|")[2] for name in table.commands() if name.startswith("cluster|")]:
    _method = f"do_cluster_{_name.replace('-', '_')}"
    if _name != "help" and not hasattr(ClusterCommands, _method):
        setattr(ClusterCommands, _method, _refused(_name))
