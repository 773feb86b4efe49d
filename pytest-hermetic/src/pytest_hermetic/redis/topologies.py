"""Which addresses are more than a server: nodes of the cluster, members of a sentinel's service.

Nobody says so beforehand. An address whose CLUSTER SLOTS a client asks for is a cluster's, and one
it sends SENTINEL to is a sentinel's. The session has one cluster: another address that is asked for
slots is a member without any.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_hermetic.redis.endpoints import Endpoint, tcp
from pytest_hermetic.redis.engine.adapter import EngineServer
from pytest_hermetic.redis.engine.cluster import Cluster
from pytest_hermetic.redis.engine.sentinel import Sentinels
from pytest_hermetic.redis.engine.shards import Node, Place, Shard

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pytest_hermetic.explain import Recorder


class Topologies:
    """The cluster and the sentinels of a session, found out as clients ask for them."""

    def __init__(
        self, version: tuple[int, ...], services: Iterable[str], explain: Recorder
    ) -> None:
        self._version = version
        self._explain = explain
        self.cluster: Cluster | None = None
        self.sentinels = Sentinels(self._serve, services)

    def place(self, endpoint: Endpoint) -> tuple[EngineServer, Place]:
        """The server behind an address, and what its connections have come to."""
        place, node = Place(), self._node(endpoint)
        if node is not None:
            place.node = node
            if self.cluster is not None and node.shard in self.cluster.shards:
                place.cluster = self.cluster
            return node.shard.server, place
        server = self._serve(str(endpoint))
        if endpoint.path is None:
            place.found = lambda: self._join(endpoint, server, place)
        place.sentinel = self.sentinels.at(server)
        return server, place

    def reset(self) -> bool:
        """Undo what the test did to slots and roles; whether clients of the cluster know others."""
        self.sentinels.reset()
        return self.cluster is not None and self.cluster.reset()

    def _serve(self, name: str) -> EngineServer:
        return EngineServer(name, self._version)

    def _node(self, endpoint: Endpoint) -> Node | None:
        shards = [*self.sentinels.services.values()]
        if self.cluster is not None:
            shards += self.cluster.shards
        for shard in shards:
            for node in shard.nodes:
                if tcp(node.host, node.port) == endpoint:
                    return node
        return None

    def _join(self, endpoint: Endpoint, server: EngineServer, place: Place) -> None:
        host = "127.0.0.1" if endpoint.host == "localhost" else endpoint.host
        if self.cluster is None:
            self.cluster = Cluster(host, endpoint.port, server, self._serve)
            place.node = self.cluster.shards[0].primary
            what = f"{len(self.cluster.shards)} primaries, a replica each, in memory"
        else:
            place.node = Shard(server).add(host, endpoint.port)
            what = f"a member without slots of {self.cluster.nodes[0]}'s cluster"
        place.cluster = self.cluster
        self._explain.record("cluster", str(endpoint), what)
