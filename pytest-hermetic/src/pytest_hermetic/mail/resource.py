"""The mail of a session: every way an application sends it ends in one box, emptied per test."""

from __future__ import annotations

import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any

from pytest_hermetic.mail.mailbox import Mailbox
from pytest_hermetic.mail.parsing import parse
from pytest_hermetic.mail.services import Service, service_at
from pytest_hermetic.mail.smtp import Envelope, SmtpSession

if TYPE_CHECKING:
    from pytest_hermetic.outbound.origins import Origin
    from pytest_hermetic.settings import Settings

# Each library's module, what it must hold (a module may be half imported), and who redirects it.
_CLIENTS = {
    "smtplib": ("LMTP", "smtplib_client", "SmtplibRedirection"),
    "aiosmtplib.smtp": ("SMTP", "aiosmtplib_client", "AiosmtplibRedirection"),
}
_HERE = __name__.rpartition(".")[0]


class MailResource:
    """Takes the mail of smtplib, aiosmtplib and the providers' HTTP interfaces."""

    name = "mail"
    triggers = tuple(_CLIENTS)

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._clients: dict[str, Any] = {}
        self.part = Mailbox()

    def install(self) -> None:
        """Redirect the libraries that are imported by now."""
        for name, (needed, adapter, cls) in _CLIENTS.items():
            module = sys.modules.get(name)
            if name not in self._clients and hasattr(module, needed):
                redirection = getattr(import_module(f"{_HERE}.{adapter}"), cls)
                self._clients[name] = redirection(module, self._open)
                self._clients[name].install()

    def begin(self, nodeid: str) -> None:  # noqa: ARG002  # of the Resource protocol
        """An empty box."""
        self.part.clear()

    def end(self, nodeid: str) -> None:
        """The box is emptied before the next test, so that a failed test's can be looked at."""

    def close(self) -> None:
        """Put the libraries back."""
        for client in self._clients.values():
            client.uninstall()
        self._clients.clear()

    def service(self, origin: Origin) -> tuple[str, Service] | None:
        """What takes the mails an application posts to `origin`, a provider's; None for others."""
        if self._is_off():
            return None
        return service_at(origin, self.part.deliver)

    def _open(self, endpoint: str, is_encrypted: bool) -> SmtpSession | None:
        if self._is_off():
            return None
        via = f"{'smtps' if is_encrypted else 'smtp'}://{endpoint}"
        self._settings.explain.record("mail", via, "hermetic.mail")

        def deliver(envelope: Envelope) -> None:
            message = parse(
                envelope.content,
                via=via,
                recipients=envelope.recipients,
                sender=envelope.sender,
                user=envelope.user,
                is_encrypted=envelope.is_encrypted,
            )
            self.part.deliver(message)

        return SmtpSession(deliver, is_encrypted=is_encrypted)

    def _is_off(self) -> bool:
        return not self._settings.mail or self._settings.is_off(self.name)
