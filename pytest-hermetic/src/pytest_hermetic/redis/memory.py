"""The backend ``memory``: one engine server per endpoint, in this process."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_hermetic.redis.engine.adapter import EngineServer
from pytest_hermetic.redis.engine.connected import ConnectedSession, open_session
from pytest_hermetic.redis.engine.shards import Place
from pytest_hermetic.redis.memory_socket import MemorySocket
from pytest_hermetic.redis.memory_stream import MemoryReader, MemoryWriter

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_hermetic.redis.endpoints import Endpoint
    from pytest_hermetic.redis.strokes import Strokes
    from pytest_hermetic.redis.topologies import Topologies


class MemoryLink:
    """The way to one in-memory server."""

    def __init__(
        self,
        server: EngineServer,
        place: Place,
        record: Callable[[list[bytes]], None],
        strokes: Strokes | None,
    ) -> None:
        self.server = server
        self._place = place
        self._record = record
        self._strokes = strokes

    def socket(self, timeout: float | None) -> MemorySocket:
        """See Link."""
        return MemorySocket(self._open, timeout, self._strokes)

    def streams(self, timeout: float | None) -> tuple[MemoryReader, MemoryWriter]:
        """See Link."""
        writer = MemoryWriter(self._open, timeout, self._strokes)
        return writer.reader, writer

    def connecting(self, timeout: float | None) -> None:
        """See Link."""
        if self._strokes is not None:
            self._strokes.connecting(timeout)

    def unseen(self) -> MemorySocket:
        """A socket whose commands are not recorded."""

        def opened(out: Callable[[bytes], None]) -> ConnectedSession:
            session = open_session(self.server, out)
            session.recorded = False
            return session

        return MemorySocket(opened, None)

    def _open(self, out: Callable[[bytes], None]) -> ConnectedSession:
        session = open_session(self.server, out)
        session.place, session.record = self._place, self._record
        return session


class MemoryBackend:
    """Every in-memory server of the session."""

    def __init__(
        self,
        version: tuple[int, ...],
        record: Callable[[Endpoint, list[bytes]], None],
        strokes: Callable[[Endpoint], Strokes] | None = None,
        topologies: Topologies | None = None,
    ) -> None:
        self.topologies = topologies
        self._version = version
        self._record = record
        self._strokes = strokes
        self._links: dict[Endpoint, MemoryLink] = {}

    def link(self, endpoint: Endpoint) -> MemoryLink:
        """The way to the server at ``endpoint``, which is started empty when it is new."""
        link = self._links.get(endpoint)
        if link is None:
            if self.topologies is None:
                server, place = EngineServer(str(endpoint), self._version), Place()
            else:
                server, place = self.topologies.place(endpoint)
            strokes = self._strokes(endpoint) if self._strokes is not None else None
            link = self._links[endpoint] = MemoryLink(
                server, place, lambda fields: self._record(endpoint, fields), strokes
            )
        return link

    def endpoints(self) -> list[Endpoint]:
        """Every endpoint connected to so far."""
        return list(self._links)

    def reset(self) -> bool:
        """Make every server as if freshly started; whether a cluster had changed."""
        for link in self._links.values():
            link.server.wipe()
        return self.topologies is not None and self.topologies.reset()

    def leave(self) -> None:
        """Close every connection: the next test uses another backend."""
        for link in self._links.values():
            for session in list(link.server.sockets):
                session.hang_up()

    def close(self) -> None:
        """Forget every server."""
        self.leave()
        self._links.clear()
