"""SMTP (RFC 5321), so that a message is never doubled where that can be known.

A kept connection that has gone is opened again only before DATA. What an answer means: 5xx for
the recipient or the content is final, everything else is for later.
"""

import asyncio
import ipaddress
import re
import smtplib
import socket
import ssl
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal, TypeVar
from urllib.parse import parse_qsl, unquote, urlsplit

from ostiary.kernel.faults import Code, wrong
from ostiary.kernel.mail import (
    MailDeferred,
    MailRefused,
    MailServerDown,
    Message,
    ascii_address,
    sender_address,
)

T = TypeVar("T")
Tls = Literal["offered", "required", "never", "implicit"]

_CONNECT = 10.0  # seconds
# Refusals of us, not of the message: it would be wrong to give the message up (RFC 4954 §6).
_NOT_KNOWN = frozenset({530, 534, 535, 538})


@dataclass(frozen=True, slots=True)
class Server:
    """Where to hand messages over, and as whom. `ca` is a file of certificates to trust."""

    host: str
    port: int
    tls: Tls
    user: str = ""
    password: str = field(default="", repr=False)
    ca: str | None = None


def server_of(url: str) -> Server:
    """The server that an `smtp://` or `smtps://` URL names. Raises `ValueError`, never quoting it.

    User and password are percent-decoded. They are sent over TLS only, unless `?tls=never` says
    otherwise of a server on this machine. `?ca=/file` trusts those certificates only.
    """
    parts = urlsplit(url)
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    tls: Tls = "implicit"
    if parts.scheme == "smtp":
        match options.pop("tls", "offered"):
            case "offered" | "required" | "never" as named:
                tls = named
            case _:
                raise wrong(Code.NOT_ALLOWED, "set tls to offered, required or never.")
    ca = options.pop("ca", None)
    try:
        port = parts.port
    except ValueError:
        raise wrong(Code.MALFORMED, "use a port from 1 to 65535.") from None
    if options or parts.fragment or parts.path.strip("/") or not parts.hostname or port == 0:
        raise wrong(
            Code.MALFORMED, "use smtp://user:password@host:port, with ?tls= or ?ca= at the most."
        )
    user, password = unquote(parts.username or ""), unquote(parts.password or "")
    if bool(user) != bool(password):
        raise wrong(Code.CONFLICT, "give both a user and a password, or neither.")
    if user and tls == "never" and not _is_this_machine(parts.hostname):
        raise wrong(
            Code.CONFLICT, "tls=never would send the password unencrypted. Leave tls=never out."
        )
    return Server(
        parts.hostname, port or (465 if tls == "implicit" else 587), tls, user, password, ca
    )


def _is_this_machine(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


class SmtpMailer:
    """Hands messages to one server, over one connection as long as it lasts."""

    def __init__(
        self, server: Server, sender: str, *, answer_in: float = 30.0, done_in: float = 90.0
    ) -> None:
        """Nothing is connected yet. `sender` is the From, its address the envelope's too.

        The server has `answer_in` seconds for an answer, and `done_in` for a message, however
        slowly its answers come.
        """
        self._answer_in = answer_in
        self._done_in = done_in
        self._server = server
        self._sender = sender
        self._turn = asyncio.Lock()
        self._socket: socket.socket | None = None
        self._client: smtplib.SMTP | None = None

    async def send(self, message: Message) -> None:
        """Hand it over. Raises `MailRefused`, `MailDeferred`, `MailServerDown`."""
        envelope = _Envelope(
            sender_address(self._sender),
            ascii_address(message.to),
            message.to_email(self._sender).as_bytes(),
        )
        await self._in_time(lambda: self._send(envelope))

    async def check(self) -> str:
        """Connect, start TLS and sign in as for a message. Raises `MailServerDown`."""
        return await self._in_time(self._check)

    async def close(self) -> None:
        """Say goodbye, where a connection is open."""
        async with self._turn:
            await asyncio.to_thread(self._quit)

    async def _in_time(self, work: Callable[[], T]) -> T:
        """Do `work` in a thread, and break its connection where it takes too long."""
        async with self._turn:
            working = asyncio.ensure_future(asyncio.to_thread(work))
            try:
                done, _ = await asyncio.wait({working}, timeout=self._done_in)
            except asyncio.CancelledError:
                self._abort()
                raise
            if not done:
                self._abort()
            return await working

    def _send(self, envelope: "_Envelope") -> None:
        try:
            self._begin(envelope)
            client = self._connected()
            _expect(client.docmd("DATA"), 354, "DATA")
        except (smtplib.SMTPException, OSError) as error:
            self._drop()
            raise MailServerDown(_reason(error)) from error
        except MailServerDown:
            self._drop()
            raise
        except (MailRefused, MailDeferred):
            self._reset()
            raise
        try:
            client.send(envelope.data)
            answer = client.getreply()
        except (smtplib.SMTPException, OSError) as error:
            # It may have been taken: who sends again may double it, who does not may lose it.
            self._drop()
            raise MailDeferred("the connection broke after the content was sent") from error
        code = answer[0]
        if code == 421:
            self._drop()
        if code >= 500 and code not in _NOT_KNOWN:
            raise MailRefused(f"the content was refused ({code})")
        if code != 250:
            raise MailDeferred(f"the content was not taken ({code})")

    def _check(self) -> str:
        try:
            self._open()
            is_encrypted = isinstance(self._socket, ssl.SSLSocket)
        except (smtplib.SMTPException, OSError) as error:
            self._drop()
            raise MailServerDown(_reason(error)) from error
        except MailServerDown:
            self._drop()
            raise
        self._quit()
        user = f", and takes the password of {self._server.user}" if self._server.user else ""
        return f"the server answers, {'with' if is_encrypted else 'without'} TLS{user}"

    def _begin(self, envelope: "_Envelope") -> None:
        """Name sender and recipient; on a kept connection that has gone, on a new one."""
        if self._client is not None:
            try:
                self._address(self._client, envelope)
            except (MailServerDown, smtplib.SMTPServerDisconnected, OSError):
                self._drop()
            else:
                return
        self._open()
        self._address(self._connected(), envelope)

    def _connected(self) -> smtplib.SMTP:
        if self._client is None:
            raise smtplib.SMTPServerDisconnected("aborted")
        return self._client

    def _address(self, client: smtplib.SMTP, envelope: "_Envelope") -> None:
        options = []
        if not envelope.recipient.isascii():
            if not client.has_extn("smtputf8"):
                raise MailRefused("the server takes no such address (RFC 6531)")
            options = ["SMTPUTF8", "BODY=8BITMIME"]
        _expect(client.mail(envelope.sender, options), 250, "MAIL")
        _expect(client.rcpt(envelope.recipient), 250, "RCPT")

    def _open(self) -> None:
        server = self._server
        context = None if server.tls == "never" else ssl.create_default_context(cafile=server.ca)
        self._socket = socket.create_connection((server.host, server.port), timeout=_CONNECT)
        self._socket.settimeout(self._answer_in)
        # A literal is always true (RFC 5321 §4.1.4); a name would have to be looked up.
        client = smtplib.SMTP(local_hostname=_literal(self._socket.getsockname()[0]))
        self._client = client
        if context is not None and server.tls == "implicit":
            self._encrypt(client, context)
        client.sock = self._socket
        _expect(client.getreply(), 220, "greeting")
        client.ehlo_or_helo_if_needed()
        if context is not None and server.tls != "implicit" and client.has_extn("starttls"):
            _expect(client.docmd("STARTTLS"), 220, "STARTTLS")
            self._encrypt(client, context)
            # What was said in clear is forgotten (RFC 3207 §4.2), buffered answers included.
            client.file, client.ehlo_resp, client.helo_resp = None, None, None
            client.esmtp_features, client.does_esmtp = {}, False
            client.ehlo_or_helo_if_needed()
        elif server.tls == "required" or (server.user and server.tls == "offered"):
            raise MailServerDown("the server offers no TLS")
        if server.user:
            client.login(server.user, server.password)

    def _encrypt(self, client: smtplib.SMTP, context: ssl.SSLContext) -> None:
        if self._socket is None:
            raise smtplib.SMTPServerDisconnected("aborted")
        self._socket = context.wrap_socket(self._socket, server_hostname=self._server.host)
        client.sock = self._socket

    def _abort(self) -> None:
        """Break the connection under the thread that waits on it. Runs on the event loop."""
        if self._socket is not None:
            try:
                self._socket.shutdown(socket.SHUT_RDWR)
            except OSError:
                return  # it is closed already

    def _reset(self) -> None:
        """Forget the message that was refused, so that the next one starts afresh."""
        try:
            if self._client is not None:
                _expect(self._client.rset(), 250, "RSET")
        except (smtplib.SMTPException, OSError, MailDeferred, MailRefused):
            self._drop()

    def _quit(self) -> None:
        if self._client is not None:
            try:
                self._client.quit()
            except (smtplib.SMTPException, OSError):
                self._drop()  # nobody there to say goodbye to
        self._drop()

    def _drop(self) -> None:
        client, sock, self._client, self._socket = self._client, self._socket, None, None
        if client is not None:
            client.close()
        if sock is not None:
            sock.close()


class _Envelope:
    """Who writes to whom, and the content as it goes over the wire."""

    def __init__(self, sender: str, recipient: str, content: bytes) -> None:
        self.sender = sender
        self.recipient = recipient
        # RFC 5321 §4.5.2: a dot that begins a line is doubled, one alone ends the content.
        self.data = re.sub(rb"(?m)^\.", b"..", content.removesuffix(b"\r\n")) + b"\r\n.\r\n"


def _expect(answer: tuple[int, bytes], code: int, stage: str) -> None:
    """Let the expected answer pass. Raises what another one means at this stage."""
    got = answer[0]
    if got == code or (stage == "RCPT" and got in (250, 251)):
        return
    why = f"{stage} was answered {got}"
    if got in _NOT_KNOWN or got == 421 or stage not in ("RCPT", "DATA"):
        raise MailServerDown(why)
    if got >= 500:
        raise MailRefused(why)
    raise MailDeferred(why)


def _reason(error: Exception) -> str:
    """What went wrong, without the server's words: they may quote an address."""
    match error:
        case smtplib.SMTPAuthenticationError():
            return f"user and password were refused ({error.smtp_code})"
        case ssl.SSLError():
            return "TLS failed: the certificate is not trusted, or there is no common version"
        case socket.gaierror():
            return "the host has no address: its name is not known"
        case ConnectionRefusedError():
            return "nothing listens at this host and port"
        case TimeoutError():
            return "the server does not answer in time"
        case ConnectionRefusedError():
            return "the server refuses connections"
        case socket.gaierror():
            return "the server's name has no address"
        case FileNotFoundError() | PermissionError():
            return "the file that ?ca= names cannot be read"
        case smtplib.SMTPServerDisconnected():
            return "the server closed the connection"
        case _:
            return f"the server cannot be used ({type(error).__name__})"


def _literal(address: str) -> str:
    return f"[IPv6:{address.partition('%')[0]}]" if ":" in address else f"[{address}]"
