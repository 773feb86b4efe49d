"""What `pytest.raises` caught is known to the test, whatever a library wrapped it in."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import wraps
from typing import Any

import pytest

from pytest_hermetic.network.errors import NetworkBlocked


def start() -> Callable[[], None]:
    """Mark the refusals that `pytest.raises` catches from now on; what stops it again."""
    raises: Any = type(pytest.raises(NetworkBlocked))  # a private class, named by its version
    original = raises.__exit__

    @wraps(original)
    def leave(context: Any, kind: Any, error: BaseException | None, trace: Any) -> Any:
        for blocked in _refusals(error, set()):
            blocked.is_known = True
        return original(context, kind, error, trace)

    raises.__exit__ = leave

    def stop() -> None:
        raises.__exit__ = original

    return stop


def _refusals(error: BaseException | None, seen: set[int]) -> Iterator[NetworkBlocked]:
    """The refusals that `error` is, comes from, or is a group of."""
    if error is None or id(error) in seen:
        return
    seen.add(id(error))
    if isinstance(error, NetworkBlocked):
        yield error
    within = error.exceptions if isinstance(error, BaseExceptionGroup) else ()
    for other in (error.__cause__, error.__context__, *within):
        yield from _refusals(other, seen)
