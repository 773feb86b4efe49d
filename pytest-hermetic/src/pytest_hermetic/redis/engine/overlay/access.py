"""Passwords: a URL that carries one means a server which has it, until the test says otherwise.

A real server without ``requirepass`` refuses ``AUTH secret``; the service under test was given
``redis://:secret@cache`` and would never have met such a server. So every credential is
accepted until the test itself configures ``requirepass`` or a user; from then on it is checked.
"""

from __future__ import annotations

from typing import Any

from pytest_hermetic.redis.engine.adapter import Int, SimpleError, casematch
from pytest_hermetic.redis.engine.overlay import Overlay, answers
from pytest_hermetic.redis.resp import Status

OK = Status(b"OK")
_WRONG = "WRONGPASS invalid username-password pair or user is disabled."


class AccessCommands(Overlay):
    """AUTH, HELLO and QUIT."""

    def _authenticate(self, user: bytes, password: bytes) -> None:
        server = self._server
        if not server.guarded:
            return
        required = server.config.get(b"requirepass", b"")
        if user == b"default" and required:
            accepted = password == required
        else:
            known = user in server.acl.get_users()
            rules = server.acl.get_user_acl(user) if known else None
            accepted = rules is not None and (
                b"nopass" in rules.as_rule() or bool(rules.check_password(password))
            )
        if not accepted:
            raise SimpleError(_WRONG)
        self._client_info["user"] = user.decode()
        self.authenticated = True

    @answers("auth", bytes, more=(bytes,))
    def do_auth(self, *args: bytes) -> Status:
        if len(args) > 2:
            raise SimpleError("ERR syntax error")
        user, password = (b"default", args[0]) if len(args) == 1 else args
        self._authenticate(user, password)
        return OK

    @answers("acl setuser", bytes, more=(bytes,))
    def do_acl_setuser(self, *arguments: bytes) -> Any:
        self._server.guarded = True
        return self._run_engine("acl setuser", list(arguments))

    @answers("acl deluser", bytes, more=(bytes,))
    def do_acl_deluser(self, *names: bytes) -> int:
        if b"default" in names:
            raise SimpleError("ERR The 'default' user cannot be removed")
        present = set(names) & set(self._server.acl.get_users())
        for name in present:
            self._server.acl.del_user(name)
        return len(present)

    @answers("hello", more=(bytes,))
    def do_hello(self, *args: bytes) -> dict[bytes, Any]:
        protocol = self._client_info.protocol_version
        if args:
            try:
                protocol = Int.decode(args[0])
            except SimpleError:
                raise SimpleError(
                    "ERR Protocol version is not an integer or out of range"
                ) from None
            if protocol not in (2, 3):
                raise SimpleError("NOPROTO unsupported protocol version")
        rest = list(args[1:])
        name: bytes | None = None
        credentials: tuple[bytes, bytes] | None = None
        while rest:
            option = rest.pop(0)
            if casematch(option, b"auth") and len(rest) >= 2:
                credentials = (rest.pop(0), rest.pop(0))
            elif casematch(option, b"setname") and rest:
                name = rest.pop(0)
            else:
                text = option.decode("utf-8", "replace")
                raise SimpleError(f"ERR Syntax error in HELLO option '{text}'")
        if credentials is not None:
            self._authenticate(*credentials)
        if name is not None:
            self._client_info["name"] = name.decode()
        self._client_info["resp"] = protocol
        return {
            b"server": b"redis",
            b"version": self._server.version_text.encode(),
            b"proto": protocol,
            b"id": int(self._client_info["id"]),
            b"mode": b"standalone" if self.place.cluster is None else b"cluster",
            b"role": b"replica" if self.place.is_replica else b"master",
            b"modules": [],
        }
