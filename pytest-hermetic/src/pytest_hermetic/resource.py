"""A resource is one thing outside the process that a service talks to, given anew to each test."""

from __future__ import annotations

from typing import Protocol, runtime_checkable


class Resource(Protocol):
    """The part every resource plays in a test session.

    A resource is made when the first of its trigger modules is imported, not before: a suite
    that never imports the library pays nothing for it.
    """

    @property
    def name(self) -> str:
        """The word of the facade and of `hermetic_off`: "redis", "sql"."""

    @property
    def triggers(self) -> tuple[str, ...]:
        """Modules whose import makes this resource needed, such as ("redis", "valkey")."""

    def install(self) -> None:
        """Redirect the client library. Called after each trigger's import, so idempotent."""

    def begin(self, nodeid: str) -> None:
        """Give the test that is about to be set up a clean, private state."""

    def end(self, nodeid: str) -> None:
        """Let go of the state of a test that was torn down."""

    def close(self) -> None:
        """Stop what was started and remove what was written; the session is over."""


@runtime_checkable
class LoopBound(Protocol):
    """What a resource has that keeps things running in the event loop of a test."""

    def shut_down(self) -> None:
        """Stop them: the test has run, its loop still exists and does not run."""
