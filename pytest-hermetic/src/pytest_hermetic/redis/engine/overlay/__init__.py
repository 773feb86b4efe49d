"""What fakeredis lacks or answers differently from Redis 7.0, one module a subject.

A module holds a mixin of the session; ``@answers`` registers its methods in our own table, so
that a fakeredis used beside us stays what it is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from pytest_hermetic.redis.engine.adapter import EngineMixin, EngineServer, Signature, run_engine

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_hermetic.redis.engine.shards import Place


_Method = TypeVar("_Method", bound="Callable[..., Any]")


class Overlay(EngineMixin):
    """What a mixin finds in the session it is mixed into."""

    _server: EngineServer
    authenticated: bool
    place: Place

    def _run_engine(self, name: str, arguments: list[bytes]) -> Any:
        """The engine's own command, for an overlay that has checked the arguments."""
        return run_engine(self, name, arguments)


class Answers:
    """Our command signatures, and the changes made to replies of the engine's own commands."""

    def __init__(self) -> None:
        self.signatures: dict[str, Signature] = {}
        self.shapes: dict[str, Callable[[Any, Any], Any]] = {}


ANSWERS = Answers()


def answers(
    name: str, *fixed: Any, more: tuple[Any, ...] = (), keep_empty: bool = False
) -> Callable[[_Method], _Method]:
    """Register a method as the answer to a command: argument types, then the repeating ones."""

    def register(method: _Method) -> _Method:
        ANSWERS.signatures[name] = Signature(
            name,
            method.__name__,
            fixed,
            more,
            flags="l" if keep_empty else "",
        )
        return method

    return register


def shapes(*names: str) -> Callable[[Callable[[Any, Any], Any]], Callable[[Any, Any], Any]]:
    """Register a change to the reply of commands: a function of the session and the reply."""

    def register(change: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
        for name in names:
            ANSWERS.shapes[name] = change
        return change

    return register
