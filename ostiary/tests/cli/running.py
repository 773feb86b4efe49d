"""A real server process, as an operator starts it."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import httpx

T = TypeVar("T")
PATIENCE = 30.0


@dataclass
class Server:
    """A running `ostiary serve`."""

    process: "subprocess.Popen[str]"
    url: str
    log: Path

    def lines(self) -> list[dict[str, object]]:
        """What it has logged so far."""
        return [json.loads(line) for line in self.log.read_text().splitlines()]


def environment(folder: Path, **settings: str) -> dict[str, str]:
    """The environment of a command that keeps everything it writes in `folder`."""
    inherited = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    defaults = {"OSTIARY_DATABASE_URL": f"sqlite:///{folder}/ostiary.db"}
    return {**inherited, **defaults, **settings}


def command(
    folder: Path, *arguments: str, stdin: str = "", **settings: str
) -> "subprocess.CompletedProcess[str]":
    """Run `ostiary …` to its end."""
    return subprocess.run(
        [sys.executable, "-m", "ostiary", *arguments],
        cwd=folder,
        env=environment(folder, **settings),
        input=stdin,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )


def run_each(folder: Path, calls: dict[T, list[str]]) -> dict[T, dict[str, Any]]:
    """Run commands in `folder`, one after the other, of one process; what each did."""
    ran = subprocess.run(
        [sys.executable, str(Path(__file__).with_name("forked.py"))],
        cwd=folder,
        input=json.dumps(list(calls.values())),
        capture_output=True,
        text=True,
        timeout=4 * PATIENCE,
    )
    assert ran.returncode == 0, ran.stderr
    return dict(zip(calls, json.loads(ran.stdout), strict=True))


@contextmanager
def serving(folder: Path, *arguments: str, **settings: str) -> Iterator[Server]:
    """Run `ostiary serve` on a free port until the end of the block."""
    log = folder / "log"
    arguments = arguments or ("--port", "0")
    with log.open("w") as stderr:
        process = subprocess.Popen(
            [sys.executable, "-m", "ostiary", "serve", *arguments],
            cwd=folder,
            env=environment(folder, **settings),
            stderr=stderr,
            text=True,
        )
    try:
        yield Server(process, _wait_for_url(process, log), log)
    finally:
        process.terminate()
        process.wait(PATIENCE)


def _wait_for_url(process: "subprocess.Popen[str]", log: Path) -> str:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline and process.poll() is None:
        for line in log.read_text().splitlines():
            if "listening on " in line:
                url = str(json.loads(line)["message"]).partition("listening on ")[2]
                httpx.get(f"{url}/health/live").raise_for_status()
                return url
        time.sleep(0.02)  # another process is waited for
    raise AssertionError(f"the server did not start: {log.read_text()}")
