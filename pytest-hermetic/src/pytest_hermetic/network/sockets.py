"""Python's sockets and name look-ups, asyncio's among them: what each audit event means."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pytest_hermetic.network.guard import Guard
    from pytest_hermetic.network.hook import Handler

_INTERNET = frozenset((socket.AF_INET, socket.AF_INET6))
# Families that reach other machines, or the one this machine runs in, and know no host and port.
_OTHERS = {
    getattr(socket, name): name
    for name in ("AF_PACKET", "AF_VSOCK", "AF_BLUETOOTH", "AF_CAN", "AF_TIPC", "AF_QIPCRTR")
    if hasattr(socket, name)
}


def handlers(guard: Guard) -> dict[str, Handler]:
    """The audit events of `socket` and `_socket`, by name."""

    def made(arguments: tuple[Any, ...]) -> None:
        __tracebackhide__ = True
        family = arguments[1]
        if family in _OTHERS:
            guard.refuse(_OTHERS[family])

    def reached(arguments: tuple[Any, ...]) -> None:
        __tracebackhide__ = True
        sock, address = arguments
        if address is not None and sock.family in _INTERNET:
            guard.connect(_text(address[0]), int(address[1]))

    def looked_up(arguments: tuple[Any, ...]) -> None:
        __tracebackhide__ = True
        host, port = arguments[0], arguments[1] if len(arguments) > 1 else None
        if host is not None:
            guard.lookup(_text(host), _port(port))

    def looked_back(arguments: tuple[Any, ...]) -> None:
        __tracebackhide__ = True
        address = arguments[0]
        guard.reverse(_text(address[0] if isinstance(address, tuple) else address))

    return {
        "socket.__new__": made,
        "socket.connect": reached,
        "socket.sendto": reached,
        "socket.sendmsg": reached,
        "socket.getaddrinfo": looked_up,
        "socket.gethostbyname": looked_up,
        "socket.gethostbyaddr": looked_back,
        "socket.getnameinfo": looked_back,
    }


def _text(host: Any) -> str:
    return host.decode("idna") if isinstance(host, bytes | bytearray) else str(host)


def _port(port: Any) -> int | None:
    """The number of a port, which may be given as text or as the name of a service."""
    if port is None or isinstance(port, int):
        return port
    text = port.decode() if isinstance(port, bytes) else str(port)
    if text.isdecimal():
        return int(text)
    try:
        return socket.getservbyname(text)
    except OSError:
        return None
