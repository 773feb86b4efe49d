"""Async connections are closed inside the event loop they were opened in, when it shuts down.

Every runner (asyncio.run, asyncio.Runner, pytest-asyncio, anyio, TestClient's portal, unittest)
ends a loop by closing its asynchronous generators *in* it. A generator of ours therefore gets the
last word there, with no hook into any runner: without it a driver would later try to say goodbye
through a closed loop and print "Event loop is closed".
"""

from __future__ import annotations

import asyncio
import contextlib
import weakref
from collections.abc import AsyncGenerator

from sqlalchemy.pool import ConnectionPoolEntry
from sqlalchemy.util import greenlet_spawn

Entries = weakref.WeakSet[ConnectionPoolEntry]


class LoopEnds:
    """The connections to close at the end of each event loop."""

    def __init__(self) -> None:
        # The generator must not refer to its loop, else the loop would never be let go.
        self._loops: weakref.WeakKeyDictionary[
            asyncio.AbstractEventLoop, tuple[Entries, AsyncGenerator[None]]
        ] = weakref.WeakKeyDictionary()

    def close_with(self, loop: asyncio.AbstractEventLoop, entry: ConnectionPoolEntry) -> None:
        """Close the connection of `entry` when `loop`, which is running, shuts down."""
        found = self._loops.get(loop)
        if found is None:
            entries: Entries = weakref.WeakSet()
            last_word = _close_at_the_end(entries)
            with contextlib.suppress(StopIteration):
                # Run to its `yield`, which awaits nothing: the loop now knows the generator.
                last_word.__anext__().send(None)
            found = self._loops[loop] = (entries, last_word)
        found[0].add(entry)


async def _close_at_the_end(entries: Entries) -> AsyncGenerator[None]:
    try:
        yield
    finally:
        for entry in tuple(entries):
            if entry.dbapi_connection is not None:
                await greenlet_spawn(entry.invalidate)
