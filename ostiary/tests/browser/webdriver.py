"""Chromium over the WebDriver protocol (W3C WebDriver 2): as much of it as the tests need."""

import re
import shutil
import socket
import subprocess
import time
from base64 import b64decode
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import httpx

PATIENCE = 30.0
_ELEMENT = "element-6066-11e4-a52e-4f735466cecf"  # W3C WebDriver §12, web element identifier
_ENTER = "\ue007"

Scheme = Literal["light", "dark"]


class NoBrowser(AssertionError):
    """Chromium or its driver is missing: these tests fail then, they are never skipped."""


class Gone(AssertionError):
    """The element is not there, or not any more."""


class Element:
    """Something on the page."""

    def __init__(self, browser: "Browser", id: str) -> None:
        self.id = id
        self._browser = browser
        self._path = f"/element/{id}"

    @property
    def text(self) -> str:
        """What a person reads of it."""
        return str(self._browser.get(f"{self._path}/text"))

    def attribute(self, name: str) -> str | None:
        """The attribute as the page has it."""
        found = self._browser.get(f"{self._path}/attribute/{name}")
        return None if found is None else str(found)

    @property
    def value(self) -> str:
        """What stands in a field."""
        return str(self._browser.get(f"{self._path}/property/value"))

    @property
    def name(self) -> str:
        """What assistive technology calls it (accessible name)."""
        return str(self._browser.get(f"{self._path}/computedlabel"))

    @property
    def size(self) -> tuple[int, int]:
        """Width and height, in CSS pixels."""
        rect = self._browser.get(f"{self._path}/rect")
        return round(rect["width"]), round(rect["height"])

    def style(self, name: str) -> str:
        """The computed value of a style."""
        return str(self._browser.get(f"{self._path}/css/{name}"))

    def type(self, text: str) -> None:
        """Press these keys in it."""
        self._browser.post(f"{self._path}/value", text=text)

    def submit(self) -> None:
        """Press the enter key in it, and wait for the page that follows."""
        before = self._browser.find("html").id
        self.type(_ENTER)
        self._browser.await_page_behind(before)

    def tap(self) -> None:
        """Press it where the page stays."""
        self._browser.post(f"{self._path}/click")

    def click(self) -> None:
        """Press it, and wait for the page that follows."""
        before = self._browser.find("html").id
        self._browser.post(f"{self._path}/click")
        self._browser.await_page_behind(before)


class Browser:
    """One browser window of its own profile."""

    def __init__(self, client: httpx.Client, session: str) -> None:
        self._client = client
        self._session = session

    def get(self, path: str) -> Any:
        """The value of a WebDriver GET."""
        return _value(self._client.get(f"/session/{self._session}{path}"))

    def post(self, path: str, **body: Any) -> Any:
        """The value of a WebDriver POST."""
        return _value(self._client.post(f"/session/{self._session}{path}", json=body))

    def open(self, url: str) -> None:
        """Go there."""
        self.post("/url", url=url)

    def back(self) -> None:
        """Press the back button."""
        self.post("/back")

    def reload(self) -> None:
        """Press the reload button; say yes where the browser asks whether to send a form again."""
        self.post("/refresh")

    @property
    def url(self) -> str:
        """What stands in the address bar."""
        return str(self.get("/url"))

    @property
    def title(self) -> str:
        """What stands on the tab."""
        return str(self.get("/title"))

    @property
    def text(self) -> str:
        """What a person reads on the page."""
        return self.find("body").text

    def await_page_behind(self, before: str) -> None:
        """Wait until the page whose root was the element `before` has given way to another."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            try:
                if self.find("html").id != before and self.find("body").text:
                    return
            except Gone:
                pass  # between two pages there is none
            time.sleep(0.02)  # another process is waited for
        raise AssertionError("no page follows")

    def find(self, css: str) -> Element:
        """The first element that matches. Fails where there is none."""
        return Element(self, self.post("/element", using="css selector", value=css)[_ELEMENT])

    def all(self, css: str) -> list[Element]:
        """Each element that matches."""
        found = self.post("/elements", using="css selector", value=css)
        return [Element(self, one[_ELEMENT]) for one in found]

    @property
    def focused(self) -> Element:
        """What has the focus."""
        return Element(self, self.get("/element/active")[_ELEMENT])

    def show(self, *, width: int, scheme: Scheme) -> None:
        """Show pages as on a screen that is `width` CSS pixels wide, for who prefers `scheme`."""
        metrics = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
        self._devtools("Emulation.setDeviceMetricsOverride", metrics)
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        self._devtools("Emulation.setEmulatedMedia", {"features": features})

    def page_width(self) -> int:
        """How wide the page is, in CSS pixels: wider than the screen where it scrolls sideways."""
        size = self._devtools("Page.getLayoutMetrics", {})["cssContentSize"]
        return int(size["width"])

    def photograph(self, file: Path) -> None:
        """Write what is seen into a PNG."""
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(b64decode(self.get("/screenshot")))

    def _devtools(self, command: str, params: dict[str, Any]) -> Any:
        return self.post("/goog/cdp/execute", cmd=command, params=params)


@contextmanager
def browsing(*, languages: str = "en") -> Iterator[Browser]:
    """A Chromium that runs no JavaScript, until the end of the block."""
    chromium, driver = _installed("chromium"), _installed("chromedriver")
    port = _free_port()
    process = subprocess.Popen(
        [driver, f"--port={port}"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        # The first address a proxy of the environment must not be asked for.
        base = f"http://127.0.0.1:{port}"
        with httpx.Client(base_url=base, timeout=PATIENCE, trust_env=False) as client:
            _wait(client, process)
            wanted = {"alwaysMatch": _capabilities(chromium, languages)}
            session = _value(client.post("/session", json={"capabilities": wanted}))["sessionId"]
            try:
                yield Browser(client, session)
            finally:
                client.delete(f"/session/{session}")
    finally:
        process.terminate()
        process.wait(PATIENCE)


def _capabilities(chromium: str, languages: str) -> dict[str, Any]:
    options = {
        "binary": chromium,
        "args": [
            "--headless=new",
            "--no-sandbox",  # it does not start as root otherwise, and sees our own pages only
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--no-proxy-server",
        ],
        "prefs": {
            "profile.managed_default_content_settings.javascript": 2,
            "intl.accept_languages": languages,
            "intl.selected_languages": languages,
        },
    }
    return {"browserName": "chrome", "goog:chromeOptions": options}


def _installed(program: str) -> str:
    found = shutil.which(program)
    if found is None:
        raise NoBrowser(f"{program} is missing (Debian: apt-get install chromium chromium-driver)")
    return found


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait(client: httpx.Client, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline and process.poll() is None:
        try:
            if client.get("/status").json()["value"]["ready"]:
                return
        except httpx.TransportError:
            time.sleep(0.05)  # another process is waited for
    raise NoBrowser("chromedriver did not start")


def _value(response: httpx.Response) -> Any:
    value = response.json()["value"]
    if response.status_code != 200:
        said = re.sub(r"\n#\d.*", "", str(value), flags=re.DOTALL)
        is_gone = value["error"] in ("no such element", "stale element reference")
        raise (Gone if is_gone else AssertionError)(f"the browser refused: {said}")
    return value
