"""Blocking commands: a client waits in the server until another's command, or its time, is come.

Clients blocked on what a command changed are served after it, in the order in which they came.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pytest_hermetic.redis.engine.adapter import EngineServer, FakeSocket, NoResponse, SimpleError
from pytest_hermetic.redis.resp import NULL_ARRAY, Failure

if TYPE_CHECKING:
    from collections.abc import Callable

NULL_ARRAY_COMMANDS = frozenset(
    (
        "exec",
        "blpop",
        "brpop",
        "blmpop",
        "bzpopmin",
        "bzpopmax",
        "bzmpop",
        "lmpop",
        "zmpop",
        "xread",
        "xreadgroup",
    )
)


class Waiting(FakeSocket):
    """The part of a session that may be parked; ``handle`` and ``_reply`` are the session's."""

    _server: EngineServer
    _gone: bool
    _command: str
    _backlog: list[list[bytes]]
    _retry: Callable[[bool], Any] | None
    _shape: Callable[[Any], Any] | None
    blocked_for: float | None
    block_token: int
    on_block: Callable[[float | None], None] | None

    if TYPE_CHECKING:

        def handle(self, fields: list[bytes], *, refusal: str | None = None) -> None: ...
        def _reply(self, value: Any) -> None: ...

    def give_up(self, token: int) -> None:
        """The time of blocking command ``token`` is over: answer that nothing came."""
        if self._gone:
            return
        server = self._server
        with server.lock:
            if self._retry is not None and token == self.block_token:
                server.tick()
                self._finish_block(None)

    def _blocking(
        self,
        timeout: float | None,
        func: Callable[[bool], Any],
        shape: Callable[[Any], Any] | None = None,
    ) -> Any:
        found = func(True)
        if found is not None or self._in_transaction or self._script_resp is not None:
            return found if shape is None else shape(found)
        self._retry, self._shape, self._blocked = func, shape, True
        self._server.blocked.append(self)
        self.blocked_for = timeout or None
        self.block_token += 1
        if self.on_block is not None:
            self.on_block(self.blocked_for)
        return NoResponse()

    def try_again(self) -> bool:
        """Serve this blocked client if what it waits for is there."""
        retry = self._retry
        if retry is None:
            return False
        try:
            if self._unblock_reason is not None:
                self._take_unblock_reason()
                self._finish_block(None)
                return True
            found = retry(False)
        except SimpleError as error:
            self._unblock()
            self._reply(Failure(error.value))
            return True
        if found is None:
            return False
        self._server.announce(self._command)
        self._finish_block(found)
        return True

    def _finish_block(self, found: Any) -> None:
        shape = self._shape
        self._unblock()
        reply = found if shape is None else shape(found)
        if reply is None and self._command in NULL_ARRAY_COMMANDS:
            reply = NULL_ARRAY
        self._reply(reply)
        backlog, self._backlog = self._backlog, []
        for position, fields in enumerate(backlog):
            self.handle(fields)
            if self._retry is not None:
                self._backlog = backlog[position + 1 :]
                return

    def _unblock(self) -> None:
        self._retry = self._shape = self._unblock_reason = None
        self._blocked = False
        self.blocked_for = None
        if not self._gone and self in self._server.blocked:
            self._server.blocked.remove(self)


def serve_blocked(server: EngineServer) -> None:
    """After a command changed keys: answer those who wait, oldest first, until nothing moves."""
    moved = True
    while moved:
        moved = False
        for session in list(server.blocked):
            if session.try_again():
                moved = True
    server.dirty = False
