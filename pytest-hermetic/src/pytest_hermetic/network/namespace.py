"""`hermetic_network = netns`: the whole run in a network of its own, closed by the kernel.

The namespace has a loopback that leads to nobody but the processes of this run. Sockets that are
files stay usable, so PostgreSQL and Redis servers of the plugin do.
"""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

from pytest_hermetic.network import confine

if TYPE_CHECKING:
    from pytest_hermetic.settings import Settings

_OURS = "PYTEST_HERMETIC_NETNS"
"""Names the namespace to the processes of a run, so that xdist's workers stay in it."""
_HERE = "/proc/self/ns/net"


class Namespace:
    """The network namespace of a session."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._outside: int | None = None

    def enter(self) -> None:
        """Move this process there, before it has threads; its workers follow.

        Raises `pytest.UsageError` where the kernel offers none, or the settings need a network.
        """
        self._refuse_what_needs_a_network()
        if os.path.exists(_HERE) and os.environ.get(_OURS) == os.readlink(_HERE):
            return
        try:
            outside = os.open(_HERE, os.O_RDONLY)
            confine.enter_namespace()
        except OSError as error:
            threads = threading.active_count()
            many = f" (this process has {threads} threads already)" if threads > 1 else ""
            raise pytest.UsageError(
                f"hermetic_network = netns: there is no network namespace here: {error}{many}. "
                "hermetic_network = block needs none: it closes the network from within Python, "
                "and child processes by whatever the kernel does offer"
            ) from error
        self._outside = outside
        os.environ[_OURS] = os.readlink(_HERE)

    def leave(self) -> None:
        """Go back, which takes root; others stay until the process ends."""
        if self._outside is None:
            return
        outside, self._outside = self._outside, None
        try:
            confine.rejoin(outside)
        except OSError:
            return
        finally:
            os.close(outside)
        os.environ.pop(_OURS, None)

    def _refuse_what_needs_a_network(self) -> None:
        if self._settings.allow_hosts:
            raise pytest.UsageError(
                "hermetic_network = netns lets nobody through: drop hermetic_allow_hosts, or "
                "use hermetic_network = block"
            )
        for setting, value in (
            ("hermetic_db", self._settings.db),
            ("hermetic_redis", self._settings.redis),
        ):
            host = urlsplit(value).hostname if "://" in value else None
            if host is not None and not value.startswith("unix:"):
                raise pytest.UsageError(
                    f"{setting} names a server on the network ({host}), which "
                    "hermetic_network = netns cannot reach"
                )
