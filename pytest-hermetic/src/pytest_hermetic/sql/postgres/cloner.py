"""Clones of template databases, made ahead of need in a thread of their own.

A clone takes some 15 ms; a test that finds one waiting takes it in microseconds. Databases that
tests are done with are dropped when nothing waits to be cloned.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable

from pytest_hermetic.sql.postgres.admin import Admin

_AHEAD = 4
"""Clones kept ready per template."""
_BACKLOG = 40
"""Databases that may wait to be dropped before cloning has to wait instead."""


class Cloner:
    """Makes and drops databases named after `prefix`."""

    def __init__(self, connect: Callable[[], Admin], prefix: str) -> None:
        self._connect = connect
        self._prefix = prefix
        self._made = 0
        self._ready: dict[str, deque[str]] = {}
        self._unwanted: deque[str] = deque()
        self._changed = threading.Condition()
        self._closing = False
        self._strategy = ""
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._work, name="hermetic-cloner", daemon=True)
        self._thread.start()

    def take(self, template: str) -> str:
        """The name of a clone of `template` that is the caller's alone."""
        with self._changed:
            ready = self._ready.setdefault(template, deque())
            self._changed.notify_all()
            self._changed.wait_for(lambda: ready or self._failure is not None)
            if not ready:
                assert self._failure is not None, "the wait ends with a clone or a failure"  # noqa: S101
                raise self._failure
            name = ready.popleft()
            self._changed.notify_all()
            return name

    def drop(self, name: str) -> None:
        """Drop a clone some time, whoever is still connected to it."""
        with self._changed:
            self._unwanted.append(name)
            self._changed.notify_all()

    def close(self) -> None:
        """Drop what was given back and what was not taken, then stop the thread."""
        with self._changed:
            self._unwanted.extend(name for ready in self._ready.values() for name in ready)
            self._end()
        self._thread.join()

    def stop(self) -> None:
        """Stop the thread and drop nothing: the server goes with all its databases."""
        with self._changed:
            self._unwanted.clear()
            self._end()
        self._thread.join()

    def _end(self) -> None:
        self._ready.clear()
        self._closing = True
        self._changed.notify_all()

    def _work(self) -> None:
        try:
            admin = self._connect()
            try:
                version = int(str(admin.run("show server_version_num")[0][0]))
                # The faster way here: a template is small, and nothing is flushed to disk.
                self._strategy = " strategy file_copy" if version >= 150_000 else ""
                while self._step(admin):
                    pass
            finally:
                admin.close()
        except BaseException as error:  # handed to the thread that waits in `take`
            with self._changed:
                self._failure = error
                self._changed.notify_all()

    def _step(self, admin: Admin) -> bool:
        """Do one thing, or wait for one; False when all is done."""
        with self._changed:
            self._changed.wait_for(lambda: self._closing or self._unwanted or self._wanting())
            template = None if self._closing else self._wanting()
            if self._closing and not self._unwanted:
                return False
            drop_first = template is None or len(self._unwanted) > _BACKLOG
            unwanted = self._unwanted.popleft() if self._unwanted and drop_first else None
        if unwanted is not None:
            admin.run(f'drop database if exists "{unwanted}" with (force)')
        elif template is not None:
            self._made += 1
            name = f"{self._prefix}_{self._made}"
            admin.run(f'create database "{name}" template "{template}"{self._strategy}')
            with self._changed:
                if self._closing:
                    # Ordered before the end, ready behind it: nobody takes it any more.
                    self._unwanted.append(name)
                else:
                    self._ready.setdefault(template, deque()).append(name)
                self._changed.notify_all()
        return True

    def _wanting(self) -> str | None:
        """The template with the fewest clones ready, if any has too few."""
        fewest = min(self._ready, key=lambda name: len(self._ready[name]), default=None)
        return fewest if fewest is not None and len(self._ready[fewest]) < _AHEAD else None
