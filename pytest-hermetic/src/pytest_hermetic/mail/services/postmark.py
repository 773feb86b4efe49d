"""Postmark: `POST /email`, `/email/batch` and the same with templates.

Source: https://postmarkapp.com/developer/api/email-api and /templates-api.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from pytest_hermetic.mail.message import Attachment, Message
from pytest_hermetic.mail.services.payloads import composed, decoded, json_answer, listed
from pytest_hermetic.outbound.exchange import Answer, Request

_PATHS = ("/email", "/email/batch", "/email/withTemplate", "/email/batchWithTemplates")


def receive(request: Request, deliver: Callable[[Message], None]) -> Answer | None:
    """Take the mails of one request; None where it sends none."""
    if request.method != "POST" or request.path not in _PATHS:
        return None
    if not request.headers.get("x-postmark-server-token"):
        text = "No Account or Server API tokens were supplied in the HTTP headers."
        return json_answer(401, {"ErrorCode": 10, "Message": text})
    try:
        body = request.json()
    except ValueError:
        return json_answer(422, {"ErrorCode": 402, "Message": "Received invalid JSON input."})
    if request.path == "/email/batchWithTemplates":
        body = body.get("Messages", [])
    mails: list[dict[str, Any]] = body if isinstance(body, list) else [body]
    # In a batch each mail is judged by itself; the request succeeds.
    results = [_result(request, mail, deliver) for mail in mails]
    if isinstance(body, list):
        return json_answer(200, results)
    return json_answer(200 if results[0]["ErrorCode"] == 0 else 422, results[0])


def _result(
    request: Request, mail: dict[str, Any], deliver: Callable[[Message], None]
) -> dict[str, Any]:
    for field in ("From", "To"):
        if not mail.get(field):
            return {"ErrorCode": 300, "Message": f"Invalid '{field}' address: ''."}
    deliver(_message(request, mail))
    return {
        "To": mail["To"],
        "SubmittedAt": datetime.now(UTC).isoformat(),  # noqa: TID251  # the test's clock moves it
        "MessageID": str(uuid.uuid4()),
        "ErrorCode": 0,
        "Message": "OK",
    }


def _message(request: Request, mail: dict[str, Any]) -> Message:
    template = mail.get("TemplateAlias") or mail.get("TemplateId")
    return composed(
        request,
        sender=mail["From"],
        to=listed(mail["To"]),
        cc=listed(mail.get("Cc")),
        bcc=listed(mail.get("Bcc")),
        reply_to=listed(mail.get("ReplyTo")),
        subject=mail.get("Subject") or "",
        headers={one["Name"]: one["Value"] for one in mail.get("Headers") or ()},
        text=mail.get("TextBody") or "",
        html=mail.get("HtmlBody") or "",
        attachments=tuple(
            Attachment(
                file.get("Name", ""),
                file.get("ContentType") or "application/octet-stream",
                decoded(file.get("Content")),
                (file.get("ContentID") or "").removeprefix("cid:") or None,
            )
            for file in mail.get("Attachments") or ()
        ),
        template=str(template) if template else None,
        variables=mail.get("TemplateModel") or {},
    )
