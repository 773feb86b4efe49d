"""EVAL and its kin, and SCRIPT, on our own interpreter."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from pytest_hermetic.redis.engine import table
from pytest_hermetic.redis.engine.adapter import Int, SimpleError, SimpleString
from pytest_hermetic.redis.engine.overlay import Overlay, answers
from pytest_hermetic.redis.engine.shards import NOT_LOCAL, READ_ONLY
from pytest_hermetic.redis.resp import Failure, NullArray, Push, Status, Unordered, Verbatim

if TYPE_CHECKING:
    from pytest_hermetic.redis.engine.lua.interpreter import Interpreter

OK = Status(b"OK")
_NO_SCRIPT = "NOSCRIPT No matching script. Please use EVAL."
_FLAGS = frozenset(("no-writes", "allow-oom", "allow-stale", "no-cluster", "allow-cross-slot-keys"))


class ScriptingCommands(Overlay):
    """EVAL, EVALSHA, EVAL_RO, EVALSHA_RO and SCRIPT."""

    def _interpreter(self) -> Interpreter:
        server = self._server
        if server.scripting is None:
            from pytest_hermetic.redis.engine.lua.interpreter import Interpreter

            server.scripting = Interpreter(server.version)
        interpreter: Interpreter = server.scripting
        return interpreter

    def _learn(self, script: bytes) -> bytes:
        """Compile a script and keep it; its SHA-1 in hexadecimal."""
        from pytest_hermetic.redis.engine.lua.interpreter import CompileError

        sha = hashlib.sha1(script, usedforsecurity=False).hexdigest().encode()
        if sha in self._server.script_cache:
            return sha
        _shebang(script)
        try:
            self._interpreter().compile(sha, _body(script))
        except CompileError as error:
            raise SimpleError(f"ERR Error compiling script (new function): {error}") from None
        self._server.script_cache[sha] = script
        return sha

    def _evaluate(self, sha: bytes, arguments: tuple[bytes, ...], *, read_only: bool) -> Any:
        numkeys, *rest = arguments
        count = Int.decode(numkeys)
        if count > len(rest):
            raise SimpleError("ERR Number of keys can't be greater than number of args")
        if count < 0:
            raise SimpleError("ERR Number of keys can't be negative")
        read_only |= "no-writes" in _shebang(self._server.script_cache[sha])
        interpreter = self._interpreter()
        interpreter.compile(sha, _body(self._server.script_cache[sha]))

        def command(fields: list[bytes]) -> Any:
            self._script_resp = interpreter.protocol
            return self._scripted(fields, read_only=read_only)

        number, database = self._db_num, self._db
        self._script_resp = 2
        try:
            return interpreter.run(sha, rest[:count], rest[count:], command)
        finally:
            self._script_resp = None
            self._db_num, self._db = number, database

    def _scripted(self, fields: list[bytes], *, read_only: bool) -> Any:
        """One command of a script."""
        name = fields[0].decode("utf-8", "surrogateescape").lower()
        arguments = fields[1:]
        if arguments and name in table.containers():
            name = f"{name}|{arguments[0].decode('utf-8', 'surrogateescape').lower()}"
            arguments = arguments[1:]
        spec = table.commands().get(name)
        if spec is None:
            return Failure("ERR Unknown Redis command called from script")
        if not spec.accepts(len(fields)):
            return Failure("ERR Wrong number of args calling Redis command from script")
        if "noscript" in spec.flags:
            return Failure("ERR This Redis command is not allowed from script")
        elsewhere = self.place.refusal(self, spec.flags, [fields])
        if elsewhere:
            return Failure(elsewhere if elsewhere == READ_ONLY else NOT_LOCAL)
        if read_only and "write" in spec.flags:
            return Failure("ERR Write commands are not allowed from read-only scripts.")
        try:
            func, signature = self._name_to_func(name.replace("|", " "))
            return self._run_command(func, signature, arguments, True)
        except SimpleError as error:
            return Failure(error.value)

    @answers("eval", bytes, bytes, more=(bytes,))
    def do_eval(self, script: bytes, *arguments: bytes) -> Any:
        return self._evaluate(self._learn(script), arguments, read_only=False)

    @answers("eval_ro", bytes, bytes, more=(bytes,))
    def do_eval_ro(self, script: bytes, *arguments: bytes) -> Any:
        return self._evaluate(self._learn(script), arguments, read_only=True)

    def _known(self, sha: bytes) -> bytes:
        if sha.lower() not in self._server.script_cache:
            raise SimpleError(_NO_SCRIPT)
        return sha.lower()

    @answers("evalsha", bytes, bytes, more=(bytes,))
    def do_evalsha(self, sha: bytes, *arguments: bytes) -> Any:
        return self._evaluate(self._known(sha), arguments, read_only=False)

    @answers("evalsha_ro", bytes, bytes, more=(bytes,))
    def do_evalsha_ro(self, sha: bytes, *arguments: bytes) -> Any:
        return self._evaluate(self._known(sha), arguments, read_only=True)

    @answers("script load", bytes)
    def do_script_load(self, script: bytes) -> bytes:
        return self._learn(script)

    @answers("script exists", bytes, more=(bytes,))
    def do_script_exists(self, *shas: bytes) -> list[int]:
        return [int(sha.lower() in self._server.script_cache) for sha in shas]

    @answers("script flush", more=(bytes,))
    def do_script_flush(self, *mode: bytes) -> Status:
        if len(mode) > 1 or (mode and mode[0].lower() not in (b"sync", b"async")):
            raise SimpleError("ERR SCRIPT FLUSH only support SYNC|ASYNC option")
        self._server.script_cache.clear()
        self._interpreter().forget()
        return OK

    @answers("script kill")
    def do_script_kill(self) -> Status:
        raise SimpleError("NOTBUSY No scripts in execution right now.")

    @answers("script debug", bytes)
    def do_script_debug(self, mode: bytes) -> Status:
        if mode.lower() not in (b"yes", b"sync", b"no"):
            raise SimpleError("ERR Use SCRIPT DEBUG YES/SYNC/NO")
        return OK

    def _convert_redis_result(self, lua_runtime: Any, result: Any) -> Any:
        """For the engine's own FUNCTION: replies of ours in its types."""
        return super()._convert_redis_result(lua_runtime, _engine_reply(result))  # type: ignore[misc]


def _engine_reply(value: Any) -> Any:
    match value:
        case Status(text):
            return SimpleString(text)
        case Failure(text):
            return SimpleError(text)
        case NullArray():
            return None
        case Verbatim(text):
            return text
        case Unordered(items) | Push(items):
            return [_engine_reply(item) for item in items]
        case list():
            return [_engine_reply(item) for item in value]
    return value


def _shebang(script: bytes) -> frozenset[str]:
    """The flags of a script that starts with ``#!lua``."""
    if not script.startswith(b"#!"):
        return frozenset()
    head = script.partition(b"\n")[0].decode("utf-8", "replace")
    engine, *options = head.split()
    if engine != "#!lua":
        raise SimpleError(f"ERR Unexpected engine in script shebang: {engine}")
    flags: set[str] = set()
    for option in options:
        key, _, value = option.partition("=")
        if key != "flags":
            raise SimpleError(f"ERR Unknown lua shebang option: {option}")
        for flag in filter(None, value.split(",")):
            if flag not in _FLAGS:
                raise SimpleError(f"ERR Unexpected flag in script shebang: {flag}")
            flags.add(flag)
    return frozenset(flags)


def _body(script: bytes) -> bytes:
    """The Lua of a script; its first line stays as an empty one, so lines keep their number."""
    return script[script.find(b"\n") :] if script.startswith(b"#!") else script
