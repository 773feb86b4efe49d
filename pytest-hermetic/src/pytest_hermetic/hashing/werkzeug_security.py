"""Werkzeug's `generate_password_hash`, of every Flask application: the method names the cost."""

from __future__ import annotations

from functools import wraps
from typing import Any

from pytest_hermetic.hashing.costs import Costs, IsOn, Restore, replace


def install(module: Any, costs: Costs, is_on: IsOn) -> list[Restore]:  # noqa: ARG001
    """Patch `werkzeug.security`. It cannot say whether a hash must be renewed."""
    make = module.generate_password_hash

    @wraps(make)
    def generate_password_hash(password: str, method: str = "scrypt", salt_length: int = 16) -> str:
        made: str = make(password, _cheap(method) if is_on() else method, salt_length)
        return made

    return [replace(module, "generate_password_hash", generate_password_hash)]


def _cheap(method: str) -> str:
    name, *arguments = method.split(":")
    if name == "scrypt" and len(arguments) in (0, 3):
        # The least for which the memory Werkzeug allows OpenSSL is enough.
        return "scrypt:128:1:1"
    if name == "pbkdf2" and len(arguments) <= 2:
        return f"pbkdf2:{arguments[0] if arguments else 'sha256'}:1"
    return method
