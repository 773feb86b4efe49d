"""The network as a resource of the plugin: closed when a test begins, given back at its end."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

from pytest_hermetic.network import hook, noticed, rules, sockets
from pytest_hermetic.network.children import Children
from pytest_hermetic.network.guard import Guard

if TYPE_CHECKING:
    from pytest_hermetic.network.namespace import Namespace
    from pytest_hermetic.settings import Settings

Undo = Callable[[], None]


class NetworkResource:
    """Closes the network for every test, each by its own rules."""

    name = "network"
    triggers = ("uvloop", "psycopg", "psycopg2")

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._allowed = tuple(rules.parse(entry) for entry in settings.allow_hosts)
        self._undo: dict[str, Undo] = {}
        self._before: dict[str, hook.Handler] = {}
        self._namespace: Namespace | None = None
        self._children = Children(lambda: self.guard)
        self.guard: Guard | None = None
        """Of the running test; None while the network is not closed."""
        self.part = NetworkPart(self)

    def start(self) -> None:
        """Enter the namespace, if there is to be one, and watch what starts processes."""
        if self._settings.network == "netns":
            from pytest_hermetic.network.namespace import Namespace

            self._namespace = Namespace(self._settings)
            self._namespace.enter()
        self._children.start()
        self._undo["pytest"] = noticed.start()

    def install(self) -> None:
        """Watch the libraries that open sockets without Python's own, those imported by now."""
        for name in self.triggers:
            module = sys.modules.get(name)
            if module is None or name in self._undo:
                continue
            if name == "uvloop":
                from pytest_hermetic.network import uvloop_watch

                self._undo[name] = uvloop_watch.install(module, lambda: self.guard, self._children)
            else:
                from pytest_hermetic.network import libpq_watch

                self._undo[name] = libpq_watch.install(module, lambda: self.guard)

    def begin(self, nodeid: str) -> None:
        """Close the network for the test `nodeid`, as its markers say."""
        level = self._level()
        if level == "off":
            self._before = hook.watch({})
            return
        test = self._settings.test
        if self._namespace is not None and test.allow:
            raise pytest.UsageError(
                f"{nodeid}: with hermetic_network = netns nobody outside can be let through"
            )
        more = tuple(rules.parse(entry) for entry in (*test.allow, *self._given_servers()))
        chosen = rules.Rules(level, (*self._allowed, *more))
        mode = "netns" if self._namespace is not None else level
        self.guard = Guard(nodeid, chosen, self._settings.explain, mode=mode)
        self._before = hook.watch(
            sockets.handlers(self.guard) | self._children.handlers(self.guard)
        )

    def end(self, nodeid: str) -> None:  # noqa: ARG002  # of the Resource protocol
        """Give the network back."""
        hook.watch(self._before)
        self.guard = None
        self.part.was_looked_at = False

    def close(self) -> None:
        """Watch no longer; leave the namespace if that is possible."""
        for undo in self._undo.values():
            undo()
        self._undo.clear()
        self._children.stop()
        if self._namespace is not None:
            self._namespace.leave()

    def swallowed(self, test_file: Path) -> list[str]:
        """The addresses refused to the running test whose error never reached its own code."""
        if self.guard is None or self.part.was_looked_at:
            return []
        # A client that tries again raises one of several errors: the address is known by it.
        asked_for = dict.fromkeys(error.address for error in self.guard.blocked)
        known = {
            error.address
            for error in self.guard.blocked
            if error.is_known or _was_caught_in(error, str(test_file))
        }
        return [address for address in asked_for if address not in known]

    def _level(self) -> str:
        test = self._settings.test
        if "network" in test.off:
            return "off"
        level = test.network or self._settings.network
        if level == "netns" and self._namespace is None:
            raise pytest.UsageError("a namespace is for a whole run: hermetic_network = netns")
        # In the namespace, loopback leads to nobody but the tests themselves.
        return "loopback" if level == "netns" else level

    def _given_servers(self) -> list[str]:
        """The servers the user named to the plugin: what is redirected there is no escape."""
        named = (self._settings.db, self._settings.redis, self._settings.test.redis or "")
        return [_host_and_port(url) for url in named if "://" in url and urlsplit(url).hostname]


class NetworkPart:
    """`hermetic.network`: what the running test was refused."""

    def __init__(self, resource: NetworkResource) -> None:
        self._resource = resource
        self.was_looked_at = False
        """Whether the test knows what was blocked; then it is not warned of it."""

    @property
    def blocked(self) -> tuple[str, ...]:
        """The addresses (`host:port`) refused so far, oldest first.

        A test that expects its application to bear with an unreachable host asserts this.
        """
        self.was_looked_at = True
        guard = self._resource.guard
        return () if guard is None else tuple(error.address for error in guard.blocked)

    @property
    def level(self) -> str:
        """block or loopback; off where the test left the network alone."""
        guard = self._resource.guard
        return "off" if guard is None else guard.rules.level


def _host_and_port(url: str) -> str:
    parts = urlsplit(url)
    default = 5432 if parts.scheme.startswith("postgres") else 6379
    host = f"[{parts.hostname}]" if ":" in str(parts.hostname) else str(parts.hostname)
    return f"{host}:{parts.port or default}"


def _was_caught_in(error: BaseException, file: str) -> bool:
    # A traceback begins with the frame that caught the error.
    trace = error.__traceback__
    return trace is not None and trace.tb_frame.f_code.co_filename == file
