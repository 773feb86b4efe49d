"""A mail server's side of SMTP (RFC 5321) and LMTP (RFC 2033), answering in the caller's thread.

It takes every mail and every password: whether the application was right to send is for the
test to say.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable
from dataclasses import dataclass

SIZE = 35_882_577
"""The largest message it takes, in bytes; the limit of the largest providers."""

_PATH = re.compile(r"^(FROM|TO):\s*<([^>]*)>(.*)$", re.I)


@dataclass(frozen=True, slots=True)
class Envelope:
    """What one mail transaction hands over (RFC 5321 §2.3.1)."""

    sender: str
    recipients: tuple[str, ...]
    content: bytes
    user: str | None
    is_encrypted: bool


class SmtpSession:
    """One connection: bytes in, bytes out."""

    def __init__(self, deliver: Callable[[Envelope], None], *, is_encrypted: bool) -> None:
        self._deliver = deliver
        self._buffer = bytearray()
        self._is_encrypted = is_encrypted
        self._is_lmtp = False
        self._user: str | None = None
        self._next: Callable[[bytes], bytes] | None = None
        """Who takes the next line, where it is not a command."""
        self._sender: str | None = None
        self._recipients: list[str] = []
        self._is_data = False
        self.is_over = False

    def greeting(self) -> bytes:
        """What the server says first."""
        return _line(220, "hermetic.invalid ESMTP ready")

    def secured(self) -> None:
        """TLS has begun after STARTTLS: all that was said before is forgotten (RFC 3207 §4.2)."""
        self._is_encrypted = True
        self._buffer.clear()
        self._user = None
        self._forget()

    def feed(self, data: bytes) -> bytes:
        """The replies to what `data` completes."""
        self._buffer += data
        replies = bytearray()
        while (reply := self._step()) is not None:
            replies += reply
        return bytes(replies)

    def _step(self) -> bytes | None:
        if self._is_data:
            return self._data()
        end = self._buffer.find(b"\n")
        if end < 0:
            return None
        line = bytes(self._buffer[:end]).rstrip(b"\r")
        del self._buffer[: end + 1]
        if self._next is not None:
            answer, self._next = self._next, None
            return answer(line)
        verb, _, rest = line.decode("utf-8", "replace").partition(" ")
        command = _COMMANDS.get(verb.upper())
        if command is None:
            return _line(500, "5.5.2 command not recognized")
        return command(self, rest.strip())

    def _data(self) -> bytes | None:
        if self._buffer.startswith(b".\r\n"):
            content, taken = b"", 3
        else:
            end = self._buffer.find(b"\r\n.\r\n")
            if end < 0:
                return None
            content, taken = bytes(self._buffer[: end + 2]), end + 5
        del self._buffer[:taken]
        self._is_data = False
        recipients = tuple(self._recipients)
        sender = self._sender or ""
        self._forget()
        # RFC 5321 §4.5.2: a line that begins with a period was given one more.
        content = re.sub(rb"(?m)^\.\.", b".", content)
        if len(content) > SIZE:
            return _line(552, "5.3.4 message too large")
        self._deliver(Envelope(sender, recipients, content, self._user, self._is_encrypted))
        # LMTP answers for each recipient (RFC 2033 §4.2).
        times = len(recipients) if self._is_lmtp else 1
        return _line(250, "2.0.0 delivered") * times

    def _hello(self, _rest: str) -> bytes:
        self._forget()
        return _line(250, "hermetic.invalid")

    def _extended_hello(self, _rest: str) -> bytes:
        self._forget()
        extensions = ["8BITMIME", "SMTPUTF8", "PIPELINING", "ENHANCEDSTATUSCODES", f"SIZE {SIZE}"]
        extensions.append("AUTH PLAIN LOGIN XOAUTH2")
        if not self._is_encrypted:
            extensions.append("STARTTLS")
        lines = ["hermetic.invalid", *extensions]
        last = len(lines) - 1
        return b"".join(
            f"250{' ' if number == last else '-'}{text}\r\n".encode()
            for number, text in enumerate(lines)
        )

    def _local_hello(self, rest: str) -> bytes:
        self._is_lmtp = True
        return self._extended_hello(rest)

    def _start_tls(self, _rest: str) -> bytes:
        if self._is_encrypted:
            return _line(503, "5.5.1 already encrypted")
        return _line(220, "2.0.0 begin TLS")

    def _authenticate(self, rest: str) -> bytes:
        mechanism, _, initial = rest.partition(" ")
        if self._user is not None:
            return _line(503, "5.5.1 already authenticated")
        steps = {"PLAIN": self._plain, "XOAUTH2": self._oauth, "LOGIN": self._login_name}
        step = steps.get(mechanism.upper())
        if step is None:
            return _line(504, "5.5.4 mechanism not supported")
        if initial:
            return step(b"" if initial == "=" else initial.encode("ascii", "replace"))
        self._next = step
        return _line(334, "VXNlcm5hbWU6" if mechanism.upper() == "LOGIN" else "")

    def _plain(self, line: bytes) -> bytes:
        # RFC 4616: authorization identity, NUL, user name, NUL, password.
        parts = _decoded(line).split("\0")
        return self._logged_in(parts[1] if len(parts) == 3 else "")

    def _oauth(self, line: bytes) -> bytes:
        found = re.match(r"user=([^\x01]+)\x01auth=Bearer [^\x01]+\x01\x01$", _decoded(line))
        return self._logged_in(found[1] if found else "")

    def _login_name(self, line: bytes) -> bytes:
        name = _decoded(line)
        self._next = lambda password: self._logged_in(name if _decoded(password) else "")
        return _line(334, "UGFzc3dvcmQ6")

    def _logged_in(self, user: str) -> bytes:
        if not user:
            return _line(501, "5.5.2 cannot decode the credentials")
        self._user = user
        return _line(235, "2.7.0 welcome")

    def _mail(self, rest: str) -> bytes:
        found = _PATH.match(rest)
        if found is None or found[1].upper() != "FROM":
            return _line(501, "5.5.4 syntax: MAIL FROM:<address>")
        if self._sender is not None:
            return _line(503, "5.5.1 nested MAIL command")
        declared = re.search(r"\bSIZE=(\d+)", found[3], re.I)
        if declared and int(declared[1]) > SIZE:
            return _line(552, "5.3.4 message too large")
        self._sender = found[2]
        return _line(250, "2.1.0 ok")

    def _recipient(self, rest: str) -> bytes:
        if self._sender is None:
            return _line(503, "5.5.1 MAIL comes first")
        found = _PATH.match(rest)
        if found is None or found[1].upper() != "TO" or not found[2]:
            return _line(501, "5.5.4 syntax: RCPT TO:<address>")
        self._recipients.append(found[2])
        return _line(250, "2.1.5 ok")

    def _begin_data(self, _rest: str) -> bytes:
        if not self._recipients:
            return _line(503, "5.5.1 RCPT comes first")
        self._is_data = True
        return _line(354, "end with a line that holds a period")

    def _reset(self, _rest: str) -> bytes:
        self._forget()
        return _line(250, "2.0.0 ok")

    def _nothing(self, _rest: str) -> bytes:
        return _line(250, "2.0.0 ok")

    def _verify(self, _rest: str) -> bytes:
        return _line(252, "2.1.5 send some mail and see")

    def _quit(self, _rest: str) -> bytes:
        self.is_over = True
        return _line(221, "2.0.0 bye")

    def _forget(self) -> None:
        self._sender = None
        self._recipients.clear()


_COMMANDS: dict[str, Callable[[SmtpSession, str], bytes]] = {
    "HELO": SmtpSession._hello,
    "EHLO": SmtpSession._extended_hello,
    "LHLO": SmtpSession._local_hello,
    "STARTTLS": SmtpSession._start_tls,
    "AUTH": SmtpSession._authenticate,
    "MAIL": SmtpSession._mail,
    "RCPT": SmtpSession._recipient,
    "DATA": SmtpSession._begin_data,
    "RSET": SmtpSession._reset,
    "NOOP": SmtpSession._nothing,
    "VRFY": SmtpSession._verify,
    "QUIT": SmtpSession._quit,
}


def _line(code: int, text: str) -> bytes:
    return f"{code} {text}\r\n".encode()


def _decoded(line: bytes) -> str:
    try:
        return base64.b64decode(line, validate=True).decode("utf-8")
    except (binascii.Error, UnicodeDecodeError):
        return ""
