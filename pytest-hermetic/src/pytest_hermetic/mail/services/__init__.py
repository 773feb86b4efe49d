"""The HTTP interfaces of mail providers: each takes a mail and answers in the provider's words.

Only sending is taken. Any other request is refused with an error that says so: an application
mounted at the provider's origin may answer it.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable

from pytest_hermetic.mail.message import Message
from pytest_hermetic.mail.services import mailgun, postmark, resend, sendgrid, ses
from pytest_hermetic.outbound.exchange import Answer, Request
from pytest_hermetic.outbound.origins import Origin

log = logging.getLogger("hermetic.mail")

Service = Callable[[Request], Answer]
Deliver = Callable[[Message], None]

_PROVIDERS: tuple[tuple[str, str, Callable[[Request, Deliver], Answer | None]], ...] = (
    (r"api\.resend\.com", "Resend", resend.receive),
    (r"api(\.eu)?\.sendgrid\.com", "SendGrid", sendgrid.receive),
    (r"api\.postmarkapp\.com", "Postmark", postmark.receive),
    (r"api(\.eu)?\.mailgun\.net", "Mailgun", mailgun.receive),
    (r"email(-fips)?\.[a-z0-9-]+\.amazonaws\.com", "SES", ses.receive),
)


class NotImitated(ConnectionRefusedError):
    """A request to a mail provider that is not one to send a mail."""


def service_at(origin: Origin, deliver: Deliver) -> tuple[str, Service] | None:
    """The name and the interface of the provider at `origin`, if it is one's."""
    if (origin.scheme, origin.port) != ("https", 443):
        return None
    for pattern, name, receive in _PROVIDERS:
        if re.fullmatch(pattern, origin.host):
            return f"hermetic.mail ({name})", _bound(name, receive, deliver)
    return None


def _bound(
    name: str, receive: Callable[[Request, Deliver], Answer | None], deliver: Deliver
) -> Service:
    def service(request: Request) -> Answer:
        answer = receive(request, deliver)
        if answer is None:
            text = (
                f"{request.method} {request.url}: hermetic.mail takes the mails sent by {name} and "
                f'nothing else; hermetic_http.mount("{request.origin}", app) answers what it does '
                "not, and then gets the mails as well"
            )
            # Some clients (botocore) keep nothing of an error's text.
            log.error(text)
            raise NotImitated(text)
        return answer

    return service
