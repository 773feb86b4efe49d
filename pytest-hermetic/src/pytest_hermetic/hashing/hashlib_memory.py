"""`hashlib.scrypt` and `hashlib.pbkdf2_hmac` are remembered, not cheapened.

Their result does not say what it cost, so another cost would be another result, and a stored
hash would no longer fit. The same password, salt and cost always give the same key, so the
second time (the sign-in after the sign-up) it is known already. Bit by bit nothing changes.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache, wraps
from typing import Any

from pytest_hermetic.hashing.costs import Costs, IsOn, Restore, replace

_KEPT = 512
# Below these it is not worth while: a password is not what is hashed.
_LEAST_N = 1 << 10
_LEAST_ITERATIONS = 1_000


def install(module: Any, costs: Costs, is_on: IsOn) -> list[Restore]:  # noqa: ARG001
    """Patch `hashlib`."""
    restores = []
    if hasattr(module, "scrypt"):  # OpenSSL may lack it
        restores.append(_remembered(module, "scrypt", is_on, _is_dear_scrypt))
    restores.append(_remembered(module, "pbkdf2_hmac", is_on, _is_dear_pbkdf2))
    return restores


def _remembered(module: Any, name: str, is_on: IsOn, is_dear: Callable[..., bool]) -> Restore:
    derive = getattr(module, name)

    @lru_cache(_KEPT)
    def known(args: tuple[Any, ...], kwargs: tuple[tuple[str, Any], ...]) -> bytes:
        derived: bytes = derive(*args, **dict(kwargs))
        return derived

    @wraps(derive)
    def derived(*args: Any, **kwargs: Any) -> bytes:
        if not is_on() or not is_dear(*args, **kwargs):
            result: bytes = derive(*args, **kwargs)
            return result
        fixed = tuple((key, _hashable(value)) for key, value in sorted(kwargs.items()))
        return known(tuple(_hashable(value) for value in args), fixed)

    return replace(module, name, derived)


def _is_dear_scrypt(*_: Any, n: Any = 0, **__: Any) -> bool:
    return isinstance(n, int) and n >= _LEAST_N


def _is_dear_pbkdf2(*args: Any, iterations: Any = 0, **_: Any) -> bool:
    count = args[3] if len(args) > 3 else iterations
    return isinstance(count, int) and count >= _LEAST_ITERATIONS


def _hashable(value: Any) -> Any:
    return bytes(value) if isinstance(value, bytearray | memoryview) else value
