"""The image of the Dockerfile, and processes that run in it as they run in a container."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

PATIENCE = 60.0
URL = "http://127.0.0.1:8000"
_ENTER = Path(__file__).with_name("enter.py")


@dataclass(frozen=True, slots=True)
class Image:
    """What the build made: its files and its configuration."""

    root: Path
    config: dict[str, Any]

    def command(self, *arguments: str) -> list[str]:
        """What runs in a container: the entry point, with these arguments or the default ones."""
        entry_point: list[str] = self.config["Entrypoint"]
        return [*entry_point, *(arguments or self.config["Cmd"])]

    @property
    def health_check(self) -> list[str]:
        """The command of HEALTHCHECK, in the form that no shell reads."""
        test: list[str] = self.config["Healthcheck"]["Test"]
        kind, *command = test
        assert kind == "CMD"
        return command

    def start(
        self, *command: str, volume: Path | None = None, hosts: str = "", **environment: str
    ) -> "subprocess.Popen[str]":
        """Run `command` as process 1 of a container, as the user that the image names."""
        uid, gid = (int(number) for number in self.config["User"].split(":"))
        listed = self.root.with_name("hosts")
        listed.write_text(f"127.0.0.1 localhost {hosts}\n")
        given = {
            "root": str(self.root),
            "volume": None if volume is None else str(volume),
            "hosts": str(listed),
            "folder": self.config["WorkingDir"],
            "uid": uid,
            "gid": gid,
            "command": list(command),
            "environment": dict(line.split("=", 1) for line in self.config["Env"]) | environment,
        }
        alone = ("unshare", "--mount", "--pid", "--fork", "--kill-child")
        return subprocess.Popen(
            [*alone, sys.executable, str(_ENTER), json.dumps(given)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def run(
        self, *command: str, stdin: str = "", **options: Any
    ) -> "subprocess.CompletedProcess[str]":
        """Run `command` to its end. Its output and its errors are both in `stdout`."""
        with self.start(*command, **options) as process:
            output, _ = process.communicate(stdin, timeout=PATIENCE)
        return subprocess.CompletedProcess(command, process.returncode, output)


@dataclass(slots=True)
class Container:
    """A server that runs in the image."""

    process: "subprocess.Popen[str]"

    @property
    def pid(self) -> int:
        """Process 1 of the container, as this side of it counts processes."""
        outer = self.process.pid
        return int(Path(f"/proc/{outer}/task/{outer}/children").read_text())

    def status(self) -> dict[str, str]:
        """What the kernel says of process 1 (proc_pid_status(5))."""
        lines = Path(f"/proc/{self.pid}/status").read_text().splitlines()
        return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}

    def says(self, text: str) -> bool:
        """Read what the server prints until a line holds `text`: whether one did."""
        assert self.process.stdout is not None
        return any(text in line for line in self.process.stdout)

    def stop(self) -> tuple[int, str]:
        """Send SIGTERM, as `docker stop` does. Returns the exit code and the last output."""
        os.kill(self.pid, signal.SIGTERM)
        output, _ = self.process.communicate(timeout=PATIENCE)
        return self.process.returncode, output


@contextmanager
def serving(image: Image, *command: str, **options: Any) -> Iterator[Container]:
    """Run a server until the end of the block."""
    with image.start(*command, **options) as process:
        try:
            container = Container(process)
            assert container.says("listening on http://"), process.wait(PATIENCE)
            yield container
        finally:
            process.kill()


def until(ready: Callable[[], bool], what: str) -> None:
    """Wait until `ready`, for another process that is starting."""
    deadline = time.monotonic() + PATIENCE
    while not ready():
        assert time.monotonic() < deadline, f"{what} did not come up"
        time.sleep(0.05)  # another process is waited for


def client() -> httpx.Client:
    """A client of the server in the container."""
    return httpx.Client(base_url=URL, timeout=PATIENCE, trust_env=False)
