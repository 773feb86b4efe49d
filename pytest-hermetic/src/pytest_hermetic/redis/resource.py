"""Redis for each test: where its clients are sent, and that every test starts with it empty."""

from __future__ import annotations

import sys
import threading
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING

from pytest_hermetic.redis.clients import Redirection
from pytest_hermetic.redis.part import RedisPart
from pytest_hermetic.redis.strokes import Strokes

if TYPE_CHECKING:
    from pytest_hermetic.faults import Faults
    from pytest_hermetic.redis.endpoints import Endpoint
    from pytest_hermetic.redis.memory import MemoryBackend, MemoryLink
    from pytest_hermetic.redis.server_link import ServerLink
    from pytest_hermetic.redis.spawned import ServerBackend
    from pytest_hermetic.redis.topologies import Topologies
    from pytest_hermetic.settings import Settings

    Backend = MemoryBackend | ServerBackend


@dataclass(frozen=True, slots=True)
class Command:
    """One command a client sent: ``server`` is host:port or a path, ``args`` holds the name too."""

    server: str
    args: tuple[bytes, ...]

    def __str__(self) -> str:
        return " ".join(arg.decode("utf-8", "backslashreplace") for arg in self.args)


class RedisResource:
    """The Redis servers of the session, behind every client of redis-py and valkey-py."""

    name = "redis"
    triggers = ("redis", "valkey")

    def __init__(self, settings: Settings, faults: Faults) -> None:
        self._settings = settings
        self._faults = faults
        self._redirections: dict[str, Redirection] = {}
        self._backends: dict[str, Backend] = {}
        self._current: str | None = None
        self._lock = threading.RLock()
        self.services: set[str] = set()
        """The names under which clients ask sentinels for a primary."""
        self.commands: list[Command] = []
        self.endpoints: dict[Endpoint, MemoryLink | ServerLink] = {}
        self.part = RedisPart(self)

    def install(self) -> None:
        """Redirect the libraries that are imported by now."""
        for name in self.triggers:
            if name in self._redirections or f"{name}.asyncio.client" not in sys.modules:
                continue
            self._redirections[name] = Redirection(
                sys.modules[name], self.dial, self._waits, self.services.add
            )
            self._redirections[name].install()

    def begin(self, nodeid: str) -> None:  # noqa: ARG002  # the contract of a resource
        """An empty server behind every endpoint, clients free of earlier event loops."""
        for redirection in self._redirections.values():
            redirection.renew()
        wanted = self._wanted()
        if self._current is not None and wanted != self._current:
            self._backends[self._current].leave()
            self._current = None
        if wanted in self._backends and self._backends[wanted].reset():
            for redirection in self._redirections.values():
                redirection.forget_topology()
        self.commands.clear()
        self.endpoints.clear()

    def end(self, nodeid: str) -> None:
        """The state is emptied before the next test, so that a failed test's can be looked at."""

    def close(self) -> None:
        """Put the client libraries back and stop the servers."""
        for redirection in self._redirections.values():
            redirection.uninstall()
        self._redirections.clear()
        for backend in self._backends.values():
            backend.close()
        self._backends.clear()
        self._current = None

    def dial(self, endpoint: Endpoint) -> MemoryLink | ServerLink | None:
        """The way to the server that stands for ``endpoint``; None to really connect."""
        wanted = self._wanted()
        if wanted == "off":
            return None
        with self._lock:  # two threads that connect first must meet the same server
            link = self._backend(wanted).link(endpoint)
            self.endpoints[endpoint] = link
        given = {"memory": "in memory", "server": "a redis-server of this run"}
        where = given.get(wanted) or f"the given {wanted.rpartition('@')[2]}"
        self._settings.explain.record("redis", str(endpoint), where)
        return link

    @property
    def topologies(self) -> Topologies:
        """The cluster and the sentinels. Raises LookupError on a real server, which has none."""
        if self._wanted() != "memory":
            raise LookupError("clusters and sentinels are in memory only: hermetic_redis = memory")
        with self._lock:
            found: Topologies | None = self._backend("memory").topologies
        assert found is not None  # noqa: S101  # made with the backend
        return found

    def known(self) -> list[Endpoint]:
        """Every endpoint the session has connected to on the present backend."""
        backend = self._backends.get(self._wanted())
        return backend.endpoints() if backend is not None else []

    def _backend(self, wanted: str) -> Backend:
        backend = self._backends.get(wanted)
        if backend is None:
            backend = self._backends[wanted] = self._make(wanted)
        self._current = wanted
        return backend

    def _wanted(self) -> str:
        settings = self._settings
        if settings.is_off("redis"):
            return "off"
        choice = settings.test.redis or settings.redis
        if choice == "auto":
            return "memory" if find_spec("fakeredis") and find_spec("lupa") else "server"
        return choice

    def _make(self, wanted: str) -> Backend:
        if wanted == "memory":
            from pytest_hermetic.redis.memory import MemoryBackend
            from pytest_hermetic.redis.topologies import Topologies

            version = self._settings.redis_version
            topologies = Topologies(version, self.services, self._settings.explain)
            return MemoryBackend(version, self._note, self._strokes, topologies)
        from pytest_hermetic.redis.spawned import ServerBackend

        return ServerBackend(wanted if "://" in wanted else None, self._note, self._strokes)

    def _strokes(self, endpoint: Endpoint) -> Strokes:
        return Strokes(self._faults, str(endpoint))

    def _waits(self, seconds: float) -> bool:
        """Whether a wait of the client passes on the test's clock: only a fault makes it wait."""
        if "redis" not in self._faults.set_for:
            return False
        self._faults.spend(seconds)
        return True

    def _note(self, endpoint: Endpoint, fields: list[bytes]) -> None:
        self.commands.append(Command(str(endpoint), tuple(fields)))
