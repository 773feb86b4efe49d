"""The client's address: the socket's peer, unless a trusted proxy says otherwise."""

from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

Network = IPv4Network | IPv6Network


def client_address(peer: str, forwarded: list[str], trusted: tuple[Network, ...]) -> str:
    """The right-most address of `X-Forwarded-For` that no trusted proxy added.

    `forwarded` are that header's lines in order. They count only where the peer itself is a
    trusted proxy; what a client wrote there stands to the left and is never reached.
    """
    found = _parse(peer)
    if found is None:
        return ""
    entries = [entry for line in forwarded for entry in line.split(",")]
    while entries and any(found in network for network in trusted):
        previous = _parse(entries.pop().strip())
        if previous is None:
            break
        found = previous
    return str(found)


@lru_cache(4096)
def network_of(address: str) -> str:
    """What budgets count: an IPv4 address, or the /64 an IPv6 address is in (RFC 4291 §2.5.4).

    One customer holds a whole /64: its 2^64 addresses must share one budget.
    """
    found = _parse(address)
    if isinstance(found, IPv6Address):
        return str(ip_network((found, 64), strict=False))
    return str(found) if found else "unknown"


@lru_cache(4096)
def _parse(value: str) -> IPv4Address | IPv6Address | None:
    try:
        found = ip_address(value.partition("%")[0].removeprefix("[").removesuffix("]"))
    except ValueError:
        return None
    # ::ffff:192.0.2.1 is 192.0.2.1 in another spelling (RFC 4291 §2.5.5.2).
    return (found.ipv4_mapped or found) if isinstance(found, IPv6Address) else found
