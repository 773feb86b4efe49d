"""What happens beside the requests: deliveries, sweeps, key rotation. Survives every outage.

Several workers on one database are one worker: whatever they do is claimed in SQL first.
"""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from functools import partial

from ostiary.kernel.redis import is_embedded, sweep_embedded
from ostiary.mail import actions as mail
from ostiary.mail.delivery import Delivered, deliver
from ostiary.runtime import Runtime
from ostiary.sessions.sweeps import (
    forget_successors,
    rotate_when_due,
    sweep_devices,
    sweep_expired_sessions,
    sweep_keys,
    sweep_refresh_tokens,
    sweep_revoked_sessions,
)
from ostiary.signin import challenges, links

_log = logging.getLogger(__name__)

_INTERVAL = 1.0  # seconds between two looks into the outbox
_LONGEST_PAUSE = 60.0  # seconds, while a server is away
_BETWEEN_SWEEPS = timedelta(minutes=1)
_BATCH = 500  # rows in one transaction: the others wait for the writer no longer than that


async def run_once(rt: Runtime) -> int:
    """Do everything that is due now; return how many messages were delivered."""
    outcome = await deliver(rt)
    await sweep(rt)
    return outcome.count


async def sweep(rt: Runtime) -> None:
    """Delete what has expired, and rotate the signing keys where their time has come."""
    now = rt.clock.now()
    window = timedelta(seconds=rt.settings.refresh.retry_window)
    # Tokens before sessions, which take what is left of theirs with them.
    for one in (
        partial(forget_successors, window=window),
        sweep_refresh_tokens,
        sweep_expired_sessions,
        sweep_revoked_sessions,
        sweep_devices,
        links.sweep,
        challenges.sweep,
        mail.sweep,
    ):
        swept = _BATCH
        while swept == _BATCH:
            async with rt.db.write() as tx:
                swept = await one(tx, now, limit=_BATCH)
    await sweep_keys(rt, now)
    await rotate_when_due(rt)
    if is_embedded(rt.settings.redis_url):
        await sweep_embedded(rt.redis, max_keys=rt.settings.limits.max_keys)


async def run_forever(rt: Runtime, stopping: asyncio.Event, *, interval: float = _INTERVAL) -> None:
    """Do what is due, as it becomes due, until `stopping`. The message in flight is finished.

    It looks every `interval` seconds, less often while the database or the mail server is away.
    """
    swept_at: datetime | None = None
    pause = interval

    def is_sweep_due() -> bool:
        # Either way: a clock that was set back must not stop the sweeping.
        return swept_at is None or abs(rt.clock.now() - swept_at) >= _BETWEEN_SWEEPS

    while not stopping.is_set():
        try:
            if is_sweep_due():
                # Before it is done: a sweep that fails must not keep the messages waiting.
                swept_at = rt.clock.now()
                await sweep(rt)
            # A long queue must not keep the sweeps waiting either.
            outcome = await deliver(rt, is_stopping=lambda: stopping.is_set() or is_sweep_due())
            is_well = isinstance(outcome, Delivered)
        except Exception as error:  # the one place that goes on whatever happens
            _log.error("a round of the worker failed", exc_info=error)
            is_well = False
        pause = interval if is_well else min(pause * 2, _LONGEST_PAUSE)
        await _wait(stopping, pause)


@asynccontextmanager
async def running(rt: Runtime) -> AsyncIterator[None]:
    """A worker beside what the block does. At its end, the message in flight is finished."""
    if not rt.settings.worker.enabled:
        yield
        return
    stopping = asyncio.Event()
    task = asyncio.create_task(run_forever(rt, stopping))
    try:
        yield
    finally:
        stopping.set()
        await task


async def _wait(stopping: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await stopping.wait()
    except TimeoutError:
        return
