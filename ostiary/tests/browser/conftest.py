"""One server process and one browser for all of these tests; each has an account of its own."""

import email
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from email.policy import default
from itertools import count
from pathlib import Path
from typing import Any

import httpx
import pytest
from cli.running import environment
from factories import PASSWORD

from browser.webdriver import PATIENCE, Browser, browsing

_LINK = re.compile(r"https?://\S+")
_LISTENING = re.compile(r"listening on (http://[^\"\s]+)")
_numbers = count(1)


@dataclass(frozen=True, slots=True)
class Service:
    """A running Ostiary: where it is, what it mailed, what its terminal showed."""

    url: str
    letters: Path
    terminal: str

    def post(self, path: str, *, bearer: str | None = None, **body: Any) -> httpx.Response:
        """The answer of the API."""
        headers = {"Authorization": f"Bearer {bearer}"} if bearer else {}
        url = f"{self.url}/api/v1{path}"
        return httpx.post(url, json=body, headers=headers, timeout=PATIENCE, trust_env=False)

    def sign_up(self, **values: Any) -> tuple[str, str]:
        """A new account with `PASSWORD`: its address, and an access token."""
        address = f"reader{next(_numbers)}@example.com"
        response = self.post("/auth/signup", email=address, password=PASSWORD, **values)
        assert response.status_code == 201, response.text
        return address, str(response.json()["tokens"]["access_token"])

    def opens(self, address: str, password: str) -> bool:
        """Whether that password lets this address in."""
        response = self.post("/auth/signin", email=address, password=password)
        assert response.status_code in (200, 401), response.text
        return response.status_code == 200

    def link(self, to: str, page: str) -> str:
        """The link to `page` that was mailed to `to`. Waits until the message is there."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            for link in self._links(to):
                if link.startswith(f"{self.url}{page}?token="):
                    return link
            time.sleep(0.05)  # another process is waited for
        raise AssertionError(f"no link to {page} was mailed to {to}: {self._links(to)}")

    def _links(self, to: str) -> list[str]:
        found = []
        for file in sorted(self.letters.glob("*.eml"), reverse=True):
            message = email.message_from_bytes(file.read_bytes(), policy=default)
            body = message.get_body(("plain",))
            if str(message["To"]) == to and body is not None:
                found += _LINK.findall(body.get_content())
        return found


@pytest.fixture(scope="session")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """Ostiary, as somebody starts it on a terminal."""
    folder = tmp_path_factory.mktemp("service")
    letters = folder / "letters"
    letters.mkdir()
    settings = {
        "OSTIARY_MAIL__URL": f"file://{letters}",
        "OSTIARY_HASHING__MAX_WAIT": "30",  # a busy machine is not what is tested
        "OSTIARY_LIMITS__SIGNUPS": "1000",
        "OSTIARY_LIMITS__MESSAGES_ADDRESS": "1000",
        "OSTIARY_LIMITS__SIGNIN_ATTEMPTS": "1000",
    }
    terminal, side = os.openpty()
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "ostiary", "serve", "--port", "0"],
            cwd=folder,
            env=environment(folder, **settings),
            stdout=side,
            stderr=log,
        )
    os.close(side)
    try:
        url = _wait_for_url(process, folder / "log")
        yield Service(url, letters, os.read(terminal, 65_536).decode())
    finally:
        process.terminate()
        process.wait(PATIENCE)
        os.close(terminal)


@pytest.fixture(scope="session")
def window() -> Iterator[Browser]:
    """Chromium, which reads English."""
    with browsing(languages="en") as browser:
        yield browser


@pytest.fixture
def browser(window: Browser) -> Browser:
    """Chromium on a desk, in daylight."""
    window.show(width=1280, scheme="light")
    return window


@pytest.fixture
def photographs(tmp_path: Path) -> Path:
    """Where pictures go: the folder that TEST_PHOTOGRAPHS names, for somebody to look at."""
    return Path(os.environ.get("TEST_PHOTOGRAPHS") or tmp_path)


def _wait_for_url(process: "subprocess.Popen[bytes]", log: Path) -> str:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline and process.poll() is None:
        found = _LISTENING.search(log.read_text())
        if found:
            live = httpx.get(f"{found[1]}/health/live", timeout=PATIENCE, trust_env=False)
            live.raise_for_status()
            return found[1]
        time.sleep(0.05)  # another process is waited for
    raise AssertionError(f"the server did not start: {log.read_text()}")
