"""A live server to escape to, and the routes, laid beside every suite inside."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest


class Listener:
    """Accepts on loopback, outside the suite inside; `reached` counts who came."""

    def __init__(self) -> None:
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._server.getsockname()[1]
        self.reached = 0
        self._thread = threading.Thread(target=self._accept)
        self._thread.start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._server.accept()
            except OSError:
                return
            self.reached += 1
            connection.close()

    def close(self) -> None:
        self._server.shutdown(socket.SHUT_RDWR)  # wakes the thread
        self._server.close()
        self._thread.join()


@pytest.fixture
def escapes() -> dict[str, str]:
    """The file of the routes, for the suites inside."""
    return {"escapes.py": Path(__file__).with_name("escapes.py").read_text()}


@pytest.fixture
def listener(monkeypatch: pytest.MonkeyPatch) -> Iterator[Listener]:
    """Its port is in the variable ESCAPE_PORT of the suites inside."""
    listening = Listener()
    monkeypatch.setenv("ESCAPE_PORT", str(listening.port))
    yield listening
    listening.close()


@pytest.fixture(autouse=True)
def no_namespace(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever network this run is in, the suites inside choose their own."""
    monkeypatch.delenv("PYTEST_HERMETIC_NETNS", raising=False)
