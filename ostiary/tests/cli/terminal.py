"""A command on a terminal of its own. A test reads what the command shows, and presses keys."""

import os
import pty
import select
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from cli.running import PATIENCE, environment

CTRL_C = "\x03"

# The terminal becomes the command's controlling one, as at a login: Ctrl+C reaches the command,
# and so does a prompt that hides what is typed.
_DRIVER = """
import fcntl, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
from ostiary.cli import main
main()
"""


@dataclass
class Terminal:
    """A terminal on which one command runs; `shown` is what has been read of it so far."""

    process: "subprocess.Popen[bytes]"
    side: int
    shown: str = ""

    def wait_for(self, text: str) -> None:
        """Read until `text` is shown."""
        deadline = time.monotonic() + PATIENCE
        while text not in self.shown:
            assert self._read(deadline), self.shown

    def type(self, keys: str) -> None:
        """Press these keys."""
        os.write(self.side, keys.encode())

    def end(self) -> int:
        """Read to the end; the exit code."""
        deadline = time.monotonic() + PATIENCE
        while self._read(deadline):
            pass
        return self.process.wait(PATIENCE)

    def _read(self, deadline: float) -> bool:
        """Read what there is. False at the end of the output."""
        readable, _, _ = select.select([self.side], [], [], deadline - time.monotonic())
        assert readable, f"nothing more is shown: {self.shown}"
        with suppress(OSError):  # EIO is how Linux says that the command has ended
            read = os.read(self.side, 4096)
            self.shown += read.decode().replace("\r\n", "\n")
            return bool(read)
        return False


@contextmanager
def terminal(folder: Path, *arguments: str) -> Iterator[Terminal]:
    """Run `ostiary …` on a terminal; it is ended with the block."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", _DRIVER, *arguments],
        cwd=folder,
        env=environment(folder, TERM="dumb"),
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    )
    os.close(theirs)
    try:
        yield Terminal(process, ours)
    finally:
        process.kill()
        process.wait(PATIENCE)
        os.close(ours)
