"""A real mail server on loopback, which a test scripts: what it answers, and when it hangs up."""

import asyncio
import ssl
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any, cast

from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from ostiary.kernel.mail import Message

HANG_UP = "hang up"
KEEP_SILENT = "keep silent"
SENDER = '"Ostiary, Inc." <no-reply@id.example>'


def a_message(number: int = 1, *, to: str = "ada@example.com", text: str = "Hello\n") -> Message:
    """A message with a number of its own."""
    at = datetime(2026, 3, 1, 12, tzinfo=UTC)
    return Message(f"mail_{number}", to, f"Número {number}", text, "<p>Hello</p>\n", at)


@dataclass
class PostOffice:
    """What the server does next at each stage, and what it has got.

    `script["RCPT"]` is a queue of answers to RCPT; an empty one means the usual answer. Stages:
    CONNECT, MAIL, RCPT, DATA (before the content), END (after it), RSET.
    """

    script: dict[str, deque[str]] = field(default_factory=dict)
    received: list[tuple[str, str, bytes]] = field(default_factory=list)
    stages: list[str] = field(default_factory=list)
    logins: list[tuple[bytes, bytes]] = field(default_factory=list)
    over_tls: list[bool] = field(default_factory=list)
    port: int = 0
    protocols: list[Any] = field(default_factory=list)

    def will(self, stage: str, *answers: str) -> None:
        """Answer like this, one after the other, the next times that `stage` comes."""
        self.script.setdefault(stage, deque()).extend(answers)

    def url(self, options: str = "", *, scheme: str = "smtp", user: str = "") -> str:
        """Where it is, as the setting has it."""
        return f"{scheme}://{user}127.0.0.1:{self.port}{options}"

    def recipients(self) -> list[str]:
        """Who got something, in order."""
        return [recipient for _, recipient, _ in self.received]


class _Protocol(SMTP):
    """aiosmtpd, with a word of the script in front of every answer."""

    def __init__(self, office: PostOffice, **options: Any) -> None:
        super().__init__(_Handler(office), hostname="post.example", **options)
        self._office = office
        office.protocols.append(self)

    async def push(self, status: Any) -> None:
        """Send an answer, or what the script has instead of it."""
        text = status if isinstance(status, str) else bytes(status).decode()
        if text.startswith("220 post.example"):
            text = self._next("CONNECT") or text
        transport = cast(asyncio.Transport, self.transport)
        if text == HANG_UP:
            transport.abort()
            return
        if text == KEEP_SILENT:
            await asyncio.Event().wait()
        await super().push(text)
        if text.startswith("421"):
            transport.close()

    async def smtp_DATA(self, arg: str) -> None:  # noqa: N802 -- aiosmtpd's name
        """The DATA command, before the content."""
        said = self._next("DATA")
        await (self.push(said) if said else super().smtp_DATA(arg))

    async def smtp_RSET(self, arg: str) -> None:  # noqa: N802 -- aiosmtpd's name
        """The RSET command."""
        said = self._next("RSET")
        await (self.push(said) if said else super().smtp_RSET(arg))

    def _next(self, stage: str) -> str | None:
        self._office.stages.append(stage)
        waiting = self._office.script.get(stage)
        return waiting.popleft() if waiting else None


class _Handler:
    def __init__(self, office: PostOffice) -> None:
        self._office = office

    async def handle_MAIL(  # noqa: N802 -- aiosmtpd's name
        self, server: _Protocol, session: Any, envelope: Any, address: str, options: Any
    ) -> str:
        envelope.mail_from, envelope.mail_options = address, options
        return server._next("MAIL") or "250 OK"

    async def handle_RCPT(  # noqa: N802 -- aiosmtpd's name
        self, server: _Protocol, session: Any, envelope: Any, address: str, options: Any
    ) -> str:
        said = server._next("RCPT") or "250 OK"
        if said.startswith("25"):
            envelope.rcpt_tos.append(address)
        return said

    async def handle_DATA(self, server: _Protocol, session: Any, envelope: Any) -> str:  # noqa: N802 -- aiosmtpd's name
        said = server._next("END") or "250 OK"
        if said.startswith("250") or said in (HANG_UP, KEEP_SILENT):
            self._office.over_tls.append(session.ssl is not None)
            for recipient in envelope.rcpt_tos:
                self._office.received.append((envelope.mail_from, recipient, envelope.content))
        return said


@asynccontextmanager
async def open_post_office(
    *, context: ssl.SSLContext | None = None, implicit: bool = False, **options: Any
) -> AsyncIterator[PostOffice]:
    """Run one until the end of the block; with `context`, it offers STARTTLS, or is all TLS."""
    office = PostOffice()

    def check(_server: Any, _session: Any, _envelope: Any, _kind: str, data: Any) -> AuthResult:
        assert isinstance(data, LoginPassword)
        office.logins.append((data.login, data.password))
        return AuthResult(success=data.password == b"p@ss/word", handled=False)

    starttls = None if implicit else context

    def make() -> _Protocol:
        return _Protocol(
            office,
            authenticator=check,
            auth_exclude_mechanism=["LOGIN"],
            tls_context=starttls,
            **options,
        )

    loop = asyncio.get_running_loop()
    listener = await loop.create_server(make, "127.0.0.1", 0, ssl=context if implicit else None)
    office.port = listener.sockets[0].getsockname()[1]
    try:
        yield office
    finally:
        listener.close()
        for protocol in office.protocols:
            if protocol.transport is not None:
                protocol.transport.abort()
        await asyncio.sleep(0)  # the connections are lost, and what waited on them is cancelled
        await asyncio.sleep(0)


@dataclass(frozen=True)
class Certificates:
    """A server's certificate for 127.0.0.1, and the file of the authority that signed it."""

    authority: Path
    context: ssl.SSLContext


def certificates(folder: Path, *, host: str = "127.0.0.1") -> Certificates:
    """A fresh authority and a certificate of it, in `folder`."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Post Office")])
    now = datetime.now(UTC)  # noqa: TID251 -- TLS looks at the machine's clock
    key = ec.generate_private_key(ec.SECP256R1())
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address(host))]), False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), True)
        .sign(key, hashes.SHA256())
    )
    public, private = folder / "ca.pem", folder / "key.pem"
    public.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(public, private)
    return Certificates(public, context)
