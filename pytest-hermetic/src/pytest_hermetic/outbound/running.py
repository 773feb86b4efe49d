"""Mounted applications that run: one lifespan per application and event loop.

An asynchronous client's application runs in the client's own loop; a synchronous client's in a
loop of ours, in a thread of its own, for the caller's thread may be running a loop already.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine, Iterator
from concurrent.futures import Future
from typing import Any, TypeVar

from pytest_hermetic.lifespan import Application, Lifespan
from pytest_hermetic.outbound.asgi import Conversation
from pytest_hermetic.outbound.exchange import AsyncReply, Request, SyncReply

T = TypeVar("T")

_PATIENCE = 5.0
"""Seconds a start-up that nobody waits for any more may still take."""


class Running:
    """The lifespans begun in this test."""

    def __init__(self) -> None:
        self._begun: dict[
            tuple[int, asyncio.AbstractEventLoop], tuple[Lifespan, asyncio.Task[None]]
        ] = {}
        self._background: Background | None = None
        self._lock = threading.Lock()

    async def answer(self, app: Application, request: Request) -> AsyncReply:
        """Serve `request` in the running loop; the first one runs the start-up of `app`.

        A start-up that fails raises here: the test has no such service.
        """
        return await Conversation(app, request, await self._state(app)).begin()

    def answer_sync(self, app: Application, request: Request) -> PendingReply:
        """The same for a client without a loop: `app` runs in the background thread."""
        return PendingReply(self._thread(), self.answer(app, request))

    def shut_down(self) -> None:
        """Run every shutdown: the test is over, its loop still exists."""
        begun, self._begun = self._begun, {}
        for (_, loop), (lifespan, start) in begun.items():
            if self._background is not None and loop is self._background.loop:
                self._background.submit(_finish(lifespan, start)).result()
            elif not loop.is_closed() and not loop.is_running():
                loop.run_until_complete(_finish(lifespan, start))
        if self._background is not None:
            self._background.sweep()

    def close(self) -> None:
        """End the background thread."""
        self.shut_down()
        if self._background is not None:
            self._background.close()
            self._background = None

    async def _state(self, app: Application) -> dict[str, Any]:
        loop = asyncio.get_running_loop()
        key = (id(app), loop)
        if key not in self._begun:
            lifespan = Lifespan(app)
            self._begun[key] = (lifespan, asyncio.create_task(lifespan.start()))
        lifespan, start = self._begun[key]
        # Shielded: several requests may wait for the one start-up.
        await asyncio.shield(start)
        return lifespan.state

    def _thread(self) -> Background:
        with self._lock:
            if self._background is None:
                self._background = Background()
            return self._background


class PendingReply:
    """An answer under way in the background thread."""

    def __init__(self, background: Background, answer: Coroutine[Any, Any, AsyncReply]) -> None:
        self._background = background
        self._future = background.submit(answer)

    def wait(self, timeout: float | None) -> SyncReply:
        """The answer, as soon as its head is there.

        Raises TimeoutError after `timeout` seconds; the application is told that its client left.
        """
        try:
            reply = self._future.result(timeout)
        except TimeoutError:
            self._future.cancel()
            raise

        def chunks() -> Iterator[bytes]:
            pieces = aiter(reply.chunks)
            while (piece := self._background.submit(_next(pieces)).result()) is not None:
                yield piece

        def close() -> None:
            self._background.loop.call_soon_threadsafe(reply.close)

        return SyncReply(reply.status, reply.raw_headers, chunks(), close)


class Background:
    """An event loop in a daemon thread."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._serve, name="hermetic-http", daemon=True)
        self._thread.start()

    def submit(self, work: Coroutine[Any, Any, T]) -> Future[T]:
        """Run `work` in the loop."""
        return asyncio.run_coroutine_threadsafe(work, self.loop)

    def sweep(self) -> None:
        """Cancel the tasks a test left behind, and wait for them."""
        self.submit(_sweep()).result()

    def close(self) -> None:
        """Stop the loop and the thread."""
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join()
        self.loop.close()

    def _serve(self) -> None:
        asyncio.set_event_loop(self.loop)
        self.loop.run_forever()
        self.loop.run_until_complete(self.loop.shutdown_asyncgens())
        self.loop.run_until_complete(self.loop.shutdown_default_executor())


async def _finish(lifespan: Lifespan, start: asyncio.Task[None]) -> None:
    # A client that lost patience may have left a start-up under way.
    await asyncio.wait((start,), timeout=_PATIENCE)
    await lifespan.stop()


async def _next(pieces: Any) -> bytes | None:
    piece: bytes | None = await anext(pieces, None)
    return piece


async def _sweep() -> None:
    left = asyncio.all_tasks() - {asyncio.current_task()}
    for task in left:
        task.cancel()
    await asyncio.gather(*left, return_exceptions=True)
