"""PyNaCl's `nacl.pwhash.str`, of argon2id, argon2i and scrypt."""

from __future__ import annotations

from functools import wraps
from typing import Any

from pytest_hermetic.hashing.costs import Costs, IsOn, Restore, replace


def install(module: Any, costs: Costs, is_on: IsOn) -> list[Restore]:  # noqa: ARG001
    """Patch `nacl.pwhash`. It cannot say whether a hash must be renewed, so nothing else."""
    cheap_id = _cheap(module.argon2id, is_on)
    restores = [
        replace(module.argon2id, "str", cheap_id),
        replace(module.argon2i, "str", _cheap(module.argon2i, is_on)),
    ]
    # The package names one of them as its own.
    return [replace(module, "str", cheap_id), *restores]


def _cheap(algorithm: Any, is_on: IsOn) -> Any:
    make = algorithm.str

    @wraps(make)
    def str_(
        password: bytes,
        opslimit: int = algorithm.OPSLIMIT_INTERACTIVE,
        memlimit: int = algorithm.MEMLIMIT_INTERACTIVE,
    ) -> Any:
        if is_on():
            opslimit = min(opslimit, algorithm.OPSLIMIT_MIN)
            memlimit = min(memlimit, algorithm.MEMLIMIT_MIN)
        return make(password, opslimit, memlimit)

    return str_
