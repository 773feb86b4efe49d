"""aiosmtplib: its protocol, unchanged, on a transport whose other end is in the process.

Only `_create_connection` is wrapped: while it runs, and for that client afterwards, the event
loop's ways to connect and to begin TLS are ours; everything else is the loop itself.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import wraps
from typing import Any

from pytest_hermetic.mail.smtp import SmtpSession
from pytest_hermetic.mail.smtplib_client import Open


class AiosmtplibRedirection:
    """The patch of `aiosmtplib.smtp.SMTP`."""

    def __init__(self, library: Any, open_session: Open) -> None:
        self._class = library.SMTP
        self._open = open_session
        self._original: Any = None

    def install(self) -> None:
        """Redirect every client."""
        original = self._original = self._class._create_connection
        open_session = self._open

        @wraps(original)
        async def create_connection(client: Any, *args: Any, **kwargs: Any) -> Any:
            session = open_session(_endpoint(client), bool(client.use_tls))
            client.loop = asyncio.get_running_loop()
            if session is not None:
                client.loop = _Loop(client.loop, session)
            return await original(client, *args, **kwargs)

        self._class._create_connection = create_connection

    def uninstall(self) -> None:
        """Put the method back."""
        self._class._create_connection = self._original


class _Loop:
    """The running loop, but for the ways out of the process."""

    def __init__(self, loop: asyncio.AbstractEventLoop, session: SmtpSession) -> None:
        self._loop = loop
        self._session = session

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loop, name)

    async def create_connection(
        self, factory: Callable[[], Any], *_: Any, ssl: Any = None, **__: Any
    ) -> tuple[MailTransport, Any]:
        protocol = factory()
        transport = MailTransport(self._session, protocol, ssl)
        protocol.connection_made(transport)
        self._loop.call_soon(transport.deliver, self._session.greeting())
        return transport, protocol

    create_unix_connection = create_connection

    async def start_tls(
        self, transport: MailTransport, _protocol: Any, context: Any, **_: Any
    ) -> MailTransport:
        self._session.secured()
        transport.context = context
        return transport


class MailTransport(asyncio.Transport):
    """The way from aiosmtplib's protocol to the server; replies come in the loop's next turn."""

    def __init__(self, session: SmtpSession, protocol: Any, context: Any) -> None:
        super().__init__()
        self._loop = asyncio.get_running_loop()
        self._session = session
        self._protocol = protocol
        self._is_closed = False
        self.context = context

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Have the server answer."""
        if not self._is_closed:
            self._loop.call_soon(self.deliver, self._session.feed(bytes(data)))

    def deliver(self, data: bytes) -> None:
        """Hand a reply to the protocol."""
        if data and not self._is_closed:
            self._protocol.data_received(data)

    def is_closing(self) -> bool:
        """Whether the connection is closed."""
        return self._is_closed

    def close(self) -> None:
        """Leave; the protocol is told as asyncio tells it."""
        if not self._is_closed:
            self._is_closed = True
            self._loop.call_soon(self._protocol.connection_lost, None)

    def abort(self) -> None:
        """Leave at once."""
        self.close()

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """Whether it is encrypted is read from here."""
        if name == "sslcontext" and self.context is not None:
            return self.context
        return ("127.0.0.1", 25) if name == "peername" else default


def _endpoint(client: Any) -> str:
    if client.socket_path is not None:
        path = client.socket_path
        return path.decode() if isinstance(path, bytes) else str(path)
    port = client.port or client._get_default_port()
    return f"{client.hostname or 'localhost'}:{port}"
