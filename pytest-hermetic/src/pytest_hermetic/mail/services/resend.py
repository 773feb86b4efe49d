"""Resend: `POST /emails` and `/emails/batch` (https://resend.com/docs/api-reference/emails)."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

from pytest_hermetic.mail.message import Attachment, Message
from pytest_hermetic.mail.services.payloads import composed, decoded, json_answer, listed, token
from pytest_hermetic.outbound.exchange import Answer, Request


def receive(request: Request, deliver: Callable[[Message], None]) -> Answer | None:
    """Take the mails of one request; None where it sends none."""
    if request.method != "POST" or request.path not in ("/emails", "/emails/batch"):
        return None
    if not token(request, "Bearer"):
        return _refusal(401, "missing_api_key", "Missing API Key")
    try:
        body = request.json()
    except ValueError:
        return _refusal(400, "validation_error", "The body is not JSON")
    mails: list[dict[str, Any]] = body if isinstance(body, list) else [body]
    for mail in mails:
        for field in ("from", "to"):
            if not mail.get(field):
                return _refusal(422, "missing_required_field", f"Missing `{field}` field.")
    ids = []
    for mail in mails:
        deliver(_message(request, mail))
        ids.append({"id": str(uuid.uuid4())})
    return json_answer(200, {"data": ids} if isinstance(body, list) else ids[0])


def _message(request: Request, mail: dict[str, Any]) -> Message:
    template = mail.get("template") or {}
    return composed(
        request,
        sender=mail["from"],
        to=listed(mail["to"]),
        cc=listed(mail.get("cc")),
        bcc=listed(mail.get("bcc")),
        reply_to=listed(mail.get("reply_to") or mail.get("replyTo")),
        subject=mail.get("subject", ""),
        headers=mail.get("headers"),
        text=mail.get("text") or "",
        html=mail.get("html") or "",
        attachments=tuple(
            Attachment(
                file.get("filename", ""),
                file.get("content_type") or "application/octet-stream",
                decoded(file.get("content")),
                file.get("content_id"),
            )
            for file in mail.get("attachments") or ()
        ),
        template=template.get("id"),
        variables=template.get("variables") or {},
    )


def _refusal(status: int, name: str, text: str) -> Answer:
    return json_answer(status, {"statusCode": status, "name": name, "message": text})
