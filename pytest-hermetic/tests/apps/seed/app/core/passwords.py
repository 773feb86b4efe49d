"""Argon2id, by default at the cost OWASP recommends."""

from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher

from app.config import settings

hasher = PasswordHash(
    [Argon2Hasher(time_cost=2, memory_cost=settings.PASSWORD_MEMORY_KIB, parallelism=1)]
)
# Checked when the address is unknown, so that the answer takes as long as for a known one.
NOBODY = hasher.hash("nobody has this password")
