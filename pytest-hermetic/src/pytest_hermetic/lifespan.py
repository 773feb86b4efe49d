"""The lifespan of an ASGI application, run in a task of its own.

Start-up and shutdown happen in one task, so an application may hold a task group or a cancel
scope open between them, as it may under a real server.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]


class LifespanFailed(Exception):
    """The application said that its start-up or shutdown failed; the text is its message."""


class Lifespan:
    """One start-up and shutdown of `app` in the running event loop."""

    def __init__(self, app: Application) -> None:
        self.loop = asyncio.get_running_loop()
        self.state: dict[str, Any] = {}
        self._app = app
        self._orders: asyncio.Queue[Message] = asyncio.Queue()
        self._answers: asyncio.Queue[Message] = asyncio.Queue()
        self._task: asyncio.Task[None] | None = None
        self._is_served = False

    async def start(self) -> None:
        """Run the start-up. Raises what the application raises, or `LifespanFailed`.

        An application that knows no lifespan is left in peace, as servers do.
        """
        scope = {"type": "lifespan", "asgi": {"version": "3.0"}, "state": self.state}
        self._task = asyncio.create_task(
            self._app(scope, self._receive, self._answers.put),  # type: ignore[arg-type]
            name="hermetic-lifespan",
        )
        await self._ask("lifespan.startup")

    async def stop(self) -> None:
        """Run the shutdown, and wait for it."""
        if self._is_served and self._task is not None and not self._task.done():
            await self._ask("lifespan.shutdown")
            await self._task

    async def _receive(self) -> Message:
        try:
            return await self._orders.get()
        except asyncio.CancelledError:
            # A loop that shuts down cancels its tasks and waits for them: a server whose time has
            # come tells the application so, and lets it finish.
            if self._task is not None:
                self._task.uncancel()
            return {"type": "lifespan.shutdown"}

    async def _ask(self, order: str) -> None:
        task = self._task
        assert task is not None, "start comes first"  # noqa: S101  # an order of calls, not input
        self._orders.put_nowait({"type": order})
        answer = asyncio.ensure_future(self._answers.get())
        await asyncio.wait((task, answer), return_when=asyncio.FIRST_COMPLETED)
        if not answer.done():
            answer.cancel()
            if self._is_served and not task.cancelled():
                task.result()
            elif not task.cancelled():
                task.exception()  # looked at: the application knows no lifespan
            return
        message = answer.result()
        self._is_served = True
        if message["type"] == f"{order}.failed":
            await asyncio.wait((task,), timeout=1)
            if task.done() and not task.cancelled():
                task.result()
            raise LifespanFailed(message.get("message", ""))
