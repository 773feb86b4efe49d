"""A mail as the person who gets it sees it, whichever way it was sent."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from email.utils import getaddresses
from typing import Any

from pytest_hermetic.mail import reading


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file in a mail, or an image its HTML shows."""

    name: str
    content_type: str
    content: bytes
    content_id: str | None = None
    """What the HTML calls it by (`cid:…`), without angle brackets."""


class MailHeaders(Mapping[str, str]):
    """The headers by name, in any case, decoded (RFC 2047); of several, the first."""

    def __init__(self, pairs: Iterable[tuple[str, str]]) -> None:
        self.pairs = tuple(pairs)
        """All of them in order."""

    def __getitem__(self, name: str) -> str:
        for known, value in self.pairs:
            if known.lower() == name.lower():
                return value
        raise KeyError(name)

    def __iter__(self) -> Iterator[str]:
        return iter(dict.fromkeys(name for name, _ in self.pairs))

    def __len__(self) -> int:
        return len({name.lower() for name, _ in self.pairs})

    def __repr__(self) -> str:
        return f"MailHeaders({self.pairs!r})"


@dataclass(frozen=True, eq=False)
class Message:
    """One mail. Addresses are bare (`ada@example.com`); the headers hold the names with them."""

    from_: str
    """The address of the header From."""
    to: tuple[str, ...]
    cc: tuple[str, ...] = ()
    bcc: tuple[str, ...] = ()
    """Who gets it without standing in To or Cc."""
    subject: str = ""
    text: str = ""
    """The plain text part; empty where there is none."""
    html: str = ""
    """The HTML part; empty where there is none."""
    headers: MailHeaders = field(default_factory=lambda: MailHeaders(()))
    attachments: tuple[Attachment, ...] = ()
    via: str = ""
    """Where it was sent: `smtp://mail.example.com:587`, `https://api.resend.com`."""
    sender: str = ""
    """The sender of the envelope, who is told when it cannot be delivered; SMTP only."""
    user: str | None = None
    """The name the application logged in with; SMTP only."""
    is_encrypted: bool = True
    """Whether it went over TLS."""
    template: str | None = None
    """The provider's template, whose text only the provider knows."""
    variables: Mapping[str, Any] = field(default_factory=dict)
    """What the template is filled in with."""
    raw: bytes = b""
    """The message as sent (RFC 5322); empty where the provider makes it."""

    @property
    def recipients(self) -> tuple[str, ...]:
        """Everyone who gets it."""
        return (*self.to, *self.cc, *self.bcc)

    @property
    def links(self) -> list[str]:
        """The links of the text, then of the HTML, each once."""
        found = [*reading.links_of_text(self.text), *reading.links_of_html(self.html)]
        return list(dict.fromkeys(found))

    @property
    def code(self) -> str:
        """The one-time code in the mail: 4 to 8 digits, or capitals and digits; no blanks.

        Raises LookupError, showing the text, where there is none or one cannot tell which.
        """
        shown = [text for text in (self.text, reading.text_of_html(self.html)) if text.strip()]
        return reading.code(shown)

    def __str__(self) -> str:
        return f"to {', '.join(self.recipients)}: {self.subject!r}"

    def __repr__(self) -> str:
        return f"<Message {self}>"


def addresses(*values: str) -> tuple[str, ...]:
    """The bare addresses in header values such as `Ada <ada@example.com>, bob@example.com`."""
    return tuple(address for _, address in getaddresses([v for v in values if v]) if address)
