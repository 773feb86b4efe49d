"""An HTTP client that talks to the ASGI application in the test's own event loop.

It needs no `async with`: the first request runs the application's start-up, the end of the test
its shutdown.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any

import pytest

from pytest_hermetic.lifespan import Application, Lifespan, Receive, Scope, Send
from pytest_hermetic.objects import find

if TYPE_CHECKING:
    import httpx
    from starlette.testclient import TestClient

BASE_URL = "http://testserver"


class Clients:
    """The clients of the running test, made when first asked for."""

    def __init__(self, name: str | None) -> None:
        self._name = name
        self._app: Application | None = None
        self._asynchronous: Any = None
        self._synchronous: TestClient | None = None

    @property
    def app(self) -> Application:
        """The application `hermetic_app` names; a factory is called once per session."""
        if self._app is None:
            if self._name is None:
                raise pytest.UsageError("set hermetic_app = module:attribute to use the client")
            found = find(self._name.removesuffix("()"), setting="hermetic_app")
            self._app = found() if self._name.endswith("()") else found
        return self._app

    @property
    def asynchronous(self) -> httpx.AsyncClient:
        """The test's `AsyncClient`, of httpx2 where it is installed, else of httpx."""
        if self._asynchronous is None:
            self._asynchronous = _client_class()(lambda: self.app)
        client: httpx.AsyncClient = self._asynchronous
        return client

    @property
    def synchronous(self) -> TestClient:
        """The test's Starlette `TestClient`; it lives through the lifespan already."""
        if self._synchronous is None:
            from starlette.testclient import TestClient

            client = TestClient(self.app, base_url=BASE_URL)
            client.__enter__()
            self._synchronous = client
        return self._synchronous

    def shut_down(self) -> None:
        """Run the shutdown of the asynchronous client's application, while its loop exists."""
        client, self._asynchronous = self._asynchronous, None
        if client is not None:
            client.hermetic_end()

    def end(self) -> None:
        """Close the synchronous client."""
        client, self._synchronous = self._synchronous, None
        if client is not None:
            client.__exit__(None, None, None)


@cache
def _client_class() -> Any:
    library = _library()

    class HermeticClient(library.AsyncClient):  # type: ignore[misc, name-defined]  # either library
        """An `AsyncClient` whose application is started by its first request."""

        def __init__(self, app: Callable[[], Application]) -> None:
            self._hermetic_app = app
            self._hermetic_lifespan: Lifespan | None = None
            self._hermetic_start: asyncio.Task[None] | None = None
            transport = library.ASGITransport(app=self._hermetic_serve)
            super().__init__(transport=transport, base_url=BASE_URL)

        async def send(self, *args: Any, **kwargs: Any) -> Any:
            await self._hermetic_ready()
            return await super().send(*args, **kwargs)

        async def __aenter__(self) -> Any:
            await self._hermetic_ready()
            return await super().__aenter__()

        async def __aexit__(self, *args: Any) -> None:
            await self._hermetic_stop()
            await super().__aexit__(*args)

        async def aclose(self) -> None:
            await self._hermetic_stop()
            await super().aclose()

        def hermetic_end(self) -> None:
            lifespan = self._hermetic_lifespan
            if lifespan is None or lifespan.loop.is_closed() or lifespan.loop.is_running():
                return
            lifespan.loop.run_until_complete(self.aclose())

        async def _hermetic_ready(self) -> None:
            lifespan = self._hermetic_lifespan
            if lifespan is None or lifespan.loop is not asyncio.get_running_loop():
                lifespan = self._hermetic_lifespan = Lifespan(self._hermetic_app())
                self._hermetic_start = asyncio.create_task(lifespan.start())
            if self._hermetic_start is not None:
                # Shielded: several requests may wait for the one start-up.
                await asyncio.shield(self._hermetic_start)

        async def _hermetic_stop(self) -> None:
            lifespan, self._hermetic_lifespan = self._hermetic_lifespan, None
            if lifespan is not None and lifespan.loop is asyncio.get_running_loop():
                await lifespan.stop()

        async def _hermetic_serve(self, scope: Scope, receive: Receive, send: Send) -> None:
            lifespan = self._hermetic_lifespan
            if lifespan is not None:
                scope["state"] = dict(lifespan.state)
            await self._hermetic_app()(scope, receive, send)

    return HermeticClient


def _library() -> Any:
    # Starlette looks in this order.
    for name in ("httpx2", "httpx"):
        try:
            return import_module(name)
        except ModuleNotFoundError as error:
            if error.name != name:
                raise
    raise pytest.UsageError("the client needs httpx: install pytest-hermetic[http]")
