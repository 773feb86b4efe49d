"""Amazon SES: the query interface (2010-12-01) and version 2 (2019-09-27), as botocore speaks them.

Sources: https://docs.aws.amazon.com/ses/latest/APIReference and APIReference-V2.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from typing import Any
from xml.sax.saxutils import escape

from pytest_hermetic.mail.message import Attachment, Message, addresses
from pytest_hermetic.mail.parsing import parse
from pytest_hermetic.mail.services.payloads import composed, decoded, json_answer, object_of
from pytest_hermetic.outbound.exchange import Answer, Request

_SPACE = "http://ses.amazonaws.com/doc/2010-12-01/"
_XML = [(b"content-type", b"text/xml")]
_ACTIONS = ("SendEmail", "SendRawEmail", "SendTemplatedEmail")


def receive(request: Request, deliver: Callable[[Message], None]) -> Answer | None:
    """Take the mail of one request; None where it sends none."""
    if request.method != "POST":
        return None
    if request.path == "/v2/email/outbound-emails":
        return _second_version(request, deliver)
    action = next(iter(request.form.get("Action", [])), "")
    if request.path != "/" or action not in _ACTIONS:
        return None
    if not request.headers.get("authorization", "").startswith("AWS4-HMAC-SHA256 "):
        return _error(403, "MissingAuthenticationToken", "Request is missing Authentication Token")
    return _first_version(request, action, deliver)


def _first_version(request: Request, action: str, deliver: Callable[[Message], None]) -> Answer:
    form = {name: values[0] for name, values in request.form.items()}

    def members(prefix: str) -> list[str]:
        names = (f"{prefix}.member.{number}" for number in range(1, len(form) + 1))
        return [form[name] for name in names if name in form]

    if action == "SendRawEmail":
        raw = decoded(form.get("RawMessage.Data"))
        recipients = members("Destinations")
        message = parse(
            raw,
            via=str(request.origin),
            recipients=addresses(*recipients) if recipients else None,
            sender=form.get("Source", ""),
        )
    else:
        message = composed(
            request,
            sender=form.get("Source", ""),
            to=members("Destination.ToAddresses"),
            cc=members("Destination.CcAddresses"),
            bcc=members("Destination.BccAddresses"),
            reply_to=members("ReplyToAddresses"),
            subject=form.get("Message.Subject.Data", ""),
            text=form.get("Message.Body.Text.Data", ""),
            html=form.get("Message.Body.Html.Data", ""),
            template=form.get("Template"),
            variables=json.loads(form.get("TemplateData") or "{}"),
        )
    if not message.from_:
        return _error(400, "ValidationError", "Source is required")
    if not message.recipients:
        return _error(400, "InvalidParameterValue", "Missing destination")
    deliver(message)
    body = (
        f'<{action}Response xmlns="{_SPACE}"><{action}Result><MessageId>{uuid.uuid4()}</MessageId>'
        f"</{action}Result><ResponseMetadata><RequestId>{uuid.uuid4()}</RequestId>"
        f"</ResponseMetadata></{action}Response>"
    )
    return Answer(200, _XML, body.encode())


def _second_version(request: Request, deliver: Callable[[Message], None]) -> Answer:
    if not request.headers.get("authorization", "").startswith("AWS4-HMAC-SHA256 "):
        return json_answer(403, {"message": "Missing Authentication Token"})
    body = object_of(request)
    content = (body or {}).get("Content") or {}
    if body is None or not content:
        return json_answer(400, {"message": "Content is required"})
    destination: dict[str, list[str]] = body.get("Destination") or {}
    everyone = [one for people in destination.values() for one in people or ()]
    if "Raw" in content:
        message = parse(
            decoded(content["Raw"].get("Data")),
            via=str(request.origin),
            recipients=addresses(*everyone) if everyone else None,
            sender=body.get("FromEmailAddress") or "",
        )
    else:
        message = _composed(request, body, content, destination)
    if not message.from_ or not message.recipients:
        return json_answer(400, {"message": "FromEmailAddress and Destination are required"})
    deliver(message)
    return json_answer(200, {"MessageId": str(uuid.uuid4())})


def _composed(
    request: Request,
    body: dict[str, Any],
    content: dict[str, Any],
    destination: dict[str, list[str]],
) -> Message:
    simple, template = content.get("Simple") or {}, content.get("Template") or {}
    parts = simple.get("Body") or {}
    part = simple or template
    return composed(
        request,
        sender=body.get("FromEmailAddress") or "",
        to=destination.get("ToAddresses") or (),
        cc=destination.get("CcAddresses") or (),
        bcc=destination.get("BccAddresses") or (),
        reply_to=body.get("ReplyToAddresses") or (),
        subject=(simple.get("Subject") or {}).get("Data", ""),
        headers={one["Name"]: one["Value"] for one in part.get("Headers") or ()},
        text=(parts.get("Text") or {}).get("Data", ""),
        html=(parts.get("Html") or {}).get("Data", ""),
        attachments=tuple(
            Attachment(
                file.get("FileName", ""),
                file.get("ContentType") or "application/octet-stream",
                decoded(file.get("RawContent")),
                file.get("ContentId"),
            )
            for file in part.get("Attachments") or ()
        ),
        template=template.get("TemplateName") or template.get("TemplateArn"),
        variables=json.loads(template.get("TemplateData") or "{}"),
    )


def _error(status: int, code: str, text: str) -> Answer:
    body = (
        f'<ErrorResponse xmlns="{_SPACE}"><Error><Type>Sender</Type><Code>{code}</Code>'
        f"<Message>{escape(text)}</Message></Error><RequestId>{uuid.uuid4()}</RequestId>"
        "</ErrorResponse>"
    )
    return Answer(status, _XML, body.encode())
