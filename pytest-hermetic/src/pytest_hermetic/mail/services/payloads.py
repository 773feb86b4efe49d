"""What the providers' interfaces have in common: JSON, forms, addresses, files in base64."""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

from pytest_hermetic.mail.message import MailHeaders, Message, addresses
from pytest_hermetic.outbound.exchange import Answer, Request


def json_answer(status: int, body: Any) -> Answer:
    """An answer in JSON."""
    return Answer(status, [(b"content-type", b"application/json")], json.dumps(body).encode())


def object_of(request: Request) -> dict[str, Any] | None:
    """The JSON object in the body; None where there is none."""
    try:
        found = request.json()
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def listed(value: Any) -> list[str]:
    """A string or a list of strings as a list."""
    if value is None or value == "":
        return []
    return [value] if isinstance(value, str) else [str(one) for one in value]


def decoded(value: Any) -> bytes:
    """A file's content: base64, or a list of numbers. Empty where it is neither."""
    if isinstance(value, list):
        return bytes(value)
    try:
        return base64.b64decode(str(value or ""))
    except binascii.Error:
        return b""


def token(request: Request, scheme: str) -> str:
    """What follows `scheme` in the Authorization header; empty where it does not."""
    found, _, rest = request.headers.get("authorization", "").partition(" ")
    return rest.strip() if found.lower() == scheme.lower() else ""


def composed(
    request: Request,
    *,
    sender: str,
    to: Iterable[str],
    cc: Iterable[str] = (),
    bcc: Iterable[str] = (),
    reply_to: Iterable[str] = (),
    subject: str = "",
    headers: Mapping[str, str] | None = None,
    **rest: Any,
) -> Message:
    """The mail a provider makes of these parts; address arguments hold names as well."""
    given = {
        "From": sender,
        "To": ", ".join(to),
        "Cc": ", ".join(cc),
        "Reply-To": ", ".join(reply_to),
        "Subject": subject,
    }
    pairs = [(name, value) for name, value in given.items() if value]
    pairs += [(name, str(value)) for name, value in (headers or {}).items()]
    return Message(
        from_=next(iter(addresses(sender)), sender),
        to=addresses(given["To"]),
        cc=addresses(given["Cc"]),
        bcc=addresses(*bcc),
        subject=subject,
        headers=MailHeaders(pairs),
        via=str(request.origin),
        **rest,
    )


def named(address: Any) -> str:
    """`{"email": …, "name": …}` as a header writes it; without an address nothing."""
    if not isinstance(address, Mapping) or not address.get("email"):
        return ""
    if not address.get("name"):
        return str(address["email"])
    quoted = re.sub(r'(["\\])', r"\\\1", str(address["name"]))
    return f'"{quoted}" <{address["email"]}>'
