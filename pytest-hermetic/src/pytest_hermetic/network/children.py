"""A process that a test starts is held by the kernel: a namespace of its own, else a filter.

A child is out of Python's reach once its program runs, so it is held before: between fork and
exec. Where only the C library is asked (`posix_spawn`), there is no between, and the call is
refused. Elsewhere than on Linux nothing can hold a child: it runs, and is recorded.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, Any

from pytest_hermetic.network.guard import Guard, is_not_the_test

if TYPE_CHECKING:
    from pytest_hermetic.network.hook import Handler

Prepare = Callable[[], object] | None
Program = str | bytes | os.PathLike[str]
_PREEXEC = 21
"""The place of `preexec_fn` among the arguments of `fork_exec`."""
_HELD = "held: it has no network but its own loopback"


class Children:
    """Watches `subprocess`, `multiprocessing` and `os`; asks `guard` whether to hold."""

    def __init__(self, guard: Callable[[], Guard | None]) -> None:
        self._guard = guard
        self._undo: list[Callable[[], None]] = []

    def start(self) -> None:
        """Watch from now on."""
        if sys.platform == "win32":
            return
        import _posixsubprocess

        self._replace(subprocess.Popen, "_execute_child", self._execute_child)
        # multiprocessing calls this itself, to spawn a process or its fork server.
        self._replace(_posixsubprocess, "fork_exec", self._fork_exec)
        self._replace(os, "system", self._system)

    def stop(self) -> None:
        """Put everything back."""
        while self._undo:
            self._undo.pop()()

    def handlers(self, guard: Guard) -> dict[str, Handler]:
        """The audit events of what goes past `subprocess`."""
        if not _holds(guard):
            return {}

        def refused(arguments: tuple[Any, ...]) -> None:
            _refuse(guard, arguments[0], "start it with subprocess, which can be held")

        def executed(_: tuple[Any, ...]) -> None:
            # This process, forked a moment ago, becomes that program.
            _hold()

        return {"os.system": refused, "os.posix_spawn": refused, "os.exec": executed}

    def held(self, program: Program, prepare: Prepare) -> Prepare:
        """What a child that is to run `program` does before it, `prepare` included."""
        guard = self._guard()
        if guard is None or is_not_the_test():
            return prepare
        if not _holds(guard):
            guard.started(_name(program), f"not held ({guard.mode})")
            return prepare
        guard.started(_name(program), _HELD)
        from pytest_hermetic.network import confine  # noqa: F401  # loaded before the fork

        def hold_and_prepare() -> None:
            _hold()
            if prepare is not None:
                prepare()

        return hold_and_prepare

    def _execute_child(self, original: Callable[..., Any]) -> Callable[..., Any]:
        def execute_child(
            process: Any, args: Any, executable: Any, prepare: Prepare, *more: Any
        ) -> None:
            is_single = isinstance(args, str | bytes | os.PathLike)
            program = executable or (args if is_single else args[0])
            ours = self.held(program, prepare)
            try:
                original(process, args, executable, ours, *more)
            except subprocess.SubprocessError:
                guard = self._guard()
                if guard is None or ours is prepare:
                    raise
                _refuse(guard, program, "nothing: this kernel offers no way to hold a process")

        return execute_child

    def _fork_exec(self, original: Callable[..., int]) -> Callable[..., int]:
        def fork_exec(*arguments: Any) -> int:
            prepare = self.held(arguments[1][0], arguments[_PREEXEC])
            return original(*arguments[:_PREEXEC], prepare, *arguments[_PREEXEC + 1 :])

        return fork_exec

    def _system(self, original: Callable[[str], int]) -> Callable[[str], int]:
        def system(command: str) -> int:
            guard = self._guard()
            if guard is None or not _holds(guard):
                return original(command)
            code = subprocess.call(command, shell=True)  # noqa: S602  # what os.system does
            return code << 8 if code >= 0 else -code  # the form of a wait status

        return system

    def _replace(self, owner: Any, name: str, make: Callable[[Any], Any]) -> None:
        original = getattr(owner, name)
        setattr(owner, name, wraps(original)(make(original)))
        self._undo.append(lambda: setattr(owner, name, original))


def _holds(guard: Guard) -> bool:
    return guard.holds_children and sys.platform == "linux"


def _hold() -> None:
    from pytest_hermetic.network import confine

    confine.hold()


def _refuse(guard: Guard, program: Program, instead: str) -> None:
    guard.refuse(f"process {_name(program)}", instead=instead)


def _name(program: Program) -> str:
    """The first word of a command, without its folder and its arguments: they may be secret."""
    words = os.fsdecode(program).split()
    return os.path.basename(words[0]) if words else ""
