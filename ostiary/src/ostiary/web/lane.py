"""The lane: the hottest routes in one exact-path dictionary, in front of the router.

Finding a route and its dependencies costs the framework more than checking a session costs us.
A handler here is the same function that the router documents; it reads its request itself.
"""

import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from ostiary.kernel.database import OUTAGES
from ostiary.kernel.problems import Problem, Unavailable
from ostiary.web.render import problem_response

_log = logging.getLogger(__name__)

Handler = Callable[[Request], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class _Named:
    """What the log calls the route."""

    path: str


class Lane:
    """Answers the requests it knows by method and path; hands all others to the router."""

    def __init__(
        self, api: FastAPI, handlers: Mapping[tuple[str, str], Handler], public_url: str
    ) -> None:
        """`handlers` are what the router has at the same method and path."""
        self._api = api
        self._public_url = public_url
        self._handlers = {key: (handler, _Named(key[1])) for key, handler in handlers.items()}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or hand through."""
        found = self._handlers.get((scope.get("method", ""), scope.get("path", "")))
        if found is None:
            await self._api(scope, receive, send)
            return
        handler, scope["route"] = found
        scope["app"] = self._api
        try:
            response = await handler(Request(scope, receive))
        except Problem as problem:
            response = problem_response(scope, self._public_url, problem)
        except OUTAGES as error:
            _log.warning("the database does not answer", exc_info=error)
            response = problem_response(scope, self._public_url, Unavailable())
        await response(scope, receive, send)
