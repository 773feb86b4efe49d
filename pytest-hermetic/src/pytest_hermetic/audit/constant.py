"""Ten applications that answer a constant, and the switch that puts one in the place of yours.

The switch is in the transports: what speaks to an application in this process without a socket.
So it meets every client, however and whenever it was made, and the application is not touched:
it is built, it starts and it ends as ever; its requests are answered for it.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any


@dataclass(frozen=True, slots=True)
class Answer:
    """One constant answer."""

    name: str
    status: int
    body: bytes
    headers: tuple[tuple[str, str], ...] = (("content-type", "application/json"),)


def _says(name: str, status: int, body: Any, *headers: tuple[str, str]) -> Answer:
    text = json.dumps(body).encode()
    return Answer(name, status, text, (("content-type", "application/json"), *headers))


ANSWERS: tuple[Answer, ...] = (
    _says("200 {}", 200, {}),
    _says("200 []", 200, []),
    _says("201 {}", 201, {}),
    Answer("204", 204, b"", ()),
    Answer("302", 302, b"", (("location", "/"),)),
    _says("400", 400, {"detail": "Bad Request"}),
    _says("401", 401, {"detail": "Unauthorized"}, ("www-authenticate", "Bearer")),
    _says("404", 404, {"detail": "Not Found"}),
    _says("500", 500, {"detail": "Internal Server Error"}),
    _says("503", 503, {"detail": "Service Unavailable"}),
)
"""What is answered to everything, one after the other: success with nothing in it, a redirect,
the three refusals clients meet most, and the two ways of being broken."""


class Switch:
    """Counts every request in the process; while `answer` is set, each is given it."""

    def __init__(self) -> None:
        self.answer: Answer | None = None
        self.requests = 0
        """Since the test began."""
        self._at_most: int | None = None
        self._restore: list[tuple[Any, str, Any]] = []

    def install(self) -> None:
        """Meet the transports of the libraries that are imported."""
        for library in ("httpx", "httpx2"):
            if (module := sys.modules.get(library)) is not None:
                asynchronous, synchronous = self._httpx(module)
                self._wrap(module.ASGITransport, "handle_async_request", asynchronous)
                self._wrap(module.WSGITransport, "handle_request", synchronous)
        if (module := sys.modules.get("starlette.testclient")) is not None:
            _, synchronous = self._httpx(module.httpx)
            self._wrap(module._TestClientTransport, "handle_request", synchronous)
        if (module := sys.modules.get("litestar.testing.transport")) is not None:
            _, synchronous = self._httpx(sys.modules["httpx"])
            self._wrap(module.TestClientTransport, "handle_request", synchronous)
        if (module := sys.modules.get("werkzeug.test")) is not None:
            self._wrap(module.Client, "run_wsgi_app", self._werkzeug)

    def remove(self) -> None:
        """Leave the transports as they were."""
        for owner, name, original in reversed(self._restore):
            setattr(owner, name, original)
        self._restore.clear()

    def begin(self, *, at_most: int | None = None) -> None:
        """A test begins that may make so many requests."""
        self.requests, self._at_most = 0, at_most

    def _count(self) -> Answer | None:
        self.requests += 1
        if self._at_most is not None and self.requests > self._at_most:
            raise RuntimeError(f"more than {self._at_most} requests in one test")
        return self.answer

    def _wrap(self, owner: Any, name: str, made: Callable[[Any], Any]) -> None:
        original = getattr(owner, name)
        self._restore.append((owner, name, original))
        setattr(owner, name, wraps(original)(made(original)))

    def _httpx(self, library: Any) -> tuple[Callable[[Any], Any], Callable[[Any], Any]]:
        def answered(transport: Any) -> Any:
            # An application mounted for outbound requests is not the one that is judged.
            if getattr(transport, "hermetic_outbound", False):
                return None
            answer = self._count()
            if answer is None:
                return None
            return library.Response(
                answer.status, headers=list(answer.headers), content=answer.body
            )

        def asynchronous(original: Any) -> Any:
            async def handle_async_request(transport: Any, request: Any) -> Any:
                return answered(transport) or await original(transport, request)

            return handle_async_request

        def synchronous(original: Any) -> Any:
            def handle_request(transport: Any, request: Any) -> Any:
                return answered(transport) or original(transport, request)

            return handle_request

        return asynchronous, synchronous

    def _werkzeug(self, original: Any) -> Any:
        def run_wsgi_app(client: Any, environ: Any, buffered: bool = False) -> Any:
            answer = self._count()
            if answer is None:
                return original(client, environ, buffered)
            from werkzeug.datastructures import Headers

            return [answer.body], str(answer.status), Headers(list(answer.headers))

        return run_wsgi_app
