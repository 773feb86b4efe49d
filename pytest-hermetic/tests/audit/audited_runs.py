"""What inner runs that are audited consist of, and what their reports say."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

INI = """
[pytest]
hermetic = true
pythonpath = .
asyncio_mode = auto
asyncio_default_fixture_loop_scope = function
"""

# A small shop and a client of it, for suites that need something to ask.
SHOP = """
    from fastapi import FastAPI, HTTPException, WebSocket

    app = FastAPI()

    @app.get("/orders/{number}")
    def read(number: int):
        if number > 9:
            raise HTTPException(404, "no such order")
        return {"order": number}

    @app.websocket("/prices")
    async def prices(socket: WebSocket):
        await socket.accept()
        await socket.send_json({"tea": 5})
        await socket.close()
"""
CLIENT = """
    import pytest

    @pytest.fixture
    def client(hermetic_test_client):
        return hermetic_test_client
"""


@dataclass(frozen=True, slots=True)
class Audited:
    """What an audited run said."""

    run: pytest.RunResult
    document: dict[str, Any]
    """The JSON report."""

    @property
    def findings(self) -> list[dict[str, Any]]:
        """What was found and not ignored."""
        return [one for one in self.document["findings"] if not one["ignored"]]

    def codes(self, file: str = "") -> list[str]:
        """The codes of the findings, in order; of one file where it is named."""
        found = (one for one in self.findings if not file or one["file"].startswith(file))
        return sorted(one["code"] for one in found)

    def tests(self) -> dict[str, dict[str, Any]]:
        """The tests of the run, by their names without the file."""
        return {one["nodeid"].partition("::")[2]: one for one in self.document["tests"]}


Run = Callable[..., Audited]
