"""One audit hook per process: it sees what Python's own sockets do, beneath every library.

An audit hook cannot be removed. It looks into a dictionary that is empty while no test runs, so
that it costs a look-up then, and does nothing.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

Handler = Callable[[tuple[Any, ...]], None]

_watched: dict[str, Handler] = {}
_state = {"is_installed": False}


def watch(handlers: dict[str, Handler]) -> dict[str, Handler]:
    """Call these handlers, by event, from now on; the ones before, to be put back."""
    before = dict(_watched)
    _watched.clear()
    _watched.update(handlers)
    if not _state["is_installed"]:
        _state["is_installed"] = True
        sys.addaudithook(_hear)
    return before


def _hear(event: str, arguments: tuple[Any, ...]) -> None:
    __tracebackhide__ = True
    handler = _watched.get(event)
    if handler is not None:
        handler(arguments)
