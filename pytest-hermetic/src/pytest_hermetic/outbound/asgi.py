"""One HTTP request served by an ASGI application, as a server would serve it.

The application runs in a task and a context of its own: no context variable of the caller
reaches it, as none would over a network. What it raises is logged and answered with 500.
"""

from __future__ import annotations

import asyncio
import contextvars
import logging
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import unquote_to_bytes

from pytest_hermetic.lifespan import Application, Message
from pytest_hermetic.outbound.exchange import Answer, AsyncReply, RawHeaders, Request, Truncated

log = logging.getLogger("hermetic.http")

# So many messages wait for a client that does not read; then the application waits.
_BACKLOG = 16
_PLAIN = [(b"content-type", b"text/plain; charset=utf-8")]


class Conversation:
    """One request and its answer, in the running event loop."""

    def __init__(self, app: Application, request: Request, state: dict[str, Any]) -> None:
        self._app = app
        self._request = request
        self._scope = _scope(request, state)
        self._messages: asyncio.Queue[Message | None] = asyncio.Queue(_BACKLOG)
        self._is_body_given = False
        self._gone = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._has_failed = False

    async def begin(self) -> AsyncReply:
        """Start the application and wait for the head of its answer."""
        self._task = asyncio.create_task(
            self._run(), name="hermetic-http", context=contextvars.Context()
        )
        try:
            head = await self._messages.get()
        except asyncio.CancelledError:
            self.close()
            raise
        if head is None:
            return whole(Answer(500, _PLAIN, b"Internal Server Error"))
        raw_headers: RawHeaders = [(bytes(k), bytes(v)) for k, v in head.get("headers", ())]
        return AsyncReply(head["status"], raw_headers, self._chunks(), self.close)

    def close(self) -> None:
        """The client is gone: the application is told, and stopped if it goes on."""
        self._gone.set()
        if self._task is not None:
            self._task.cancel()

    async def _chunks(self) -> AsyncIterator[bytes]:
        has_more = True
        try:
            while has_more:
                message = await self._messages.get()
                if message is None:
                    raise Truncated(f"{self._request.url}: the application's answer broke off")
                if message["type"] != "http.response.body":
                    continue
                has_more = message.get("more_body", False)
                if body := message.get("body", b""):
                    yield bytes(body)
        except BaseException:
            self.close()
            raise
        self._gone.set()

    async def _run(self) -> None:
        try:
            await self._app(self._scope, self._receive, self._messages.put)
        except Exception:
            # Whatever it is, a server must answer; the test shows the log where it fails.
            log.exception("%s: the mounted application failed", self._request.url)
        if not self._gone.is_set():
            await self._messages.put(None)

    async def _receive(self) -> Message:
        if not self._is_body_given:
            self._is_body_given = True
            return {"type": "http.request", "body": self._request.content, "more_body": False}
        await self._gone.wait()
        return {"type": "http.disconnect"}


def _scope(request: Request, state: dict[str, Any]) -> dict[str, Any]:
    path, _, query = request.target.partition(b"?")
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": "1.1",
        "method": request.method,
        "scheme": request.origin.scheme,
        "path": unquote_to_bytes(path).decode("utf-8", "replace"),
        "raw_path": path,
        "query_string": query,
        "root_path": "",
        "headers": [(name.lower(), value) for name, value in request.raw_headers],
        "client": ("127.0.0.1", 50000),
        "server": (request.origin.host, request.origin.port),
        "state": dict(state),
    }


def whole(answer: Answer) -> AsyncReply:
    """An answer known at once as one that arrives."""

    async def chunks() -> AsyncIterator[bytes]:
        yield answer.content

    length = (b"content-length", str(len(answer.content)).encode())
    return AsyncReply(answer.status, [*answer.raw_headers, length], chunks(), _nothing_to_close)


def _nothing_to_close() -> None:
    pass
