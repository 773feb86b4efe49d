"""What a blocked connection raises. It reads like an outage, so the application may handle it;
what it handled is shown all the same: see `BlockedWarning`."""

from __future__ import annotations

import errno
import socket

import pytest

_INSTEAD = {
    **dict.fromkeys(
        (6379, 6380, 26379),
        "redis-py and valkey-py are answered by the plugin, unless hermetic_off('redis')",
    ),
    5432: "SQLAlchemy engines are given a PostgreSQL by the plugin, unless hermetic_off('sql')",
    **dict.fromkeys(
        (25, 465, 587, 1025, 2525), "smtplib and aiosmtplib deliver to the fixture hermetic_mail"
    ),
}
_PLAIN_HTTP = (80, 8000, 8080)


class NetworkBlocked(ConnectionError):
    """A test was about to leave the process. The text names test, address and what to use."""

    def __init__(self, text: str, address: str) -> None:
        super().__init__(errno.ECONNREFUSED, text)
        self.text = text
        self.address = address
        """`host:port`, or what else was asked for."""
        self.is_known = False
        """Whether it, or what it was wrapped in, reached the test's own code."""

    def __str__(self) -> str:
        return self.text


class LookupBlocked(NetworkBlocked, socket.gaierror):
    """The same for the name of a host: no resolver is asked."""


class BlockedWarning(pytest.PytestWarning):
    """A test passed although an address was blocked: its application swallowed the error."""


def text(nodeid: str, address: str, level: str, *, instead: str) -> str:
    """The message of a refusal."""
    return f"{nodeid} may not reach {address}: the network is closed ({level}). Instead: {instead}"


def instead_of(address: str, port: int | None, *, is_loopback: bool) -> str:
    """What a test does in place of reaching `address`."""
    if is_loopback:
        return "if the test itself runs that server, mark it hermetic(network='loopback')"
    answer = _INSTEAD.get(port or 443)
    if answer is None:
        scheme, plain = ("http", 80) if port in _PLAIN_HTTP else ("https", 443)
        origin = f"{scheme}://{address.removesuffix(f':{plain}')}"
        answer = f'if it speaks HTTP, hermetic_http.mount("{origin}", app)'
    return f"{answer}; or let it through with hermetic(allow=[{address!r}])"
