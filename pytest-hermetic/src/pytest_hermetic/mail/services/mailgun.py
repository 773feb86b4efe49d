"""Mailgun: `POST /v3/{domain}/messages` and `/messages.mime`, as a form or in multipart.

Source: https://documentation.mailgun.com/docs/mailgun/api-reference/send/mailgun/messages.
"""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Callable
from typing import Any

from pytest_hermetic.mail.message import Attachment, Message, addresses
from pytest_hermetic.mail.parsing import parse
from pytest_hermetic.mail.services.multipart import Field, fields_of
from pytest_hermetic.mail.services.payloads import composed, json_answer, token
from pytest_hermetic.outbound.exchange import Answer, Request

_PATH = re.compile(r"/v3/([^/]+)/messages(\.mime)?")


def receive(request: Request, deliver: Callable[[Message], None]) -> Answer | None:
    """Take the mail of one request; None where it sends none."""
    found = _PATH.fullmatch(request.path)
    if request.method != "POST" or found is None:
        return None
    if not token(request, "Basic"):
        return Answer(401, [(b"content-type", b"text/plain")], b"Forbidden")
    fields = fields_of(request)
    needed = ("to", "message") if found[2] else ("from", "to")
    for name in needed:
        if not any(field.name == name for field in fields):
            return json_answer(400, {"message": f"{name} parameter is missing"})
    deliver(_from_mime(request, fields) if found[2] else _message(request, fields))
    identity = f"<{uuid.uuid4().hex}@{found[1]}>"
    return json_answer(200, {"id": identity, "message": "Queued. Thank you."})


def _from_mime(request: Request, fields: list[Field]) -> Message:
    [raw, *_] = [field.content for field in fields if field.name == "message"]
    return parse(raw, via=str(request.origin), recipients=addresses(*_values(fields, "to")))


def _message(request: Request, fields: list[Field]) -> Message:
    def first(name: str) -> str:
        return next(iter(_values(fields, name)), "")

    headers = {
        field.name[2:]: field.text
        for field in fields
        if field.name.startswith("h:") and field.name.lower() != "h:x-mailgun-variables"
    }
    given = first("t:variables") or first("h:X-Mailgun-Variables")
    variables: dict[str, Any] = json.loads(given) if given else {}
    variables |= {field.name[2:]: field.text for field in fields if field.name.startswith("v:")}
    return composed(
        request,
        sender=first("from"),
        to=_values(fields, "to"),
        cc=_values(fields, "cc"),
        bcc=_values(fields, "bcc"),
        subject=first("subject"),
        headers=headers,
        text=first("text"),
        html=first("html"),
        attachments=tuple(
            Attachment(
                field.filename or "",
                field.content_type or "application/octet-stream",
                field.content,
                field.filename if field.name == "inline" else None,
            )
            for field in fields
            if field.name in ("attachment", "inline")
        ),
        template=first("template") or None,
        variables=variables,
    )


def _values(fields: list[Field], name: str) -> list[str]:
    return [field.text for field in fields if field.name == name]
