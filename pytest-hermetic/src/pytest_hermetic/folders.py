"""Private folders: one in memory for this process's databases, one on disk for what is reused."""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

# Windows has no flock: there a leftover folder waits for the system's cleaner.
if sys.platform != "win32":
    import fcntl

_PREFIX = "pytest-hermetic-"
_IN_USE = "in-use"


class PrivateFolder:
    """A folder only this user can enter, removed by `close`, or by a later session if we crash.

    It lies on /dev/shm where there is one, else in the system's temporary folder.
    """

    def __init__(self) -> None:
        parent = _memory() or Path(tempfile.gettempdir())
        _sweep(parent)
        self.path = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=parent))
        # Held as long as this process lives: `_sweep` of another session looks at it.
        self._lock = os.open(self.path / _IN_USE, os.O_CREAT | os.O_RDWR, 0o600)
        if sys.platform != "win32":
            fcntl.flock(self._lock, fcntl.LOCK_EX)

    def close(self) -> None:
        """Remove the folder and all in it."""
        os.close(self._lock)
        shutil.rmtree(self.path, ignore_errors=True)


def cache() -> Path:
    """The folder of this user for what several sessions reuse; nobody else can write there."""
    home = os.environ.get("XDG_CACHE_HOME")
    for parent in (Path(home) if home else Path.home() / ".cache", Path(tempfile.gettempdir())):
        folder = parent / f"pytest-hermetic-{os.getuid() if hasattr(os, 'getuid') else 0}"
        with contextlib.suppress(OSError):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            if _is_ours(folder):
                return folder
    return Path(tempfile.mkdtemp(prefix=_PREFIX))


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the lock file `path` against every other process of this user."""
    handle = os.open(path, os.O_CREAT | os.O_RDWR, 0o600)
    try:
        if sys.platform != "win32":
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _memory() -> Path | None:
    shared = Path("/dev/shm")  # noqa: S108  # the folder below is made by mkdtemp, mode 0700
    return shared if shared.is_dir() and os.access(shared, os.W_OK | os.X_OK) else None


def _is_ours(folder: Path) -> bool:
    if not hasattr(os, "getuid"):
        return True
    found = folder.lstat()
    return found.st_uid == os.getuid() and not found.st_mode & 0o022 and folder.is_dir()


def _sweep(parent: Path) -> None:
    """Remove the folders of sessions that ended without doing so."""
    if sys.platform == "win32":
        return
    for folder in parent.glob(f"{_PREFIX}*"):
        with contextlib.suppress(OSError):
            if not _is_ours(folder):
                continue
            handle = os.open(folder / _IN_USE, os.O_RDWR)
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            finally:
                os.close(handle)
            shutil.rmtree(folder, ignore_errors=True)
