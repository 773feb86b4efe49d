"""A worker takes jobs until none is left."""

from collections.abc import Awaitable, Callable
from typing import Any

from jobs.queue import queue

TASKS: dict[str, Callable[..., Awaitable[Any]]] = {}


def task(function: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    TASKS[function.__name__] = function
    return function


@task
async def add(left: int, right: int) -> int:
    return left + right


@task
async def repeat(text: str, times: int) -> str:
    return text * times


async def work() -> int:
    """Do every job that waits; how many."""
    count = 0
    while (job := await queue.take()) is not None:
        number, name = job.pop("id"), job.pop("name")
        await queue.done(number, await TASKS[name](**job))
        count += 1
    return count
