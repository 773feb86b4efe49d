"""Who may be reached: the level of a test, and the addresses it lets through."""

from __future__ import annotations

import ipaddress
import socket
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import pytest

_Address = ipaddress.IPv4Address | ipaddress.IPv6Address
_Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True, slots=True)
class Allowed:
    """One entry of `hermetic_allow_hosts`: a name or a network, with any port or with one."""

    name: str
    network: _Network | None
    port: int | None

    def covers(self, port: int | None) -> bool:
        """Whether this entry is about `port`; a look-up without a port fits them all."""
        return self.port is None or port is None or self.port == port


def parse(entry: str) -> Allowed:
    """Read `host`, `host:port`, `10.0.0.0/8`, `[::1]:443`.

    Raises `pytest.UsageError` for what is none of these.
    """
    host, port = entry.strip(), ""
    if host.startswith("["):
        host, _, port = host[1:].partition("]")
        port = port.removeprefix(":")
    elif host.count(":") == 1:
        host, _, port = host.partition(":")
    if not host or (port and not port.isdecimal()) or "://" in entry:
        raise pytest.UsageError(f"an allowed host is host or host:port, not {entry!r}")
    try:
        network = ipaddress.ip_network(host, strict=False)
    except ValueError:
        network = None
    return Allowed(_folded(host), network, int(port) if port else None)


@dataclass(frozen=True, slots=True)
class Rules:
    """What one test may reach. `level` is block or loopback."""

    level: str
    allowed: tuple[Allowed, ...] = ()
    _resolved: dict[str, set[_Address]] = field(default_factory=dict)

    def permits(self, host: str, port: int | None) -> bool:
        """Whether a connection to `host`, an address or a name, may be opened."""
        address = numeric(host)
        if address is None:
            return self.permits_lookup(host, port) and all(
                self.permits(found, port) for found in hosts_file().get(_folded(host), ())
            )
        if self.level == "loopback" and is_loopback(address):
            return True
        return any(entry.covers(port) and self._means(entry, address) for entry in self.allowed)

    def permits_lookup(self, name: str, port: int | None = None) -> bool:
        """Whether `name` may be resolved: it needs no resolver, or it is let through."""
        folded = _folded(name)
        if numeric(name) is not None or folded in hosts_file():
            return True
        return any(entry.covers(port) and entry.name == folded for entry in self.allowed)

    def _means(self, entry: Allowed, address: _Address) -> bool:
        if entry.network is not None:
            return address.version == entry.network.version and address in entry.network
        known = self._resolved.setdefault(entry.name, set())
        if address not in known:
            # Asked anew: a name may have more addresses than one answer holds.
            try:
                found = socket.getaddrinfo(entry.name, None)
            except OSError:
                return False
            known.update(one for *_, (host, *_) in found if (one := numeric(str(host))))
        return address in known


def numeric(host: str) -> _Address | None:
    """The address that `host` spells, None if it is a name. The empty host is loopback."""
    if host in ("", "localhost"):
        return ipaddress.IPv4Address("127.0.0.1")
    try:
        found = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return _old_spelling(host)
    return getattr(found, "ipv4_mapped", None) or found


def is_loopback(address: _Address) -> bool:
    """Whether only this machine answers there. To connect to 0.0.0.0 means oneself."""
    return address.is_loopback or address.is_unspecified


@cache
def hosts_file() -> dict[str, tuple[str, ...]]:
    """The names this machine knows without asking: `localhost` and those of /etc/hosts."""
    names: dict[str, tuple[str, ...]] = {"localhost": ("127.0.0.1",)}
    try:
        lines = Path("/etc/hosts").read_text(errors="replace").splitlines()
    except OSError:
        return names
    for line in lines:
        address, *aliases = line.partition("#")[0].split() or [""]
        for alias in aliases:
            names[_folded(alias)] = (*names.get(_folded(alias), ()), address)
    return names


def name_of(address: str) -> str | None:
    """The name by which /etc/hosts knows `address`, if it does."""
    return next((name for name, found in hosts_file().items() if address in found), None)


def _folded(name: str) -> str:
    return name.lower().rstrip(".")


def _old_spelling(host: str) -> _Address | None:
    # "127.1" and "2130706433" are addresses to the C library, without a look-up.
    if not host.replace(".", "").replace("x", "").isalnum() or not host[0].isdigit():
        return None
    try:
        return ipaddress.IPv4Address(socket.inet_aton(host))
    except OSError:
        return None
