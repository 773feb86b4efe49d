"""One Lua interpreter, with the compiled scripts of its server."""

from __future__ import annotations

import hashlib
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from lupa import lua51  # type: ignore[import-untyped]  # it ships no types

from pytest_hermetic.redis.engine.lua import bits
from pytest_hermetic.redis.engine.lua.replies import TooDeep, argument, from_lua, to_lua
from pytest_hermetic.redis.resp import Failure

if TYPE_CHECKING:
    from collections.abc import Callable

_LIBRARIES = ("cjson", "cmsgpack", "struct")
_NO_COMMAND = "ERR Please specify at least one argument for this redis lib call"
_NOT_TEXT = "ERR Lua redis lib command arguments must be strings or integers"


@cache
def _source(name: str) -> bytes:
    return files("pytest_hermetic.redis.engine.lua").joinpath(f"{name}.lua").read_bytes()


class CompileError(Exception):
    """The script is not Lua; the text is the compiler's."""


def _forbidden(obj: object, name: str, setting: bool) -> str:  # noqa: ARG001  # lupa's signature
    raise AttributeError(name)


class Interpreter:
    """Runs scripts for one server; nothing of one run is left for the next."""

    def __init__(self, version: tuple[int, ...]) -> None:
        self._runtime = lua51.LuaRuntime(
            encoding=None,
            unpack_returned_tuples=True,
            register_eval=False,
            register_builtins=False,
            attribute_filter=_forbidden,
        )
        self._chance = bits.Chance()
        self._command: Callable[[list[bytes]], Any] | None = None
        self.protocol = 2
        self._chunks: dict[bytes, Any] = {}
        major, minor, patch = (*version, 0, 0)[:3]
        table = self._runtime.table_from
        host = {
            b"call": self._call,
            b"setresp": self._set_protocol,
            b"sha1hex": _sha1hex,
            b"version": f"{major}.{minor}.{patch}".encode(),
            b"version_number": major << 16 | minor << 8 | patch,
            b"random": self._chance.next,
            b"randomseed": self._chance.seed,
            b"pack_integer": bits.pack_integer,
            b"pack_number": bits.pack_number,
            b"unpack_number": bits.unpack_number,
            b"pack_real": bits.pack_real,
            b"unpack_real": bits.unpack_real,
            b"bit": table({name.encode(): work for name, work in bits.OPERATIONS.items()}),
        }
        sources = table({name.encode(): _source(name) for name in _LIBRARIES})
        self._compile, self._run = self._runtime.execute(
            _source("sandbox"), table(host), sources, name=b"=sandbox"
        )

    def compile(self, sha: bytes, code: bytes) -> None:
        """Make the script known; raises CompileError."""
        if sha in self._chunks:
            return
        compiled = self._compile(code, b"@user_script")
        if isinstance(compiled, tuple):
            raise CompileError(compiled[1].decode("utf-8", "replace"))
        self._chunks[sha] = compiled

    def forget(self) -> None:
        """Be as on a fresh server: no compiled script, the first of all random numbers next."""
        self._chunks.clear()
        self._chance.restart()

    def run(
        self,
        sha: bytes,
        keys: list[bytes],
        argv: list[bytes],
        command: Callable[[list[bytes]], Any],
    ) -> Any:
        """Run a compiled script; ``command`` answers its ``redis.call``."""
        self._command, self.protocol = command, 2
        table = self._runtime.table_from
        try:
            outcome = self._run(self._chunks[sha], table(keys), table(argv))
            if outcome is True:
                return None
            if outcome[0]:
                return from_lua(outcome[1], _is_table, self.protocol)
        except TooDeep:
            return Failure("ERR reached lua stack limit")
        finally:
            self._command = None
        _, message, source, line = (*outcome, None, None)[:4]
        text = message.decode("utf-8", "surrogateescape")
        if line is not None:
            place = source.decode("utf-8", "surrogateescape")
            text = f"{text} script: {sha.decode()}, on {place}:{int(line)}."
        return Failure(text)

    def _set_protocol(self, version: int) -> None:
        self.protocol = int(version)

    def _call(self, count: int, *given: Any) -> Any:
        """``redis.pcall``; an error is a table with ``err``, which ``redis.call`` raises in Lua."""
        arguments = [argument(value) for value in given]
        if count == 0:
            return self._failed(_NO_COMMAND)
        if len(arguments) < count or None in arguments or self._command is None:
            return self._failed(_NOT_TEXT)
        reply = self._command([part for part in arguments if part is not None])
        if type(reply) is Failure:
            return self._failed(reply.text)
        return to_lua(self._runtime, reply, self.protocol)

    def _failed(self, text: str) -> Any:
        return self._runtime.table_from(
            {
                b"err": text.encode("utf-8", "surrogateescape"),
                b"ignore_error_stats_update": True,
            }
        )


def _is_table(value: Any) -> bool:
    return bool(lua51.lua_type(value) == "table")


def _sha1hex(text: bytes) -> bytes:
    return hashlib.sha1(text, usedforsecurity=False).hexdigest().encode()
