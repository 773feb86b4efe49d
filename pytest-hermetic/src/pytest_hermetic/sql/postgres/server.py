"""A PostgreSQL server of this process's own, on a unix socket, with nothing flushed to disk.

It cannot outlive us: a shell stands guard over it, reading a pipe we hold, and shuts it down when
the pipe closes, however we ended.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from pytest_hermetic.sql.postgres.binaries import Binaries

_SETTINGS = {
    "listen_addresses": "",
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_wal_size": "1GB",
    "checkpoint_timeout": "1h",
    "shared_buffers": "32MB",
    "max_connections": "200",
    "autovacuum": "off",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
}
_GUARD = '"$@" & server=$!; read nothing; kill -INT $server; wait $server'
_PATIENCE = 30.0
"""Seconds a server may take to start."""


class ServerFailed(Exception):
    """PostgreSQL did not start; the text is what it said."""


class Server:
    """One server, its data in `folder`; clients connect to `host`, a folder, as `user`."""

    user = "postgres"

    def __init__(self, binaries: Binaries, folder: Path) -> None:
        self._binaries = binaries
        self._folder = folder / "postgres"
        self._data = self._folder / "data"
        self._guard: subprocess.Popen[bytes] | None = None
        self.host = str(self._folder)

    def create(self) -> None:
        """Write the files of an empty server."""
        self._own_folder()
        made = subprocess.run(  # noqa: S603  # a path this package found
            [
                *(self._binaries.path("initdb"), "--pgdata", str(self._data), "--no-sync"),
                *("--username", self.user, "--auth", "trust", "--encoding", "UTF8"),
                *("--locale", "C.UTF-8" if sys.platform == "linux" else "C", "--no-instructions"),
            ],
            capture_output=True,
            text=True,
            check=False,
            **self._as_owner(),
        )
        if made.returncode:
            raise ServerFailed(f"initdb: {made.stderr or made.stdout}")

    def restore(self, kept: Path) -> None:
        """Begin with the files another session kept."""
        self._own_folder()
        _copy(kept, self._data)
        self._give_away(self._data)

    def keep(self, kept: Path) -> None:
        """Store the files of the stopped server at `kept`, at once or not at all."""
        unfinished = kept.with_name(f"{kept.name}.{os.getpid()}")
        _copy(self._data, unfinished)
        unfinished.rename(kept)

    def start(self) -> None:
        """Run it, and wait until it accepts connections. Raises `ServerFailed`."""
        options = [part for name, value in _SETTINGS.items() for part in ("-c", f"{name}={value}")]
        server = [self._binaries.path("postgres"), "-D", str(self._data), "-k", self.host]
        with (self._folder / "log").open("ab") as log:
            self._guard = subprocess.Popen(  # noqa: S603  # a path this package found
                ["/bin/sh", "-c", _GUARD, "hermetic-postgres", *server, *options],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C is for the tests; the pipe tells the guard
                **self._as_owner(),
            )
        deadline = time.monotonic() + _PATIENCE
        while not self._is_ready():
            if self._guard.poll() is not None or time.monotonic() > deadline:
                raise ServerFailed((self._folder / "log").read_text(errors="replace"))
            time.sleep(0.005)

    def stop(self) -> None:
        """Shut it down; its files are whole afterwards."""
        guard, self._guard = self._guard, None
        if guard is not None and guard.stdin is not None:
            guard.stdin.close()
            guard.wait(_PATIENCE)

    def _is_ready(self) -> bool:
        try:
            lines = (self._data / "postmaster.pid").read_text().splitlines()
        except OSError:
            return False
        return len(lines) > 7 and lines[7].strip() == "ready"

    def _own_folder(self) -> None:
        self._folder.mkdir(mode=0o700)
        self._give_away(self._folder)

    def _as_owner(self) -> dict[str, Any]:
        """PostgreSQL refuses to run as root, so root starts it as somebody of less power."""
        environment = {"PATH": os.defpath, "LC_ALL": "C.UTF-8", "TZ": "UTC"}
        settings: dict[str, Any] = {"cwd": self._folder, "env": environment}
        owner = _owner()
        if owner is not None:
            settings |= {"user": owner[0], "group": owner[1], "extra_groups": []}
        return settings

    def _give_away(self, path: Path) -> None:
        owner = _owner()
        if owner is None:
            return
        self._folder.parent.chmod(0o711)
        os.chown(path, *owner)
        for parent, folders, files in os.walk(path):
            for name in (*folders, *files):
                os.chown(os.path.join(parent, name), *owner)


def _owner() -> tuple[int, int] | None:
    """The user and group to run as, where we are root; else None: as we are."""
    if sys.platform == "win32" or os.geteuid() != 0:
        return None
    import pwd

    for name in ("postgres", "nobody"):
        try:
            found = pwd.getpwnam(name)
        except KeyError:
            continue
        return found.pw_uid, found.pw_gid
    raise ServerFailed("root cannot run PostgreSQL, and there is no user postgres or nobody")


def _copy(source: Path, target: Path) -> None:
    # A process of its own copies three times as fast as Python does.
    copier = shutil.which("cp")
    if copier is None:
        shutil.copytree(source, target)
    else:
        subprocess.run([copier, "-R", "-p", str(source), str(target)], check=True)  # noqa: S603
