"""The HTTP services of a session: which origin is served here, by what, and what was asked."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING, Any

from pytest_hermetic.objects import find
from pytest_hermetic.outbound import origins
from pytest_hermetic.outbound.asgi import whole
from pytest_hermetic.outbound.exchange import Answer, AsyncReply, Request, SyncReply
from pytest_hermetic.outbound.part import HttpPart, Mount
from pytest_hermetic.outbound.router import NotMounted, Pending
from pytest_hermetic.outbound.running import Running

if TYPE_CHECKING:
    from pytest_hermetic.lifespan import Application
    from pytest_hermetic.outbound.origins import Origin
    from pytest_hermetic.settings import Settings

    Service = Callable[[Request], Answer]

# Each library's module, what it must hold (a module may be half imported), and who redirects it.
_CLIENTS = {
    "httpcore": ("AsyncConnectionPool", "httpcore_client", "HttpcoreRedirection"),
    "httpcore2": ("AsyncConnectionPool", "httpcore_client", "HttpcoreRedirection"),
    "http.client": ("HTTPSConnection", "socket_client", "SocketRedirection"),
    "urllib3.connection": ("HTTPSConnection", "socket_client", "SocketRedirection"),
    "aiohttp.connector": ("TCPConnector", "aiohttp_client", "AiohttpRedirection"),
}
_BESIDE = {
    "respx.mocks": ("HTTPCoreMocker", "beside_respx"),
    "pytest_httpx._httpx_mock": ("HTTPXMock", "beside_pytest_httpx"),
}
TRIGGERS = (*_CLIENTS, *_BESIDE)
_HERE = __name__.rpartition(".")[0]


class HttpResource:
    """Answers, in the process, the origins that an application is mounted at."""

    name = "http"
    triggers = TRIGGERS

    def __init__(
        self, settings: Settings, services: Callable[[Origin], tuple[str, Service] | None]
    ) -> None:
        """`services` names and gives what answers an origin that nothing is mounted at."""
        self._settings = settings
        self._services = services
        self._clients: dict[str, Any] = {}
        self._restore: dict[str, Callable[[], None]] = {}
        self._running = Running()
        self._configured: list[tuple[Origin, str]] = [
            (origins.of_text(text), name) for text, name in settings.http
        ]
        self._applications: dict[str, Application] = {}
        self._lock = threading.Lock()
        self.mounts: list[Mount] = []
        self.requests: list[Request] = []
        self.part = HttpPart(self)

    def install(self) -> None:
        """Redirect the libraries that are imported by now."""
        for name in self.triggers:
            module = sys.modules.get(name)
            needed, *who = _CLIENTS.get(name) or _BESIDE[name]
            if name in self._clients or name in self._restore or not hasattr(module, needed):
                continue
            if name in _BESIDE:
                beside = getattr(import_module(f"{_HERE}.beside"), who[0])
                self._restore[name] = beside(module, self)
            else:
                cls = getattr(import_module(f"{_HERE}.{who[0]}"), who[1])
                self._clients[name] = cls(module, self)
                self._clients[name].install()

    def begin(self, nodeid: str) -> None:  # noqa: ARG002  # of the Resource protocol
        """Only what the configuration names is mounted; nothing was asked yet."""
        self.mounts.clear()
        self.requests.clear()

    def shut_down(self) -> None:
        """Run the shutdown of the mounted applications while the test's loop exists."""
        self._running.shut_down()

    def end(self, nodeid: str) -> None:  # noqa: ARG002  # of the Resource protocol
        """Close what pools keep open: the next test may have nothing at the other end."""
        self._running.shut_down()
        for client in self._clients.values():
            if hasattr(client, "hang_up"):
                client.hang_up()
        self.mounts.clear()

    def close(self) -> None:
        """Put the client libraries back."""
        for restore in self._restore.values():
            restore()
        for client in self._clients.values():
            client.uninstall()
        self._restore.clear()
        self._clients.clear()
        self._running.close()

    def add(self, mount: Mount) -> None:
        """Mount an application until the end of the test."""
        self.mounts.append(mount)

    def serves(self, origin: Origin) -> bool:
        """See `Router`."""
        return self._application(origin) is not None or self._services(origin) is not None

    async def answer(self, request: Request) -> AsyncReply:
        """See `Router`."""
        found = self._application(request.origin)
        if found is None:
            return whole(self._served(request))
        self._note(request, found[0])
        reply = await self._running.answer(found[1], request)
        request.status = reply.status
        return reply

    def answer_sync(self, request: Request) -> Pending:
        """See `Router`."""
        found = self._application(request.origin)
        if found is None:
            return _Given(self._served(request))
        self._note(request, found[0])
        return _Noting(self._running.answer_sync(found[1], request), request)

    def _served(self, request: Request) -> Answer:
        found = self._services(request.origin)
        if found is None:
            raise NotMounted(request)
        name, service = found
        self._note(request, name, kind="mail")
        answer = service(request)
        request.status = answer.status
        return answer

    def _note(self, request: Request, name: str, *, kind: str = "http") -> None:
        self.requests.append(request)
        self._settings.explain.record(kind, str(request.origin), name)

    def _application(self, origin: Origin) -> tuple[str, Application] | None:
        if self._settings.is_off(self.name):
            return None
        for mount in reversed(self.mounts):
            if mount.origin.covers(origin):
                return mount.name, mount.app
        for configured, name in reversed(self._configured):
            if configured.covers(origin):
                return name, self._imported(name)
        return None

    def _imported(self, name: str) -> Application:
        with self._lock:
            if name not in self._applications:
                found = find(name.removesuffix("()"), setting="hermetic_http")
                self._applications[name] = found() if name.endswith("()") else found
            return self._applications[name]


class _Given:
    """An answer that is there already."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer

    def wait(self, timeout: float | None) -> SyncReply:  # noqa: ARG002  # of the Pending protocol
        answer = self._answer
        length = (b"content-length", str(len(answer.content)).encode())
        headers = [*answer.raw_headers, length]
        return SyncReply(answer.status, headers, iter([answer.content]), lambda: None)


class _Noting:
    """An answer under way whose status the request learns."""

    def __init__(self, pending: Pending, request: Request) -> None:
        self._pending = pending
        self._request = request

    def wait(self, timeout: float | None) -> SyncReply:
        reply = self._pending.wait(timeout)
        self._request.status = reply.status
        return reply
