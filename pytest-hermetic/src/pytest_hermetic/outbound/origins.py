"""An origin is a scheme, a host and a port (RFC 6454): what an application is mounted at."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

DEFAULT_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Origin:
    """One origin, or with a host `*.example.com` the origins of all hosts below example.com."""

    scheme: str
    host: str
    """Lower case, in ASCII (IDNA); an IPv6 address has no brackets."""
    port: int

    def covers(self, other: Origin) -> bool:
        """Whether a request to `other` is meant."""
        if (self.scheme, self.port) != (other.scheme, other.port):
            return False
        if self.host.startswith("*."):
            return other.host.endswith(self.host[1:])
        return self.host == other.host

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        is_default = DEFAULT_PORTS.get(self.scheme) == self.port
        return f"{self.scheme}://{host}" if is_default else f"{self.scheme}://{host}:{self.port}"


def origin(scheme: str, host: str, port: int | None = None) -> Origin:
    """The origin of these parts as a client knows them; the port defaults by the scheme."""
    scheme = scheme.lower()
    return Origin(scheme, _ascii(host), port or DEFAULT_PORTS.get(scheme, 0))


def of_text(text: str) -> Origin:
    """Parse `https://accounts.google.com`, `http://localhost:8080`, `https://*.example.com`.

    Raises ValueError for what is not an origin: another scheme, a path, a user name.
    """
    parts = urlsplit(text.strip())
    if parts.scheme not in DEFAULT_PORTS or not parts.hostname:
        raise ValueError(f"an origin is http(s)://host[:port], not {text!r}")
    if parts.path not in ("", "/") or parts.query or parts.fragment or parts.username:
        raise ValueError(
            f"an origin has no path and no user: mount at {parts.scheme}://{parts.netloc}"
            f" and serve {parts.path or '/'} there, not {text!r}"
        )
    return origin(parts.scheme, parts.hostname, parts.port)


def _ascii(host: str) -> str:
    host = host.lower().strip("[]").rstrip(".")
    if host.isascii():
        return host
    return host.encode("idna").decode("ascii")
