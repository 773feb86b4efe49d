"""`worker`: one process that only does what happens beside the requests."""

import asyncio
import logging
import signal

import uvloop

from ostiary.cli.opening import opened
from ostiary.cli.serving.welcome import warn_of_links
from ostiary.settings import Settings
from ostiary.worker import run_forever

_log = logging.getLogger("ostiary.worker")


def work(settings: Settings) -> None:
    """Work until SIGINT or SIGTERM; the message in flight is finished. Raises as `opened`."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_open_and_work(settings))


async def _open_and_work(settings: Settings) -> None:
    stopping = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    async with opened(settings) as rt:
        warn_of_links(settings)
        _log.info("working")
        await run_forever(rt, stopping)
        _log.info("stopped")
