"""A message is a value, a mailer hands it over: to a server, a terminal, a folder.

Nothing that a person typed reaches a header as more than text: what no line may hold is replaced
before the header is made (CWE-93).
"""

import asyncio
import os
import re
import secrets
import sys
import unicodedata
from dataclasses import dataclass
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP, SMTPUTF8
from email.utils import format_datetime, getaddresses, parseaddr
from pathlib import Path
from typing import Protocol
from urllib.parse import unquote, urlsplit

import idna

from ostiary.kernel.faults import Code, wrong
from ostiary.kernel.text import is_clean, replace_unclean

_ENCODED_WORD = "=?"
# A dot-atom or a quoted string (RFC 5322 §3.4.1), beyond ASCII too (RFC 6532 §3.2).
_LOCAL = re.compile(r'[^\s"(),:;<>@\[\\\]]+|"(?:[^"\\]|\\.)+"')
_DOMAIN = re.compile(r"[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*")

_URL_NEEDED = "use console:, smtp://host, smtps://host or file:///folder."


class MailRefused(Exception):
    """The message will never be taken: the server refused its recipient or its content."""


class MailDeferred(Exception):
    """The message was not taken now; a later attempt may succeed."""


class MailServerDown(MailDeferred):
    """No message is taken now: the server is away, busy or will not know us."""


@dataclass(frozen=True, slots=True)
class Message:
    """One message to one person. `id` stays the same over every attempt to send it.

    `written_at` is the instant of its Date header.
    """

    id: str
    to: str
    subject: str
    text: str
    html: str
    written_at: datetime

    def to_email(self, sender: str) -> EmailMessage:
        """The message as RFC 5322 has it, from `sender` (`Name <address>` or an address).

        Raises `MailRefused` where the recipient is no address that a header can hold.
        """
        # 7bit: not every server takes more. An address beyond ASCII needs one that does.
        is_plain = ascii_address(self.to).isascii()
        email = EmailMessage(policy=SMTP.clone(cte_type="7bit") if is_plain else SMTPUTF8)
        name, address = parseaddr(sender)
        email["From"] = _to_header(address, name)
        email["To"] = _to_header(self.to)
        email["Subject"] = one_line(self.subject)
        email["Date"] = format_datetime(self.written_at)
        # The same for each attempt, so that a receiver can tell a second copy.
        email["Message-ID"] = f"<{self.id}@{ascii_address(address).rpartition('@')[2]}>"
        email["Auto-Submitted"] = "auto-generated"  # RFC 3834 §5: no out-of-office answers
        email.set_content(_encodable(self.text))
        email.add_alternative(_encodable(self.html), subtype="html")
        # The library decodes what it is given: whatever else it may find, no line ends in it.
        if not all(is_clean(str(value)) for value in email.values()):
            raise MailRefused("a header would hold more than a line")
        return email


class Mailer(Protocol):
    """Hands messages over, one at a time."""

    async def send(self, message: Message) -> None:
        """Hand `message` over. Raises `MailRefused` or `MailDeferred`."""
        ...

    async def close(self) -> None:
        """Let go of what is open. A later `send` opens it again."""
        ...


class CheckedMailer(Mailer, Protocol):
    """A mailer that can say beforehand whether it would take messages."""

    async def check(self) -> str:
        """Go as far as a message would, and send none; return what there is.

        Raises `MailServerDown`.
        """
        ...


def open_mailer(url: str, *, sender: str) -> CheckedMailer:
    """The mailer that `url` names; nothing is connected yet. Raises `ValueError`.

    `console:` prints on standard output; `file:///folder` writes one `.eml` a message;
    `smtp://user:password@host:587` uses TLS where the server offers it (`?tls=required`: or
    nothing; `?tls=never`), `smtps://host:465` always.
    """
    parts = urlsplit(url)
    if url == "console:":
        return ConsoleMailer(sender)
    is_folder = parts.path.startswith("/") and len(parts.path) > 1
    if parts.scheme == "file" and is_folder and not (parts.netloc or parts.query):
        return FolderMailer(Path(unquote(parts.path)), sender)
    if parts.scheme in ("smtp", "smtps"):
        # Imported here: who sends no mail by SMTP needs no client for it.
        from ostiary.kernel.smtp import SmtpMailer, server_of

        return SmtpMailer(server_of(url), sender)
    raise wrong(Code.MALFORMED, _URL_NEEDED)


def one_line(value: str) -> str:
    """`value` as a header may hold it: one line, nothing invisible or reordering in it."""
    # Cf: marks that turn text around or hide it (U+202E, U+200B) would lie in a subject.
    visible = "".join(one for one in replace_unclean(value) if unicodedata.category(one) != "Cf")
    # An encoded word (RFC 2047) would be decoded, and may decode to anything.
    return " ".join(visible.replace(_ENCODED_WORD, "= ?").split())


def ascii_address(address: str) -> str:
    """`address` with its domain as A-labels (IDNA 2008, UTS 46). Raises `MailRefused`."""
    local, _, domain = address.rpartition("@")
    if not _LOCAL.fullmatch(local) or not is_clean(address) or _ENCODED_WORD in address:
        raise MailRefused("the recipient is no address that a header can hold")
    try:
        name = domain if domain.isascii() else idna.encode(domain, uts46=True).decode()
    except idna.IDNAError:
        name = ""
    if not _DOMAIN.fullmatch(name):
        raise MailRefused("the recipient's domain is none")
    return f"{local}@{name}"


def sender_address(sender: str) -> str:
    """The address in `Name <address>`, its domain as A-labels. Raises `MailRefused`."""
    found = getaddresses([sender])
    if len(found) != 1:
        raise MailRefused("the sender is no address, or more than one")
    return ascii_address(found[0][1])


def _to_header(address: str, name: str = "") -> Address:
    local, _, domain = ascii_address(address).rpartition("@")
    try:
        # A local part may come quoted ("john smith"@…): the class quotes what needs it.
        is_quoted = local.startswith('"')
        bare = re.sub(r"\\(.)", r"\1", local[1:-1]) if is_quoted else local
        return Address(one_line(name), bare, domain)
    except (ValueError, IndexError):
        raise MailRefused("the recipient is no address") from None


def _encodable(text: str) -> str:
    return text.encode(errors="replace").decode()


class ConsoleMailer:
    """Prints messages on standard output: in development, the link stands on the terminal."""

    def __init__(self, sender: str) -> None:
        """`sender` is the From of every message."""
        self._sender = sender

    async def send(self, message: Message) -> None:
        """Print it. Never fails: there is nobody to refuse it."""
        email = message.to_email(self._sender)
        heads = [f"{name}: {email[name]}" for name in ("From", "To", "Subject")]
        # A terminal obeys control characters: what is not text is not printed.
        body = [replace_unclean(line) for line in message.text.splitlines()]
        bar = "-" * 72
        sys.stdout.write("\n".join([bar, *heads, "", *body, bar, ""]))
        sys.stdout.flush()

    async def check(self) -> str:
        """Say where messages go: standard output is there always."""
        return "messages are printed on standard output"

    async def close(self) -> None:
        """Nothing is open."""


class FolderMailer:
    """Writes each message as `<id>.eml` into a folder, whole or not at all."""

    def __init__(self, folder: Path, sender: str) -> None:
        """`folder` is made when the first message comes."""
        self._folder = folder
        self._sender = sender

    async def send(self, message: Message) -> None:
        """Write the file. A second attempt replaces the first. Raises `MailServerDown`."""
        content = message.to_email(self._sender).as_bytes()
        try:
            await asyncio.to_thread(self._write, f"{message.id}.eml", content)
        except OSError as error:
            raise MailServerDown("the folder cannot be written") from error

    async def check(self) -> str:
        """See that files can be written, and make none. Raises `MailServerDown`."""
        # Made when the first message comes: until then, what it will be made in matters.
        there = next(one for one in (self._folder, *self._folder.parents) if one.exists())
        if not there.is_dir() or not os.access(there, os.W_OK | os.X_OK):
            raise MailServerDown(f"the folder {there} cannot be written")
        return "messages are written into this folder"

    async def close(self) -> None:
        """Nothing is open."""

    def _write(self, name: str, content: bytes) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        draft = self._folder / f".{name}.{secrets.token_hex(4)}"
        try:
            # It holds links that sign somebody in: for the owner's eyes only.
            descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            draft.replace(self._folder / name)
        finally:
            draft.unlink(missing_ok=True)
