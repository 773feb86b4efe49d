"""A mailer that keeps what it is given, and the worker's round that gives it."""

import re

from ostiary import worker
from ostiary.kernel.mail import Message
from ostiary.runtime import Runtime

_LINK = re.compile(r"https?://\S+")


class Mailbox:
    """Everybody's mailbox, in memory."""

    def __init__(self) -> None:
        self.messages: list[Message] = []

    async def send(self, message: Message) -> None:
        """Keep it."""
        self.messages.append(message)

    async def close(self) -> None:
        """Nothing is open."""

    def to(self, address: str) -> list[Message]:
        """What this address got, oldest first."""
        return [message for message in self.messages if message.to == address]

    def last(self, to: str | None = None) -> Message:
        """The newest message, of those to an address where one is named."""
        found = self.messages if to is None else self.to(to)
        assert found, f"no message to {to or 'anybody'}"
        return found[-1]

    def link_in(self, message: Message) -> str | None:
        """The link in a message, or None."""
        links = _LINK.findall(message.text)
        return str(links[0]) if links else None

    def link(self, to: str | None = None) -> str:
        """The link in the newest message."""
        links = _LINK.findall(self.last(to).text)
        assert len(links) == 1, links
        return str(links[0])


async def deliver(rt: Runtime) -> int:
    """What the worker does in one round: afterwards, everything due is delivered."""
    return await worker.run_once(rt)
