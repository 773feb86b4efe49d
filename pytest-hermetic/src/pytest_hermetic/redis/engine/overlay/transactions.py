"""WATCH and EXEC: a watched key that expires is a changed key."""

from __future__ import annotations

from typing import Any

from pytest_hermetic.redis.engine.adapter import SimpleError
from pytest_hermetic.redis.engine.overlay import Overlay, answers, shapes
from pytest_hermetic.redis.resp import Status

OK = Status(b"OK")


@shapes("acl users")
def _by_name(session: Any, reply: Any) -> Any:  # noqa: ARG001  # every shape is called so
    return sorted(reply)


class TransactionCommands(Overlay):
    """WATCH, UNWATCH, EXEC, DISCARD."""

    _transaction: list[Any] | None
    _watches: set[Any]
    _watch_notified: bool
    watched_alive: set[Any]

    @answers("watch", bytes, more=(bytes,))
    def do_watch(self, *names: bytes) -> Status:
        if self._transaction is not None:
            raise SimpleError("ERR WATCH inside MULTI is not allowed")
        for name in names:
            self._watches.add((name, self._db))
            self._db.add_watch(name, self)
            if name in self._db:
                self.watched_alive.add((name, self._db))
        return OK

    @answers("unwatch")
    def do_unwatch(self) -> Status:
        self.watched_alive.clear()
        self._clear_watches()
        return OK

    @answers("exec")
    def do_exec(self) -> Any:
        if any(name not in database for name, database in self.watched_alive):
            self._watch_notified = True
        self.watched_alive.clear()
        return self.exec_()

    @answers("discard")
    def do_discard(self) -> Any:
        self.watched_alive.clear()
        return self.discard()
