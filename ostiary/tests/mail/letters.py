"""Letters for tests, and what the outbox holds of them."""

from typing import Any

from sqlalchemy import select

from ostiary.kernel.mail import Message
from ostiary.mail.actions import enqueue
from ostiary.mail.messages import Kind, Letter
from ostiary.mail.tables import Mail
from ostiary.runtime import Runtime

VALUES: dict[str, str | int] = {
    "link": "https://id.example/verify-email?token=ostlt.tok_1.secret",
    "minutes": 10,
    "code": "493817",
    "new_email": "ada@new.example",
    "device": "Firefox on Linux",
    "ip_address": "203.0.113.7",
    "at": "2026-03-01T12:00:00+00:00",
    "remaining": 3,
    "factor": "totp",
}
"""Everything that any template names."""


async def write(
    rt: Runtime,
    *to: str | None,
    kind: Kind = Kind.VERIFY_EMAIL,
    locale: str | None = None,
    **values: str | int,
) -> None:
    """Put a letter to each address into the outbox, in one transaction."""
    async with rt.db.write() as tx:
        for address in to:
            letter = Letter(kind, address, locale, "usr_1", {**VALUES, **values})
            await enqueue(tx, rt, rt.clock.now(), letter)


async def outbox(rt: Runtime) -> list[Any]:
    """The rows of the outbox, oldest first."""
    async with rt.db.read() as connection:
        return list(await connection.execute(select(Mail.__table__).order_by(Mail.id)))


class Failing:
    """A mailer that fails as its list of faults says, then works."""

    def __init__(self, *faults: Exception) -> None:
        self.faults = list(faults)
        self.sent: list[Message] = []
        self.tries = 0

    async def send(self, message: Message) -> None:
        """Fail with the next fault, or keep the message."""
        self.tries += 1
        if self.faults:
            raise self.faults.pop(0)
        self.sent.append(message)

    async def close(self) -> None:
        """Nothing is open."""
