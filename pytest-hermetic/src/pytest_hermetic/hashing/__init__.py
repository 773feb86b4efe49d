"""Passwords are hashed by the real algorithm, at the least cost it has.

Owns what a new hash costs in tests. A hash keeps its format and says truly what it cost; one
that was made elsewhere at another cost is verified at that cost; and whether a hash must be
renewed is answered as if it had cost what the application asked for. Does not own functions
whose result does not say what it cost: those are only remembered (`hashlib_memory`).
"""

from pytest_hermetic.hashing.resource import HashingResource

__all__ = ["HashingResource"]
