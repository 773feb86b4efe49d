"""httpx and httpx2: the one module that touches httpcore and httpcore2.

The pools are the lowest place that still sees whole requests: below transports that users
write, below respx and pytest-httpx (which therefore see each request first), and before a
proxy is chosen.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from functools import wraps
from types import ModuleType
from typing import Any

from pytest_hermetic.outbound import origins
from pytest_hermetic.outbound.exchange import AsyncReply, Request, SyncReply, Truncated
from pytest_hermetic.outbound.router import Router


class HttpcoreRedirection:
    """The patches of one of the two libraries."""

    def __init__(self, library: ModuleType, router: Router) -> None:
        self._library: Any = library
        self._router = router
        self._undo: list[tuple[type, str, Any]] = []

    def install(self) -> None:
        """Redirect every pool, existing or to come."""
        self._replace(self._library.ConnectionPool, "handle_request", self._sync)
        self._replace(self._library.AsyncConnectionPool, "handle_async_request", self._async)

    def uninstall(self) -> None:
        """Put the methods back."""
        while self._undo:
            cls, name, original = self._undo.pop()
            setattr(cls, name, original)

    def _replace(self, cls: type, name: str, make: Callable[[Any], Callable[..., Any]]) -> None:
        original = vars(cls)[name]
        self._undo.append((cls, name, original))
        setattr(cls, name, wraps(original)(make(original)))

    def _sync(self, original: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
        def handle_request(pool: Any, request: Any) -> Any:
            origin = _origin(request.url)
            if not self._router.serves(origin):
                return original(pool, request)
            sent = _request(request, origin, b"".join(request.stream))
            try:
                reply = self._router.answer_sync(sent).wait(_read_timeout(request))
            except TimeoutError:
                raise self._library.ReadTimeout(f"{sent.url} did not answer in time") from None
            return self._response(reply, _SyncBody(reply, self._library, sent))

        return handle_request

    def _async(
        self, original: Callable[[Any, Any], Awaitable[Any]]
    ) -> Callable[[Any, Any], Awaitable[Any]]:
        async def handle_async_request(pool: Any, request: Any) -> Any:
            origin = _origin(request.url)
            if not self._router.serves(origin):
                return await original(pool, request)
            sent = _request(request, origin, b"".join([part async for part in request.stream]))
            try:
                reply = await asyncio.wait_for(self._router.answer(sent), _read_timeout(request))
            except TimeoutError:
                raise self._library.ReadTimeout(f"{sent.url} did not answer in time") from None
            return self._response(reply, _AsyncBody(reply, self._library, sent))

        return handle_async_request

    def _response(self, reply: AsyncReply | SyncReply, body: Any) -> Any:
        headers = [pair for pair in reply.raw_headers if pair[0].lower() != b"transfer-encoding"]
        extensions = {"http_version": b"HTTP/1.1"}
        return self._library.Response(
            reply.status, headers=headers, content=body, extensions=extensions
        )


class _SyncBody:
    def __init__(self, reply: SyncReply, library: Any, sent: Request) -> None:
        self._reply = reply
        self._library = library
        self._is_empty = sent.method == "HEAD"

    def __iter__(self) -> Iterator[bytes]:
        try:
            for chunk in self._reply.chunks:
                if not self._is_empty:
                    yield chunk
        except Truncated as error:
            raise self._library.RemoteProtocolError(str(error)) from error

    def close(self) -> None:
        self._reply.close()


class _AsyncBody:
    def __init__(self, reply: AsyncReply, library: Any, sent: Request) -> None:
        self._reply = reply
        self._library = library
        self._is_empty = sent.method == "HEAD"

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            async for chunk in self._reply.chunks:
                if not self._is_empty:
                    yield chunk
        except Truncated as error:
            raise self._library.RemoteProtocolError(str(error)) from error

    async def aclose(self) -> None:
        self._reply.close()


def _origin(url: Any) -> origins.Origin:
    return origins.origin(url.scheme.decode("ascii"), url.host.decode("ascii"), url.port)


def _request(request: Any, origin: origins.Origin, content: bytes) -> Request:
    method = request.method.decode("ascii")
    return Request(method, origin, request.url.target, list(request.headers), content)


def _read_timeout(request: Any) -> float | None:
    seconds: float | None = request.extensions.get("timeout", {}).get("read")
    return seconds
