"""What the adapters of the client libraries ask: is this origin served here, and with what?"""

from __future__ import annotations

from typing import Protocol

from pytest_hermetic.outbound.exchange import AsyncReply, Request, SyncReply
from pytest_hermetic.outbound.origins import Origin


class NotMounted(ConnectionRefusedError):
    """Nothing in this test serves the origin; the text says how to mount an application there."""

    def __init__(self, request: Request) -> None:
        super().__init__(
            f"{request.method} {request.url}: nothing is mounted at {request.origin} in this test;"
            f' hermetic_http.mount("{request.origin}", app) serves it from an ASGI application'
        )


class Pending(Protocol):
    """An answer under way."""

    def wait(self, timeout: float | None) -> SyncReply:
        """The answer, its head complete. Raises TimeoutError after `timeout` seconds."""


class Router(Protocol):
    """The part of the resource that adapters use."""

    def serves(self, origin: Origin) -> bool:
        """Whether a request to `origin` is answered in this process now."""

    async def answer(self, request: Request) -> AsyncReply:
        """Answer in the running loop. Raises `NotMounted`."""

    def answer_sync(self, request: Request) -> Pending:
        """Begin to answer a client that has no loop. Raises `NotMounted`."""
