"""What every command starts with: the settings that its options name, and a Runtime on them."""

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TypeVar

import typer

from ostiary.cli.failures import explained
from ostiary.runtime import Runtime, open_runtime
from ostiary.settings import Settings, load

T = TypeVar("T")


def settings_of(context: typer.Context) -> Settings:
    """The settings of this call: `--config` and the environment. Raises `SettingsError`."""
    return load(context.obj, os.environ)


def with_runtime(context: typer.Context, action: Callable[[Runtime], Awaitable[T]]) -> T:
    """Run `action` to its end on a Runtime of its own. Makes no installation.

    Raises as `open_runtime`, and `CommandFailed` where the database or Redis does not answer.
    """
    settings = settings_of(context)

    async def run() -> T:
        async with open_runtime(settings) as rt:
            return await action(rt)

    with explained(settings):
        return asyncio.run(run())


@asynccontextmanager
async def opened(settings: Settings) -> AsyncIterator[Runtime]:
    """A Runtime for a block that outlives the command's start. Raises as `with_runtime`.

    What the block raises is not explained: it is a defect, and not the database's.
    """
    async with AsyncExitStack() as stack:
        with explained(settings):
            rt = await stack.enter_async_context(open_runtime(settings))
        yield rt
