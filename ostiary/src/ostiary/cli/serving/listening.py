"""Where `serve` listens, and the URL that people reach it by when no setting names one."""

import errno
import ipaddress
import socket

from ostiary.settings import Settings, SettingsError


def bind(host: str, port: int, *, is_shared: bool) -> socket.socket:
    """A socket on `host` and `port`, not yet listening. Raises `SettingsError`.

    A name is looked up; of its addresses the first IPv4 one is used, or else the first.
    """
    family, address = _address_of(host, port)
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if is_shared:
        # Each process listens for itself: the kernel spreads connections better than one queue.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    try:
        listener.bind(address)
    except OSError as error:
        listener.close()
        raise SettingsError(_refusal(host, port, error)) from None
    return listener


def listen(listener: socket.socket, host: str, *, backlog: int) -> None:
    """Let `listener`, which was bound to `host`, take connections. Raises `SettingsError`."""
    try:
        # Of two servers that start at once, both bind and one listens.
        listener.listen(backlog)
    except OSError as error:
        raise SettingsError(_refusal(host, listener.getsockname()[1], error)) from None


def url_of(host: str, listener: socket.socket) -> str:
    """The URL of `listener`, which was bound to `host`: the name where `host` is one."""
    address, port = listener.getsockname()[:2]
    name = address if _is_address(host) or not host else host.lower()
    bracketed = f"[{name}]" if ":" in name else name
    return f"http://{bracketed}" + ("" if port == 80 else f":{port}")


def with_public_url(settings: Settings, host: str, listener: socket.socket) -> Settings:
    """`settings` with the `public_url` that they name, or else the URL of `listener`.

    Raises `SettingsError` where links cannot be made from that: it listens on every address, or
    on one that is good on this machine's network card only.
    """
    if "public_url" in settings.model_fields_set:
        return settings
    address, port = listener.getsockname()[:2]
    if _is_wildcard(address) or "%" in address:
        raise SettingsError(
            f"--host {host or repr(host)} does not say by which URL people reach this server, and "
            "links need one. Add it to ostiary.toml, such as "
            f'`public_url = "http://id.example.com:{port}"`, or set OSTIARY_PUBLIC_URL.'
        )
    return settings.model_copy(update={"public_url": url_of(host, listener)})


def _address_of(host: str, port: int) -> tuple[int, tuple[str, int]]:
    try:
        found = socket.getaddrinfo(
            host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
    except (OSError, UnicodeError):
        raise SettingsError(
            f"--host {host} is no known name. Use 127.0.0.1, or another address of this machine."
        ) from None
    family, _, _, _, address = min(found, key=lambda entry: entry[0] != socket.AF_INET)
    return family, address  # type: ignore[return-value]  # of the two families there are


def _refusal(host: str, port: int, error: OSError) -> str:
    where = f"{f'[{host}]' if ':' in host else host}:{port}"
    match error.errno:
        case errno.EADDRINUSE:
            other = port + 1 if port < 65_535 else port - 1
            return (
                f"Another program listens on {where} already. Stop it, or use another port: "
                f"`ostiary serve --port {other}`."
            )
        case errno.EACCES | errno.EPERM:
            return (
                f"The system does not let this user listen on {where}. Use a port from 1024 on: "
                "`ostiary serve --port 8000`."
            )
        case errno.EADDRNOTAVAIL:
            return (
                f"--host {host} is not an address of this machine. Use 127.0.0.1, or another "
                "address of this machine."
            )
        case _:
            return f"The server cannot listen on {where}: {error.strerror}. Use another --port."


def _is_address(host: str) -> bool:
    try:
        # inet_aton also reads `0` and `127.1`, as the system does when it binds.
        socket.inet_aton(host)
    except OSError:
        return ":" in host
    return True


def _is_wildcard(address: str) -> bool:
    parsed = ipaddress.ip_address(address.partition("%")[0])
    mapped = getattr(parsed, "ipv4_mapped", None)
    return parsed.is_unspecified or (mapped is not None and mapped.is_unspecified)
