"""Messages in the Internet Message Format (RFC 5322, MIME), from SMTP or from a provider."""

from __future__ import annotations

import email
import email.policy
from collections.abc import Iterable
from email.message import EmailMessage

from pytest_hermetic.mail.message import Attachment, MailHeaders, Message, addresses


def parse(
    raw: bytes,
    *,
    via: str,
    recipients: Iterable[str] | None = None,
    sender: str = "",
    user: str | None = None,
    is_encrypted: bool = True,
) -> Message:
    """Read a message.

    `recipients` are those of the envelope: who is not in To or Cc is in `bcc`. Without them the
    headers say who gets it. What is malformed is read as far as it goes, as mail programs do.
    """
    found = email.message_from_bytes(raw, policy=email.policy.default)
    assert isinstance(found, EmailMessage)  # noqa: S101  # what this policy makes
    headers = MailHeaders((name, str(value)) for name, value in found.items())
    to, cc = _addresses(headers, "to"), _addresses(headers, "cc")
    if recipients is None:
        bcc = _addresses(headers, "bcc")
    else:
        envelope = tuple(recipients)
        named = {address.lower() for address in (*to, *cc)}
        bcc = tuple(address for address in envelope if address.lower() not in named)
        reached = {address.lower() for address in envelope}
        to = tuple(address for address in to if address.lower() in reached)
        cc = tuple(address for address in cc if address.lower() in reached)
    return Message(
        from_=next(iter(_addresses(headers, "from")), sender),
        to=to,
        cc=cc,
        bcc=bcc,
        subject=headers.get("subject", ""),
        text=_body(found, "plain"),
        html=_body(found, "html"),
        headers=headers,
        attachments=tuple(_attachment(part) for part in _files(found)),
        via=via,
        sender=sender,
        user=user,
        is_encrypted=is_encrypted,
        raw=raw,
    )


def _addresses(headers: MailHeaders, wanted: str) -> tuple[str, ...]:
    return addresses(*(value for name, value in headers.pairs if name.lower() == wanted))


def _body(message: EmailMessage, kind: str) -> str:
    part = message.get_body(preferencelist=(kind,))
    if part is None:
        return ""
    content = part.get_content()
    text = content if isinstance(content, str) else bytes(content).decode("utf-8", "replace")
    # CRLF ends lines on the wire only.
    return text.replace("\r\n", "\n")


def _files(message: EmailMessage) -> list[EmailMessage]:
    bodies = {id(message.get_body(preferencelist=(kind,))) for kind in ("plain", "html")}
    parts = [part for part in message.walk() if isinstance(part, EmailMessage)]
    return [part for part in parts if not part.is_multipart() and id(part) not in bodies]


def _attachment(part: EmailMessage) -> Attachment:
    content = part.get_payload(decode=True)
    cid = part.get("content-id")
    return Attachment(
        name=part.get_filename("") or "",
        content_type=part.get_content_type(),
        content=content if isinstance(content, bytes) else b"",
        content_id=str(cid).strip().strip("<>") if cid else None,
    )
