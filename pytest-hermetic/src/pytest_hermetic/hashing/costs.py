"""Which cost each cheap one stands for.

Two hashers of different costs must go on differing: an application that raises its cost renews
the hashes of those who sign in, and its tests must see that. So each cost that is asked for gets
a cheap one of its own, and the way back is kept.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable
from typing import Any

IsOn = Callable[[], bool]
"""Whether the running test wants cheap hashes."""
Restore = Callable[[], None]


class Costs:
    """The costs asked for in this session, numbered per algorithm in the order first met."""

    def __init__(self) -> None:
        self._met: dict[str, list[Hashable]] = {}
        self._lock = threading.Lock()

    def number(self, algorithm: str, cost: Hashable) -> int:
        """The number of `cost`, from 0."""
        with self._lock:
            met = self._met.setdefault(algorithm, [])
            if cost not in met:
                met.append(cost)
            return met.index(cost)

    def cost(self, algorithm: str, number: int) -> Any:
        """The cost that has this number; None where none has."""
        met = self._met.get(algorithm, ())
        return met[number] if 0 <= number < len(met) else None


def replace(target: Any, name: str, value: Any) -> Restore:
    """Set an attribute; the result puts back what was there."""
    original = vars(target)[name]
    setattr(target, name, value)
    return lambda: setattr(target, name, original)
