"""`hermetic`: the one object a test asks for, and the order in which its parts begin and end."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pytest_hermetic.clock import Clock
from pytest_hermetic.faults import Faults
from pytest_hermetic.imports import AfterImport
from pytest_hermetic.keys import Keys
from pytest_hermetic.resource import LoopBound
from pytest_hermetic.settings import Settings, TestSettings

if TYPE_CHECKING:
    import httpx
    from starlette.testclient import TestClient

    from pytest_hermetic.client import Clients
    from pytest_hermetic.mail import Mailbox
    from pytest_hermetic.mail.services import Service
    from pytest_hermetic.network.resource import NetworkPart, NetworkResource
    from pytest_hermetic.outbound.origins import Origin
    from pytest_hermetic.outbound.part import HttpPart
    from pytest_hermetic.resource import Resource
    from pytest_hermetic.sql.part import SqlPart

_TRIGGERS = {
    "redis": ("redis", "valkey"),
    "sql": ("sqlalchemy",),
    "http": (
        "httpcore",
        "httpcore2",
        "http.client",
        "urllib3.connection",
        "aiohttp.connector",
        "respx.mocks",
        "pytest_httpx._httpx_mock",
    ),
    "mail": ("smtplib", "aiosmtplib.smtp"),
    "hashing": (
        "argon2",
        "bcrypt",
        "pwdlib.hashers.bcrypt",
        "passlib.utils.handlers",
        "passlib.handlers.argon2",
        "nacl.pwhash",
        "werkzeug.security",
        "hashlib",
    ),
    "network": ("uvloop", "psycopg", "psycopg2"),
    "caches": ("limits.storage.memory", "limits.aio.storage.memory", "cachetools"),
}
"""The modules whose import makes each resource. Known here, so that nothing else is imported."""


class Hermetic:
    """The private world of the running test: `.redis`, `.sql`, `.clock`, `.keys`, `.client`.

    Each part is imported when the application imports the library behind it, or when the test
    asks for it.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.clock = Clock(settings.clock)
        self.faults = Faults(self.clock, settings.explain)
        self.keys = Keys(settings.private)
        self._imports = AfterImport()
        self._resources: dict[str, Resource] = {}
        self._network: NetworkResource | None = None
        self._clients: Clients | None = None
        self._resets: Any = None
        self._nodeid: str | None = None
        self._environment: dict[str, str | None] = {}

    def start(self) -> None:
        """Set the environment and watch for libraries. Called before the first conftest."""
        self._close_network()
        for name, value in self.settings.env:
            self._environment.setdefault(name, os.environ.get(name))
            os.environ[name] = self.keys.resolve(value)
        self._imports.start()
        for name, triggers in _TRIGGERS.items():
            if self._is_wanted(name):
                for trigger in triggers:
                    self._imports.watch(trigger, self._told(name))

    def begin(self, nodeid: str, test: TestSettings) -> None:
        """Give the test `nodeid` its private state."""
        self.settings.test = test
        self._nodeid = nodeid
        self.settings.explain.begin(nodeid)
        for resource in tuple(self._resources.values()):
            resource.begin(nodeid)
        if self.settings.reset:
            self._reset()
        self.clock.begin(test.clock, off="clock" in test.off)
        self.faults.begin(test.faults)

    def shut_down(self) -> None:
        """The test has run; its event loop, if any, still exists."""
        if self._clients is not None:
            self._clients.shut_down()
        for resource in tuple(self._resources.values()):
            if isinstance(resource, LoopBound):
                resource.shut_down()

    def end(self, nodeid: str) -> None:
        """Take back the state of the test `nodeid`."""
        self.faults.end()
        if self._clients is not None:
            self._clients.end()
        self._nodeid = None
        for resource in reversed(tuple(self._resources.values())):
            resource.end(nodeid)
        self.clock.end()
        self.settings.explain.end()
        self.settings.test = TestSettings()

    def close(self) -> None:
        """End the session: stop what was started, put the environment back."""
        self._imports.stop()
        for resource in reversed(tuple(self._resources.values())):
            resource.close()
        self._resources.clear()
        self.settings.close()
        for name, value in self._environment.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value

    @property
    def redis(self) -> Any:
        """The test's Redis: `.client()`, `.keys()`, `.dump()`, `.commands`, `.servers`."""
        return self._part("redis")

    @property
    def sql(self) -> SqlPart:
        """The test's databases: `.session()`, `.async_session()`, `.rows("users")`, `.url`."""
        found: SqlPart = self._part("sql")
        return found

    @property
    def mail(self) -> Mailbox:
        """The mails sent in this test: `.wait(to=…, subject=…)`, `.links`, `.code`, a sequence."""
        found: Mailbox = self._part("mail")
        return found

    @property
    def http(self) -> HttpPart:
        """The HTTP services outside: `.mount("https://idp.example", app)`, `.requests`."""
        found: HttpPart = self._part("http")
        return found

    @property
    def client(self) -> httpx.AsyncClient:
        """An asynchronous client of `hermetic_app`; its first request runs the start-up."""
        return self._made_clients().asynchronous

    @property
    def test_client(self) -> TestClient:
        """A Starlette `TestClient` of `hermetic_app`, its start-up already run."""
        return self._made_clients().synchronous

    @property
    def network(self) -> NetworkPart:
        """What the test was refused: `.blocked`; and its `.level`."""
        found: NetworkPart = self._part("network")
        return found

    def swallowed(self, test_file: Path) -> list[str]:
        """The addresses refused to the running test that only its application knows of."""
        return [] if self._network is None else self._network.swallowed(test_file)

    def never_reset(self) -> tuple[str, ...]:
        """The names in `hermetic_reset` whose module the session never imported."""
        never: tuple[str, ...] = () if self._resets is None else self._resets.never_called()
        return never

    def _close_network(self) -> None:
        # The first resource begins first and ends last, and there is one in every test.
        from pytest_hermetic.network.resource import NetworkResource

        self._network = self._resources["network"] = NetworkResource(self.settings)
        self._network.start()

    def _made_clients(self) -> Clients:
        if self._clients is None:
            from pytest_hermetic.client import Clients

            self._clients = Clients(self.settings.app)
        return self._clients

    def _reset(self) -> None:
        if self._resets is None:
            from pytest_hermetic.caches import Resets

            self._resets = Resets(self.settings.reset)
        self._resets.begin()

    def _is_wanted(self, name: str) -> bool:
        settings = self.settings
        switches = {"mail": settings.mail, "hashing": settings.fast_hash}
        if name in switches:
            return switches[name]
        return {"redis": settings.redis, "sql": settings.db}.get(name) != "off"

    def _told(self, name: str) -> Callable[[str], None]:
        def told(_module: str) -> None:
            self._resource(name).install()

        return told

    def _resource(self, name: str) -> Resource:
        resource = self._resources.get(name)
        if resource is None:
            resource = self._resources[name] = self._make(name)
            if self._nodeid is not None:
                # The library was imported inside a running test.
                resource.begin(self._nodeid)
        return resource

    def _make(self, name: str) -> Resource:
        # Imported here: each brings a library along.
        if name == "redis":
            from pytest_hermetic.redis import RedisResource

            return RedisResource(self.settings, self.faults)
        if name == "sql":
            from pytest_hermetic.sql.resource import SqlResource

            return SqlResource(self.settings, self.clock, self.faults)
        if name == "http":
            from pytest_hermetic.outbound import HttpResource

            return HttpResource(self.settings, self._mail_service)
        if name == "mail":
            from pytest_hermetic.mail import MailResource

            return MailResource(self.settings)
        if name == "hashing":
            from pytest_hermetic.hashing import HashingResource

            return HashingResource(self.settings)
        from pytest_hermetic.caches import Caches

        return Caches(self.settings, self.clock)

    def _mail_service(self, origin: Origin) -> tuple[str, Service] | None:
        """The mail provider whose interface lies at `origin`: its mails are of the mailbox too."""
        if not self._is_wanted("mail"):
            return None
        mail: Any = self._resource("mail")
        service: tuple[str, Service] | None = mail.service(origin)
        return service

    def _part(self, name: str) -> Any:
        if not self._is_wanted(name):
            raise pytest.UsageError(f"hermetic.{name} is switched off in the configuration")
        resource: Any = self._resource(name)
        resource.install()
        return resource.part
