"""SendGrid: `POST /v3/mail/send` (https://www.twilio.com/docs/sendgrid/api-reference/mail-send).

Each personalization is a mail of its own, as its recipients get it.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

from pytest_hermetic.mail.message import Attachment, Message
from pytest_hermetic.mail.services.payloads import (
    composed,
    decoded,
    json_answer,
    named,
    object_of,
    token,
)
from pytest_hermetic.outbound.exchange import Answer, Request


def receive(request: Request, deliver: Callable[[Message], None]) -> Answer | None:
    """Take the mails of one request; None where it sends none."""
    if request.method != "POST" or request.path != "/v3/mail/send":
        return None
    if not token(request, "Bearer"):
        return _refusal(401, "The provided authorization grant is invalid, expired, or revoked")
    body = object_of(request)
    if body is None:
        return _refusal(400, "Bad Request")
    people = body.get("personalizations") or []
    if not people or not all(one.get("to") for one in people):
        return _refusal(400, "The to array is required for all personalization objects")
    if not named(body.get("from")):
        return _refusal(400, "The from object must be provided for every email send")
    for person in people:
        deliver(_message(request, body, person))
    return Answer(202, [(b"x-message-id", uuid.uuid4().hex.encode())], b"")


def _message(request: Request, body: dict[str, Any], person: dict[str, Any]) -> Message:
    substitutions: dict[str, str] = person.get("substitutions") or {}

    def filled(text: str) -> str:
        for mark, value in substitutions.items():
            text = text.replace(mark, str(value))
        return text

    contents = {one.get("type"): one.get("value") or "" for one in body.get("content") or ()}
    replies = [body["reply_to"]] if body.get("reply_to") else body.get("reply_to_list") or []
    return composed(
        request,
        sender=named(person.get("from") or body["from"]),
        to=[named(one) for one in person["to"]],
        cc=[named(one) for one in person.get("cc") or ()],
        bcc=[named(one) for one in person.get("bcc") or ()],
        reply_to=[named(one) for one in replies],
        subject=filled(person.get("subject") or body.get("subject") or ""),
        headers={**(body.get("headers") or {}), **(person.get("headers") or {})},
        text=filled(contents.get("text/plain", "")),
        html=filled(contents.get("text/html", "")),
        attachments=tuple(
            Attachment(
                file.get("filename", ""),
                file.get("type") or "application/octet-stream",
                decoded(file.get("content")),
                file.get("content_id"),
            )
            for file in body.get("attachments") or ()
        ),
        template=body.get("template_id"),
        variables=person.get("dynamic_template_data") or {},
    )


def _refusal(status: int, text: str) -> Answer:
    return json_answer(status, {"errors": [{"message": text, "field": None, "help": None}]})
