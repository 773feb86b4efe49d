"""The suites inside are sessions of their own, also when an xdist worker starts them."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def no_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    """What xdist tells its workers is not meant for the suites they start."""
    for name in ("PYTEST_XDIST_WORKER", "PYTEST_XDIST_WORKER_COUNT", "PYTEST_XDIST_TESTRUNUID"):
        monkeypatch.delenv(name, raising=False)
