"""smtplib: its connections meet a server in the process instead of a socket.

`_get_socket` and, for a path, `LMTP.connect` are replaced on the classes, so whatever builds on
them (Django, Flask-Mail, yagmail, …) is covered, whenever it was made.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from functools import wraps
from typing import Any

from pytest_hermetic.mail.smtp import SmtpSession

Open = Callable[[str, bool], SmtpSession | None]
"""Gives the session for an endpoint (`mail.example.com:587`, a path) and whether TLS is on."""


class SmtplibRedirection:
    """The patches of `smtplib`."""

    def __init__(self, library: Any, open_session: Open) -> None:
        self._library = library
        self._open = open_session
        self._undo: list[tuple[Any, str, Any]] = []

    def install(self) -> None:
        """Redirect every client."""
        library = self._library
        self._replace(library.SMTP, "_get_socket", self._socket(is_encrypted=False))
        if hasattr(library, "SMTP_SSL"):
            self._replace(library.SMTP_SSL, "_get_socket", self._socket(is_encrypted=True))
        self._replace(library.SMTP, "starttls", self._starttls)
        self._replace(library.LMTP, "connect", self._lmtp)

    def uninstall(self) -> None:
        """Put the methods back."""
        while self._undo:
            cls, name, original = self._undo.pop()
            setattr(cls, name, original)

    def _replace(self, cls: Any, name: str, make: Callable[[Any], Callable[..., Any]]) -> None:
        original = vars(cls)[name]
        self._undo.append((cls, name, original))
        setattr(cls, name, wraps(original)(make(original)))

    def _socket(self, *, is_encrypted: bool) -> Callable[[Any], Callable[..., Any]]:
        def make(original: Any) -> Callable[..., Any]:
            def get_socket(client: Any, host: str, port: int, timeout: Any) -> Any:
                session = self._open(f"{host}:{port}", is_encrypted)
                if session is None:
                    return original(client, host, port, timeout)
                return MailSocket(session)

            return get_socket

        return make

    def _starttls(self, original: Any) -> Callable[..., Any]:
        def starttls(client: Any, *args: Any, **kwargs: Any) -> Any:
            if isinstance(client.sock, MailSocket):
                # No certificate is shown, so the ones given for the check are not looked at.
                return original(client, context=_NoTls())
            return original(client, *args, **kwargs)

        return starttls

    def _lmtp(self, original: Any) -> Callable[..., Any]:
        def connect(client: Any, host: str = "localhost", *args: Any, **kwargs: Any) -> Any:
            session = self._open(host, False) if host.startswith("/") else None
            if session is None:
                return original(client, host, *args, **kwargs)
            client.sock = MailSocket(session)
            client.file = None
            return client.getreply()

        return connect


class MailSocket:
    """Stands where smtplib keeps its socket; the server answers within `sendall`."""

    def __init__(self, session: SmtpSession) -> None:
        self.session = session
        self.incoming = bytearray(session.greeting())
        self._is_closed = False

    def sendall(self, data: bytes) -> None:
        """Have the server answer."""
        if self._is_closed or self.session.is_over:
            raise BrokenPipeError(32, "Broken pipe")
        self.incoming += self.session.feed(bytes(data))

    def makefile(self, *_: Any, **__: Any) -> io.BufferedReader:
        """A file to read the replies from."""
        return io.BufferedReader(_Incoming(self))

    def settimeout(self, _timeout: float | None) -> None:
        """The server never lets wait."""

    def close(self) -> None:
        """Leave."""
        self._is_closed = True


class _NoTls:
    """What `starttls` takes for a context: there is nobody on the line to hide from."""

    def wrap_socket(self, sock: MailSocket, **_: Any) -> MailSocket:
        sock.session.secured()
        return sock


class _Incoming(io.RawIOBase):
    def __init__(self, sock: MailSocket) -> None:
        self._sock = sock

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self._sock.incoming[: len(buffer)]
        del self._sock.incoming[: len(data)]
        buffer[: len(data)] = data
        return len(data)
