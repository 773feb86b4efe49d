"""CLIENT, QUIT, RESET and DEBUG: a connection about itself and about others."""

from __future__ import annotations

from typing import Any

from pytest_hermetic.redis.engine.adapter import SimpleError, now_ms
from pytest_hermetic.redis.engine.overlay import Overlay, answers
from pytest_hermetic.redis.resp import Status, Verbatim

OK = Status(b"OK")
_FIELDS = (
    "qbuf=26 qbuf-free=20448 argv-mem=10 multi-mem=0 rbs=1024 rbp=0 obl=0 oll=0 omem=0 "
    "tot-mem=22298 events=r"
)
_NO_TRACKING = (
    "ERR CLIENT CACHING can be called only when the client is in tracking mode with OPTIN or "
    "OPTOUT mode enabled"
)


def describe(session: Any) -> str:
    """One line of CLIENT LIST."""
    info = session._client_info
    flags = "".join(
        letter
        for letter, holds in (
            ("P", session._pubsub),
            ("x", session._transaction is not None),
            ("b", session._blocked),
            ("e", session._no_evict),
        )
        if holds
    )
    queued = -1 if session._transaction is None else len(session._transaction)
    age = max(0, now_ms() // 1000 - int(info.get("-created", 0)))
    return (
        f"id={info['id']} addr=127.0.0.1:{40000 + int(info['id']) % 20000} laddr={info['laddr']} "
        f"fd=8 name={info.get('name', '')} age={age} idle=0 flags={flags or 'N'} "
        f"db={session._db_num} sub={session._subscribed('subscribers')} "
        f"psub={session._subscribed('psubscribers')} "
        f"ssub={session._subscribed('ssubscribers')} multi={queued} {_FIELDS} "
        f"cmd={session._command.replace(' ', '|')} user={info['user']} redir=-1 "
        f"resp={info['resp']}"
    )


class ClientCommands(Overlay):
    """CLIENT GETNAME, SETNAME, SETINFO, INFO, LIST, NO-EVICT, TRACKING; QUIT; DEBUG."""

    @answers("client getname")
    def do_client_getname(self) -> bytes | None:
        return str(self._client_info.get("name", "")).encode() or None

    @answers("client setname", bytes)
    def do_client_setname(self, name: bytes) -> Status:
        if any(not 33 <= letter <= 126 for letter in name):
            raise SimpleError(
                "ERR Client names cannot contain spaces, newlines or special characters."
            )
        self._client_info["name"] = name.decode("ascii")
        return OK

    @answers("client info")
    def do_client_info(self) -> Verbatim:
        return Verbatim(f"{describe(self)}\n".encode())

    @answers("client list", more=(bytes,))
    def do_client_list(self, *filters: bytes) -> Verbatim:
        sessions = list(self._server.sockets)
        rest = [word.lower() for word in filters]
        if rest[:1] == [b"type"] and len(rest) == 2:
            if rest[1] not in (b"normal", b"master", b"replica", b"pubsub"):
                given = filters[1].decode("utf-8", "replace")
                raise SimpleError(f"ERR Unknown client type '{given}'")
            sessions = [
                one for one in sessions if (b"pubsub" if one._pubsub else b"normal") == rest[1]
            ]
        elif rest[:1] == [b"id"] and len(rest) > 1:
            try:
                wanted = {int(word) for word in rest[1:]}
            except ValueError:
                raise SimpleError("ERR Invalid client ID") from None
            sessions = [one for one in sessions if int(one._client_info["id"]) in wanted]
        elif rest:
            raise SimpleError("ERR syntax error")
        return Verbatim("".join(f"{describe(one)}\n" for one in sessions).encode())

    @answers("client tracking", bytes, more=(bytes,))
    def do_client_tracking(self, mode: bytes, *_: bytes) -> Status:
        if mode.lower() == b"off":
            return OK
        if mode.lower() != b"on":
            raise SimpleError("ERR syntax error")
        raise SimpleError("ERR the in-memory server does not track keys: use the backend server")

    @answers("client getredir")
    def do_client_getredir(self) -> int:
        return -1

    @answers("client caching", bytes)
    def do_client_caching(self, mode: bytes) -> Status:
        raise SimpleError(_NO_TRACKING if mode.lower() in (b"yes", b"no") else "ERR syntax error")

    @answers("quit", more=(bytes,))
    def do_quit(self, *_: bytes) -> Status:
        self.closing = True
        return OK

    @answers("debug", bytes, more=(bytes,))
    def do_debug(self, *_: bytes) -> Status:
        raise SimpleError(
            "ERR DEBUG command not allowed. If the enable-debug-command option is set to "
            '"local", you can run it from a local connection, otherwise you need to set this '
            "option in the configuration file, and then restart the server."
        )
