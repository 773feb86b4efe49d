"""argon2-cffi's `PasswordHasher`, which pwdlib uses as well.

A hash made for a given salt is left alone: someone compares it with a known one.
"""

from __future__ import annotations

import copy
import dataclasses
from functools import wraps
from typing import Any

from pytest_hermetic.hashing.costs import Costs, IsOn, Restore, replace

# One KiB more than the least, which stays free for those who ask for it themselves.
_MEMORY = 9


def install(module: Any, costs: Costs, is_on: IsOn) -> list[Restore]:
    """Patch `argon2`."""
    hasher = module.PasswordHasher
    make, check = hasher.hash, hasher.check_needs_rehash

    @wraps(make)
    def hash_(self: Any, password: Any, *, salt: bytes | None = None) -> str:
        if is_on() and salt is None:
            self = _cheaper(self, costs)
        # Older versions know no salt.
        made: str = make(self, password) if salt is None else make(self, password, salt=salt)
        return made

    @wraps(check)
    def check_needs_rehash(self: Any, hash: str | bytes) -> bool:
        text = hash.decode("ascii") if isinstance(hash, bytes) else hash
        found = module.extract_parameters(text)
        cost = costs.cost("argon2", found.memory_cost - _MEMORY)
        if cost is None or (found.time_cost, found.parallelism) != (1, 1):
            return bool(check(self, hash))
        time_cost, memory_cost, parallelism = cost
        meant = dataclasses.replace(
            found, time_cost=time_cost, memory_cost=memory_cost, parallelism=parallelism
        )
        return bool(self._parameters != meant)

    return [
        replace(hasher, "hash", hash_),
        replace(hasher, "check_needs_rehash", check_needs_rehash),
    ]


def _cheaper(hasher: Any, costs: Costs) -> Any:
    asked = hasher._parameters
    cost = (asked.time_cost, asked.memory_cost, asked.parallelism)
    if asked.memory_cost <= _MEMORY:
        return hasher
    cheap = copy.copy(hasher)
    memory_cost = min(_MEMORY + costs.number("argon2", cost), asked.memory_cost)
    cheap._parameters = dataclasses.replace(
        asked, time_cost=1, memory_cost=memory_cost, parallelism=1
    )
    return cheap
