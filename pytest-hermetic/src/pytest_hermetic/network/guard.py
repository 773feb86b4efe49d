"""The closed network of one test: every way out ends here, and is let through or refused."""

from __future__ import annotations

import socket
import sys
from typing import TYPE_CHECKING

from pytest_hermetic.network import rules as known
from pytest_hermetic.network.errors import LookupBlocked, NetworkBlocked, instead_of, text

if TYPE_CHECKING:
    from types import FrameType

    from pytest_hermetic.explain import Recorder
    from pytest_hermetic.network.rules import Rules

# What the plugin and a debugger do themselves is not the test's doing. Where the application runs
# beneath a module of the plugin, that module is not in this list.
_NOT_THE_TEST = (
    "pytest_hermetic.redis.spawned",
    "pytest_hermetic.redis.server_link",
    "pytest_hermetic.sql.postgres.",
    "pydevd",
    "_pydevd_bundle",
    "_pydev_bundle",
    "debugpy.",
)


class Guard:
    """Decides for the test `nodeid`. Used from whatever thread, and after a fork."""

    def __init__(self, nodeid: str, rules: Rules, explain: Recorder, *, mode: str) -> None:
        self.nodeid = nodeid
        self.rules = rules
        self.mode = mode
        """The rules' level, or netns: the word for people."""
        self.blocked: list[NetworkBlocked] = []
        """What was refused, oldest first."""
        self._explain = explain

    @property
    def holds_children(self) -> bool:
        """Whether processes the test starts must be cut off from the network."""
        return self.rules.level == "block"

    def connect(self, host: str, port: int, kind: type[NetworkBlocked] = NetworkBlocked) -> None:
        """A socket is about to reach `host`. Raises `kind` unless that is let through."""
        name = known.name_of(host)
        shown = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        __tracebackhide__ = True
        if self.rules.permits(host, port):
            self._explain.record("allowed", shown, f"let through ({self.mode})")
            return
        address = known.numeric(host)
        is_loopback = address is not None and known.is_loopback(address)
        if name is not None and not is_loopback:
            shown = f"{name}:{port}"
        self.refuse(shown, port, kind=kind, is_loopback=is_loopback)

    def lookup(self, name: str, port: int | None) -> None:
        """A resolver is about to be asked. Raises `LookupBlocked` unless that is let through."""
        __tracebackhide__ = True
        if self.rules.permits_lookup(name, port):
            return
        shown = name if port in (None, 0) else f"{name}:{port}"
        # smtplib and others ask for this machine's own name, and do without an answer.
        is_own = name == socket.gethostname()
        self.refuse(shown, port, kind=LookupBlocked, is_expected=is_own)

    def reverse(self, address: str) -> None:
        """The name of `address` is about to be asked for. Raises `LookupBlocked` likewise."""
        __tracebackhide__ = True
        found = known.numeric(address)
        if found is None:
            self.lookup(address, None)
        elif not (
            known.is_loopback(found)
            or known.name_of(address) is not None
            or self.rules.permits(address, None)
        ):
            self.refuse(address, None, kind=LookupBlocked)

    def refuse(
        self,
        address: str,
        port: int | None = None,
        *,
        kind: type[NetworkBlocked] = NetworkBlocked,
        instead: str | None = None,
        is_loopback: bool = False,
        is_expected: bool = False,
    ) -> None:
        """Note that `address` was asked for and raise `kind`, unless it was not the test.

        Who expects to be refused (`is_expected`) swallows it rightly.
        """
        __tracebackhide__ = True
        if is_not_the_test():
            return
        level = f"hermetic_network = {self.mode}"
        instead = instead or instead_of(address, port, is_loopback=is_loopback)
        error = kind(text(self.nodeid, address, level, instead=instead), address)
        self._explain.record("blocked", address, "refused")
        if not is_expected:
            self.blocked.append(error)
        raise error

    def started(self, program: str, how: str) -> None:
        """Note that the test starts a process, and how it is held."""
        self._explain.record("process", program, how)


def is_not_the_test() -> bool:
    """Whether the plugin itself or a debugger is behind the present call."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        if str(frame.f_globals.get("__name__", "")).startswith(_NOT_THE_TEST):
            return True
        frame = frame.f_back
    return False
