"""A lock and a condition for tasks of any event loop, in any thread.

asyncio binds its own to the loop in which they were first contended; a client made at import
time lives through many loops, and under TestClient in two at once.
"""

from __future__ import annotations

import asyncio
import threading
from collections import deque

_Waiter = tuple[asyncio.AbstractEventLoop, "asyncio.Future[bool]"]


class LoopFreeLock(asyncio.Lock):
    """Hands itself to the longest waiting task; that task's loop is woken from outside."""

    _locked: bool

    def __init__(self) -> None:
        super().__init__()
        self._guard = threading.Lock()
        self._queue: deque[_Waiter] = deque()

    async def acquire(self) -> bool:  # type: ignore[override]  # typeshed: Literal[True]
        """Wait until the lock is free and take it."""
        with self._guard:
            if not self._locked:
                self._locked = True
                return True
            waiter = _enqueue(self._queue)
        try:
            await waiter[1]
        except BaseException:
            with self._guard:
                waiting = waiter in self._queue
                if waiting:
                    self._queue.remove(waiter)
            if not waiting and waiter[1].done() and not waiter[1].cancelled():
                self.release()  # it was handed over in the same moment
            raise
        return True

    def release(self) -> None:
        """Give the lock to the next in line, or free it."""
        with self._guard:
            if not self._locked:
                raise RuntimeError("Lock is not acquired.")
            while self._queue:
                loop, future = self._queue.popleft()
                if not loop.is_closed():
                    loop.call_soon_threadsafe(self._hand_over, future)
                    return
            self._locked = False

    def _hand_over(self, future: asyncio.Future[bool]) -> None:
        if future.done():
            self.release()  # whoever waited has gone
        else:
            future.set_result(True)


class LoopFreeCondition(asyncio.Condition):
    """``asyncio.Condition`` over a LoopFreeLock."""

    def __init__(self) -> None:
        super().__init__(LoopFreeLock())
        self._sleeping: deque[_Waiter] = deque()

    async def wait(self) -> bool:  # type: ignore[override]  # typeshed: Literal[True]
        """Let go of the lock until notified, then take it again."""
        if not self.locked():
            raise RuntimeError("cannot wait on un-acquired lock")
        waiter = _enqueue(self._sleeping)
        self.release()
        try:
            await waiter[1]
        finally:
            if waiter in self._sleeping:
                self._sleeping.remove(waiter)
            await self._acquire_whatever_happens()
        return True

    async def _acquire_whatever_happens(self) -> None:
        """Whoever waited leaves with the lock, also when cancelled meanwhile."""
        cancelled: asyncio.CancelledError | None = None
        while True:
            try:
                await self.acquire()
                break
            except asyncio.CancelledError as error:
                cancelled = error
        if cancelled is not None:
            raise cancelled

    def notify(self, n: int = 1) -> None:
        """Wake ``n`` of those who wait."""
        if not self.locked():
            raise RuntimeError("cannot notify on un-acquired lock")
        while n > 0 and self._sleeping:
            loop, future = self._sleeping.popleft()
            if not loop.is_closed():
                loop.call_soon_threadsafe(_wake, future)
                n -= 1

    def notify_all(self) -> None:
        """Wake everyone."""
        self.notify(len(self._sleeping))


def _enqueue(queue: deque[_Waiter]) -> _Waiter:
    loop = asyncio.get_running_loop()
    waiter = (loop, loop.create_future())
    queue.append(waiter)
    return waiter


def _wake(future: asyncio.Future[bool]) -> None:
    if not future.done():
        future.set_result(True)
