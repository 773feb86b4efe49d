"""`hermetic.mail`: every mail the application sent in this test, in one box."""

from __future__ import annotations

import asyncio
import re
import threading
import time
from collections.abc import Iterator, Sequence
from typing import overload

from pytest_hermetic.mail.message import Message

_PATIENCE = 5.0
"""Seconds; only a test that fails waits so long."""


class NoMail(LookupError):
    """The mail that was waited for did not come; the text lists those that did."""


class Mailbox(Sequence[Message]):
    """The mails of this test, oldest first. Safe to use from every thread and event loop."""

    def __init__(self) -> None:
        self._messages: list[Message] = []
        self._waited_for: set[int] = set()
        self._changed = threading.Condition()
        self._waiters: list[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = []

    def wait(
        self,
        *,
        to: str | None = None,
        subject: str | re.Pattern[str] | None = None,
        timeout: float = _PATIENCE,
    ) -> Message:
        """The oldest mail `to` that address with that `subject` that no wait has returned yet.

        So two waits for the same address return two mails, however late the second is sent.
        `to` is any recipient's address, in any case; `subject` a part of it or a pattern. Waits
        up to `timeout` seconds for another thread to send it. Where an event loop runs, waiting
        would stop the very sender: there only `async_wait` waits.

        Raises `NoMail`.
        """
        hint = ""
        patience = timeout
        if _is_loop_running():
            hint = "; to wait for a task of this event loop: await hermetic_mail.async_wait(…)"
            patience = 0.0
        ends = time.perf_counter() + patience
        with self._changed:
            while (message := self._take(to, subject)) is None:
                left = ends - time.perf_counter()
                if left <= 0:
                    raise NoMail(self._complaint(to, subject, patience) + hint)
                self._changed.wait(left)
        return message

    async def async_wait(
        self,
        *,
        to: str | None = None,
        subject: str | re.Pattern[str] | None = None,
        timeout: float = _PATIENCE,
    ) -> Message:
        """The same where an event loop runs: other tasks go on while this one waits."""
        arrived = asyncio.Event()
        waiter = (asyncio.get_running_loop(), arrived)
        with self._changed:
            self._waiters.append(waiter)
        try:
            async with asyncio.timeout(timeout):
                while True:
                    arrived.clear()
                    with self._changed:
                        message = self._take(to, subject)
                    if message is not None:
                        return message
                    await arrived.wait()
        except TimeoutError:
            with self._changed:
                raise NoMail(self._complaint(to, subject, timeout)) from None
        finally:
            with self._changed:
                self._waiters.remove(waiter)

    def find(
        self, *, to: str | None = None, subject: str | re.Pattern[str] | None = None
    ) -> list[Message]:
        """The mails that are there, matched as by `wait`; waits for none, and takes none."""
        with self._changed:
            return [message for message in self._messages if _fits(message, to, subject)]

    @property
    def last(self) -> Message:
        """The newest mail. Raises `NoMail` where there is none."""
        with self._changed:
            if not self._messages:
                raise NoMail(self._complaint(None, None, 0))
            return self._messages[-1]

    @property
    def links(self) -> list[str]:
        """The links in the newest mail."""
        return self.last.links

    @property
    def code(self) -> str:
        """The one-time code in the newest mail. Raises LookupError where it has none."""
        return self.last.code

    def deliver(self, message: Message) -> None:
        """Put a mail into the box and wake who waits for it."""
        with self._changed:
            self._messages.append(message)
            self._changed.notify_all()
            for loop, arrived in self._waiters:
                if not loop.is_closed():
                    loop.call_soon_threadsafe(arrived.set)

    def clear(self) -> None:
        """Empty the box."""
        with self._changed:
            self._messages.clear()
            self._waited_for.clear()

    @overload
    def __getitem__(self, index: int) -> Message: ...
    @overload
    def __getitem__(self, index: slice) -> list[Message]: ...
    def __getitem__(self, index: int | slice) -> Message | list[Message]:
        with self._changed:
            return self._messages[index]

    def __len__(self) -> int:
        return len(self._messages)

    def __iter__(self) -> Iterator[Message]:
        with self._changed:
            return iter(tuple(self._messages))

    def __repr__(self) -> str:
        return f"<Mailbox {list(self)!r}>"

    def _take(self, to: str | None, subject: str | re.Pattern[str] | None) -> Message | None:
        for message in self._messages:
            if id(message) not in self._waited_for and _fits(message, to, subject):
                self._waited_for.add(id(message))
                return message
        return None

    def _complaint(
        self, to: str | None, subject: str | re.Pattern[str] | None, seconds: float
    ) -> str:
        wanted = " ".join(
            part
            for part in (
                "no mail",
                f"to {to}" if to is not None else "",
                f"with the subject {_shown(subject)}" if subject is not None else "",
                f"within {seconds:g} s" if seconds else "",
            )
            if part
        )
        there = [
            f"{number}. {message}{' (waited for already)' * (id(message) in self._waited_for)}"
            for number, message in enumerate(self._messages, 1)
        ]
        return f"{wanted}; there is:\n" + "\n".join(there) if there else f"{wanted}; there is none"


def _fits(message: Message, to: str | None, subject: str | re.Pattern[str] | None) -> bool:
    if to is not None and to.lower() not in {one.lower() for one in message.recipients}:
        return False
    if isinstance(subject, re.Pattern):
        return subject.search(message.subject) is not None
    return subject is None or subject in message.subject


def _shown(subject: str | re.Pattern[str] | None) -> str:
    return repr(subject.pattern if isinstance(subject, re.Pattern) else subject)


def _is_loop_running() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True
