"""What every command starts with: the settings that its options name, and a Runtime on them."""

import asyncio
import os
from collections.abc import Awaitable, Callable
from typing import TypeVar

import typer

from ostiary.runtime import Runtime, open_runtime
from ostiary.settings import Settings, load

T = TypeVar("T")


def settings_of(context: typer.Context) -> Settings:
    """The settings of this call: `--config` and the environment. Raises `SettingsError`."""
    return load(context.obj, os.environ)


def with_runtime(context: typer.Context, action: Callable[[Runtime], Awaitable[T]]) -> T:
    """Run `action` to its end on a Runtime of its own."""
    settings = settings_of(context)

    async def run() -> T:
        async with open_runtime(settings) as rt:
            return await action(rt)

    return asyncio.run(run())
