"""The backend ``server``: a real Redis, spawned on a unix socket or given by URL.

A spawned server is private to this process: one for each endpoint. A given one stands for a
single endpoint and must be empty, since every test empties it.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_hermetic.redis.endpoints import Endpoint, of_url
from pytest_hermetic.redis.server_link import ServerLink

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_hermetic.redis.strokes import Strokes

_BINARIES = ("redis-server", "valkey-server")
_START_SECONDS = 10.0


class NoServer(RuntimeError):
    """The backend ``server`` is asked for and there is none to use."""


class ServerBackend:
    """Every real server of the session."""

    def __init__(
        self,
        url: str | None,
        record: Callable[[Endpoint, list[bytes]], None],
        strokes: Callable[[Endpoint], Strokes] | None = None,
    ) -> None:
        self._given = url
        self._record = record
        self._strokes = strokes
        self._links: dict[Endpoint, ServerLink] = {}
        self._processes: list[subprocess.Popen[bytes]] = []
        self._folder: Path | None = None
        self.topologies: None = None
        """A real server is no cluster and no sentinel."""

    def link(self, endpoint: Endpoint) -> ServerLink:
        """The way to the server that stands for ``endpoint``."""
        link = self._links.get(endpoint)
        if link is None:
            address = self._spawn() if self._given is None else self._claim(endpoint, self._given)
            strokes = self._strokes(endpoint) if self._strokes is not None else None
            link = ServerLink(address, lambda fields: self._record(endpoint, fields), strokes)
            if self._given is not None:
                _refuse_unless_empty(link, self._given)  # before a test can empty it
            self._links[endpoint] = link
        return link

    def endpoints(self) -> list[Endpoint]:
        """Every endpoint connected to so far."""
        return list(self._links)

    def reset(self) -> bool:
        """Empty every server. None is of a cluster, so none has changed."""
        for link in self._links.values():
            link.wipe()
        return False

    def leave(self) -> None:
        """Close every connection: the next test uses another backend."""
        for link in self._links.values():
            link.hang_up()

    def close(self) -> None:
        """Stop what was spawned and remove its files."""
        for link in self._links.values():
            link.close()
        self._links.clear()
        for process in self._processes:
            process.terminate()
        for process in self._processes:
            process.wait(timeout=10)
        self._processes.clear()
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = None

    def _claim(self, endpoint: Endpoint, given: str) -> Endpoint:
        if self._links:
            known = next(iter(self._links))
            raise NoServer(
                f"the given Redis {given} stands for {known}; the service also connects to "
                f"{endpoint}. Use hermetic_redis = server, which spawns one for each."
            )
        if "PYTEST_XDIST_WORKER" in os.environ:
            raise NoServer(
                "a given Redis cannot be shared by xdist workers, each test empties it. "
                "Use hermetic_redis = server, which spawns one for each worker."
            )
        return of_url(given)

    def _spawn(self) -> Endpoint:
        binary = next((path for name in _BINARIES if (path := shutil.which(name))), None)
        if binary is None:
            raise NoServer(
                f"hermetic_redis = server needs {' or '.join(_BINARIES)} on the PATH, or a URL"
            )
        if self._folder is None:
            self._folder = Path(tempfile.mkdtemp(prefix="hermetic-redis-"))
        listening = self._folder / f"{len(self._processes)}.sock"
        options = {
            "port": "0",
            "unixsocket": str(listening),
            "unixsocketperm": "700",
            "save": "",
            "appendonly": "no",
            "dir": str(self._folder),
        }
        command = [
            binary,
            *(word for key, value in options.items() for word in (f"--{key}", value)),
        ]
        process = subprocess.Popen(  # noqa: S603  # found on the PATH, our own arguments
            command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        self._processes.append(process)
        _wait_until_up(process, listening)
        return Endpoint(path=str(listening))


def _wait_until_up(process: subprocess.Popen[bytes], path: Path) -> None:
    deadline = time.perf_counter() + _START_SECONDS
    while time.perf_counter() < deadline:
        if process.poll() is not None:
            raise NoServer(f"the spawned Redis ended at once, with status {process.returncode}")
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
            try:
                sock.connect(str(path))
            except OSError:
                time.sleep(0.005)
                continue
            return
    raise NoServer(f"the spawned Redis did not listen within {_START_SECONDS:.0f} s")


def _refuse_unless_empty(link: ServerLink, url: str) -> None:
    keyspace = link.admin.call("INFO", "keyspace").decode()
    if "keys=" in keyspace:
        link.close()
        raise NoServer(f"{url} holds keys, and every test would delete them: give an empty server")
