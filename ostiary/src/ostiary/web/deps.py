"""What endpoints ask for: the Runtime, and where the request came from."""

from typing import Annotated, cast

from fastapi import Depends, Request

from ostiary.kernel.origin import Origin
from ostiary.runtime import Runtime


def runtime_of(request: Request) -> Runtime:
    """The Runtime of the application that the request is for."""
    return cast(Runtime, request.app.state.runtime)


def origin_of(request: Request) -> Origin:
    """Where the request came from, as the edge found out."""
    return cast(Origin, request.scope["state"]["origin"])


async def get_runtime(request: Request) -> Runtime:
    """`runtime_of`. Async: a sync dependency costs a trip through the thread pool."""
    return runtime_of(request)


async def get_origin(request: Request) -> Origin:
    """`origin_of`, for the same reason."""
    return origin_of(request)


def note_user(request: Request, user_id: str) -> None:
    """Let the request's log line say whom it was about."""
    request.scope["state"]["user_id"] = user_id


Rt = Annotated[Runtime, Depends(get_runtime)]
From = Annotated[Origin, Depends(get_origin)]
