"""respx and pytest-httpx come first: what they have an answer for never gets here.

What they have no answer for, and something here serves, they let through instead of failing
the test. Both are met where they decide that nothing matches.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pytest_hermetic.outbound import origins
from pytest_hermetic.outbound.router import Router


def beside_respx(module: Any, router: Router) -> Callable[[], None]:
    """Patch `respx.mocks`; returns what puts it back."""
    mocker, models = module.Mocker, module
    handler, async_handler = vars(mocker)["handler"], vars(mocker)["async_handler"]

    def passing(request: Any) -> Exception:
        text = f"no route of respx matches, and {_origin(request)} is served here"
        error: Exception = models.PassThrough(text, request=request, origin=None)
        return error

    def handle(cls: Any, request: Any) -> Any:
        try:
            return handler.__func__(cls, request)
        except models.AllMockedAssertionError:
            if router.serves(_origin(request)):
                raise passing(request) from None
            raise

    async def async_handle(cls: Any, request: Any) -> Any:
        try:
            return await async_handler.__func__(cls, request)
        except models.AllMockedAssertionError:
            if router.serves(_origin(request)):
                raise passing(request) from None
            raise

    mocker.handler, mocker.async_handler = classmethod(handle), classmethod(async_handle)

    def restore() -> None:
        mocker.handler, mocker.async_handler = handler, async_handler

    return restore


def beside_pytest_httpx(module: Any, router: Router) -> Callable[[], None]:
    """Patch `pytest_httpx._httpx_mock`; returns what puts it back."""
    mock, httpx = module.HTTPXMock, module.httpx
    handle, async_handle = mock._handle_request, mock._handle_async_request
    # As they are now: its fixture replaces them for the length of a test.
    send = httpx.HTTPTransport.handle_request
    async_send = httpx.AsyncHTTPTransport.handle_async_request

    def is_ours(self: Any, transport: Any, request: Any) -> bool:
        matches = (matcher.match(transport, request) for matcher, _ in self._callbacks)
        return router.serves(_origin(request)) and not any(matches)

    def _handle_request(self: Any, transport: Any, request: Any) -> Any:
        request.read()
        if is_ours(self, transport, request):
            return send(transport, request)
        return handle(self, transport, request)

    async def _handle_async_request(self: Any, transport: Any, request: Any) -> Any:
        await request.aread()
        if is_ours(self, transport, request):
            return await async_send(transport, request)
        return await async_handle(self, transport, request)

    mock._handle_request, mock._handle_async_request = _handle_request, _handle_async_request

    def restore() -> None:
        mock._handle_request, mock._handle_async_request = handle, async_handle

    return restore


def _origin(request: Any) -> origins.Origin:
    return origins.origin(request.url.scheme, request.url.host, request.url.port)
