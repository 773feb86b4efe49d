"""bcrypt's cost stands in the salt: `gensalt` makes cheap ones, `hashpw` is not touched.

passlib checks `hashpw` against known hashes and makes its salts itself, so it never notices.
"""

from __future__ import annotations

from functools import wraps
from typing import Any

from pytest_hermetic.hashing.costs import Costs, IsOn, Restore, replace

_LEAST = 4


def install(module: Any, costs: Costs, is_on: IsOn) -> list[Restore]:
    """Patch `bcrypt`."""
    make = module.gensalt

    @wraps(make)
    def gensalt(rounds: int = 12, prefix: bytes = b"2b") -> bytes:
        if is_on() and _LEAST < rounds < 32:
            rounds = min(_LEAST + costs.number("bcrypt", rounds), rounds)
        salt: bytes = make(rounds, prefix)
        return salt

    return [replace(module, "gensalt", gensalt)]


def install_pwdlib(module: Any, costs: Costs, is_on: IsOn) -> list[Restore]:  # noqa: ARG001
    """Patch `pwdlib.hashers.bcrypt`, which asks whether a hash must be renewed."""
    hasher = module.BcryptHasher
    check = hasher.check_needs_rehash

    @wraps(check)
    def check_needs_rehash(self: Any, hash: str | bytes) -> bool:
        text = hash.decode("ascii", "replace") if isinstance(hash, bytes) else hash
        rounds = text[4:6]
        cost = costs.cost("bcrypt", int(rounds) - _LEAST) if rounds.isdigit() else None
        if cost is not None:
            hash = f"{text[:4]}{cost:02}{text[6:]}"
        return bool(check(self, hash))

    return [replace(hasher, "check_needs_rehash", check_needs_rehash)]
