"""``hermetic.redis``: what a test may look at and do beside its service."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from pytest_hermetic.redis.endpoints import Endpoint, of_url
from pytest_hermetic.redis.raw import RawClient

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_hermetic.redis.resource import Command, RedisResource
    from pytest_hermetic.redis.topology_part import ClusterPart, SentinelPart


_SCHEMES = ("redis://", "rediss://", "valkey://", "valkeys://", "unix://")


class RedisPart:
    """The test's Redis. ``server`` arguments are URLs; without one, all servers are meant."""

    def __init__(self, resource: RedisResource) -> None:
        self._resource = resource

    def client(self, url: str | None = None, **options: Any) -> Any:
        """A synchronous ``redis.Redis``; options as in ``from_url``.

        Without a URL it is the server that was connected to; before there is one, the server an
        environment variable names (REDIS_URL, VALKEY_URL, then any other), or else localhost.
        Raises LookupError when there are several to choose from.
        """
        from redis import Redis

        if url is not None:
            return Redis.from_url(url, **options)
        known = self._resource.known()
        if len(known) > 1:
            names = ", ".join(str(endpoint) for endpoint in known)
            raise LookupError(f"several Redis servers are in use, name one by its URL: {names}")
        endpoint = known[0] if known else named_by_environment() or Endpoint()
        if endpoint.path is not None:
            return Redis(unix_socket_path=endpoint.path, **options)
        return Redis(host=endpoint.host, port=endpoint.port, **options)

    @property
    def cluster(self) -> ClusterPart:
        """The session's cluster: `.nodes`, `.owner(key)`, `.move`, `.migrate`, `.fail_over`."""
        from pytest_hermetic.redis.topology_part import ClusterPart

        return ClusterPart(self._resource.topologies)

    @property
    def sentinel(self) -> SentinelPart:
        """What the sentinels watch: `.primary(service)`, `.fail_over(service)`."""
        from pytest_hermetic.redis.topology_part import SentinelPart

        return SentinelPart(self._resource.topologies)

    @property
    def servers(self) -> list[str]:
        """The endpoints connected to in this test: ``host:port`` or a path."""
        return [str(endpoint) for endpoint in self._resource.endpoints]

    @property
    def commands(self) -> list[Command]:
        """Every command sent in this test, handshakes included, oldest first."""
        return list(self._resource.commands)

    def keys(self, pattern: str = "*", *, server: str | None = None) -> list[str]:
        """The names of the keys in all logical databases, sorted."""
        names = {
            name.decode("utf-8", "surrogateescape")
            for client, _ in self._databases(server)
            for name in client.call("KEYS", pattern)
        }
        return sorted(names)

    def dump(self, *, server: str | None = None) -> dict[str, Any]:
        """Every key with its value: bytes, list, set or dict (hash, sorted set, stream by id)."""
        return {
            name.decode("utf-8", "surrogateescape"): _value(client, name)
            for client, _ in self._databases(server)
            for name in sorted(client.call("KEYS", "*"))
        }

    def flush(self) -> None:
        """Delete every key of every server."""
        for client in self._clients(None):
            client.call("FLUSHALL")

    def _clients(self, server: str | None) -> Iterator[RawClient]:
        # A connection kept open from an earlier test does not dial again, so ask for all.
        wanted = self._resource.known() if server is None else [of_url(server)]
        for endpoint in wanted:
            link = self._resource.dial(endpoint)
            if link is None:
                continue
            client = RawClient(link.unseen())
            try:
                yield client
            finally:
                client.close()

    def _databases(self, server: str | None) -> Iterator[tuple[RawClient, int]]:
        for client in self._clients(server):
            for line in client.call("INFO", "keyspace").decode().splitlines():
                if line.startswith("db"):
                    number = int(line[2:].partition(":")[0])
                    client.call("SELECT", number)
                    yield client, number


def named_by_environment() -> Endpoint | None:
    """The server that the environment names for the service, if it does."""
    preferred = [os.environ.get(name, "") for name in ("REDIS_URL", "VALKEY_URL")]
    for value in (*preferred, *os.environ.values()):
        if value.startswith(_SCHEMES):
            return of_url(value)
    return None


def _value(client: RawClient, name: bytes) -> Any:
    match client.call("TYPE", name):
        case "string":
            return client.call("GET", name)
        case "list":
            return client.call("LRANGE", name, 0, -1)
        case "set":
            return set(client.call("SMEMBERS", name))
        case "hash":
            flat = client.call("HGETALL", name)
            return dict(zip(flat[::2], flat[1::2], strict=True))
        case "zset":
            flat = client.call("ZRANGE", name, 0, -1, "WITHSCORES")
            return {k: float(v) for k, v in zip(flat[::2], flat[1::2], strict=True)}
        case "stream":
            return {
                entry: dict(zip(fields[::2], fields[1::2], strict=True))
                for entry, fields in client.call("XRANGE", name, "-", "+")
            }
        case kind:
            raise TypeError(f"{name!r} is a {kind}, which cannot be shown")
