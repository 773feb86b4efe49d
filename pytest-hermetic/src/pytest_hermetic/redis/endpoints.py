"""Which server a connection means: two services' URLs are two, one server has many names."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote, urlsplit

_LOOPBACK = frozenset(("localhost", "127.0.0.1", "::1", "0.0.0.0", ""))  # noqa: S104  # names, not a bind


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A host and port, or the path of a unix socket."""

    host: str = "localhost"
    port: int = 6379
    path: str | None = None

    def __str__(self) -> str:
        return self.path if self.path is not None else f"{self.host}:{self.port}"


def of_connection(connection: Any) -> Endpoint:
    """The endpoint a client library's connection object would dial."""
    path = getattr(connection, "path", None)
    if path:
        return Endpoint(path=str(path))
    return tcp(connection.host, connection.port)


def of_url(url: str) -> Endpoint:
    """The endpoint of a ``redis``, ``rediss``, ``valkey`` or ``unix`` URL, without its database."""
    parts = urlsplit(url)
    if parts.scheme == "unix":
        return Endpoint(path=unquote(parts.path))
    return tcp(parts.hostname or "localhost", parts.port or 6379)


def tcp(host: Any, port: Any) -> Endpoint:
    """The endpoint at a host and a port; all names of the loopback mean one."""
    name = str(host).lower().rstrip(".")
    return Endpoint("localhost" if name in _LOOPBACK else name, int(port))
