"""One real server: who may connect, what a test leaves behind, and whose time its keys live in."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from pytest_hermetic.redis.bridge import BridgeReader, BridgeSocket, BridgeWriter
from pytest_hermetic.redis.followed_clock import FollowedClock
from pytest_hermetic.redis.passage import Passage
from pytest_hermetic.redis.raw import RawClient, ReplyError

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_hermetic.redis.endpoints import Endpoint
    from pytest_hermetic.redis.strokes import Strokes

_Socket = socket.socket  # ServerLink.socket hides the module's name
# Flags of CLIENT LIST: blocked, in MULTI or with a changed WATCH, subscribed, tracking.
_STATEFUL = frozenset("bxdPt")


class ServerLink:
    """The way to one real server."""

    def __init__(
        self,
        address: Endpoint,
        record: Callable[[list[bytes]], None],
        strokes: Strokes | None = None,
    ) -> None:
        self._address = address
        self._record = record
        self._strokes = strokes
        self._admin: RawClient | None = None
        self._defaults: dict[bytes, bytes] = {}
        self._configured: set[bytes] = set()
        self._welcome: set[bytes] = set()
        self._clock = FollowedClock()
        self._guard = threading.Lock()

    def socket(self, timeout: float | None) -> BridgeSocket:
        """See Link."""
        return BridgeSocket(self._dial(), Passage(self._pass_on, self._strokes), timeout)

    def streams(self, timeout: float | None) -> tuple[BridgeReader, BridgeWriter]:
        """See Link."""
        writer = BridgeWriter(self._dial(), Passage(self._pass_on, self._strokes), timeout)
        return writer.reader, writer

    def connecting(self, timeout: float | None) -> None:
        """See Link."""
        if self._strokes is not None:
            self._strokes.connecting(timeout)

    def unseen(self) -> Any:
        """A socket whose commands are not recorded; what has expired by now is gone."""
        with self._guard:
            self._clock.follow(self.admin)
        return self._dial()

    def _dial(self) -> _Socket:
        address = self._address
        if address.path is not None:
            sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            sock.connect(address.path)
            return sock
        sock = socket.create_connection((address.host, address.port), timeout=5)
        sock.settimeout(None)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return sock

    @property
    def admin(self) -> RawClient:
        """Our own connection to the server."""
        if self._admin is None:
            self._admin = RawClient(self._dial())
            present = self._admin.call("CONFIG", "GET", "*")
            self._defaults = dict(zip(present[::2], present[1::2], strict=True))
        return self._admin

    def _pass_on(self, fields: list[bytes]) -> list[bytes]:
        """Note a request; let in whoever has credentials, until the test has its own."""
        self._record(fields)
        with self._guard:  # clients in several threads, one connection of our own
            self._clock.follow(self.admin)
            return self._clock.adapt(self._admitted(fields))

    def _admitted(self, fields: list[bytes]) -> list[bytes]:
        name = fields[0].upper()
        if name in (b"CONFIG", b"ACL") and len(fields) > 2 and fields[1][:3].upper() == b"SET":
            self._configured.add(name)
        if name == b"AUTH" and len(fields) == 2:
            return [b"AUTH", b"default", fields[1]]  # accepted where no password is required
        user = _user(name, fields)
        if user is not None and not self._configured and user not in self._welcome:
            self.admin.call("ACL", "SETUSER", user, "on", "nopass", "~*", "&*", "+@all")
            self._welcome.add(user)
        return fields

    def _forget_configuration(self) -> None:
        """Undo what the test set: passwords, users, anything of CONFIG."""
        admin = self.admin
        if self._configured:
            admin.call("CONFIG", "SET", "requirepass", "")
            for user in admin.call("ACL", "USERS"):
                if user != b"default":
                    admin.call("ACL", "DELUSER", user)
            admin.call("ACL", "SETUSER", "default", "on", "nopass", "~*", "&*", "+@all")
            self._welcome.clear()
        if b"CONFIG" in self._configured:
            present = admin.call("CONFIG", "GET", "*")
            for name, value in zip(present[::2], present[1::2], strict=True):
                if self._defaults.get(name, value) != value:
                    admin.call("CONFIG", "SET", name, self._defaults[name])
        self._configured.clear()

    def wipe(self) -> None:
        """Empty the server and end the connections that hold state."""
        self._forget_configuration()
        admin = self.admin
        me = admin.call("CLIENT", "ID")
        for line in admin.call("CLIENT", "LIST").decode().splitlines():
            client = dict(part.partition("=")[::2] for part in line.split(" "))
            if client["id"] != str(me) and _STATEFUL & set(client["flags"]):
                admin.call("CLIENT", "KILL", "ID", client["id"])
        admin.call("FLUSHALL")
        admin.call("SCRIPT", "FLUSH", "SYNC")
        with suppress(ReplyError):  # before 7.0 there are no functions
            admin.call("FUNCTION", "FLUSH", "SYNC")
        self._clock.restart()

    def hang_up(self) -> None:
        """End every connection but our own."""
        self.admin.call("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
        self.admin.call("CLIENT", "KILL", "TYPE", "pubsub", "SKIPME", "yes")

    def close(self) -> None:
        """End our own connection."""
        if self._admin is not None:
            self._admin.close()
            self._admin = None


def _user(name: bytes, fields: list[bytes]) -> bytes | None:
    """Whom a request of the handshake signs in, if it does."""
    if name == b"AUTH" and len(fields) == 3:
        return fields[1]
    if name == b"HELLO":
        words = [field.upper() for field in fields]
        if b"AUTH" in words and words.index(b"AUTH") + 2 < len(fields):
            return fields[words.index(b"AUTH") + 1]
    return None
