"""The password hashing of a session: cheap for new hashes, unless a test wants the real cost."""

from __future__ import annotations

import sys
from importlib import import_module
from typing import TYPE_CHECKING

from pytest_hermetic.hashing.costs import Costs, Restore

if TYPE_CHECKING:
    from pytest_hermetic.settings import Settings

# Each library's module, what it must hold (a module may be half imported), and who patches it.
_LIBRARIES = {
    "argon2": ("PasswordHasher", "argon2_cffi", "install"),
    "bcrypt": ("gensalt", "bcrypt_salts", "install"),
    "pwdlib.hashers.bcrypt": ("BcryptHasher", "bcrypt_salts", "install_pwdlib"),
    "passlib.utils.handlers": ("PrefixWrapper", "passlib_handlers", "install"),
    "passlib.handlers.argon2": ("argon2", "passlib_handlers", "install_argon2"),
    "nacl.pwhash": ("scryptsalsa208sha256_str", "nacl_pwhash", "install"),
    "werkzeug.security": ("generate_password_hash", "werkzeug_security", "install"),
    "hashlib": ("pbkdf2_hmac", "hashlib_memory", "install"),
}
_HERE = __name__.rpartition(".")[0]


class HashingResource:
    """Makes new password hashes cost the least."""

    name = "hashing"
    triggers = tuple(_LIBRARIES)

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._costs = Costs()
        self._restores: dict[str, list[Restore]] = {}

    def install(self) -> None:
        """Patch the libraries that are imported by now."""
        for name, (needed, adapter, function) in _LIBRARIES.items():
            module = sys.modules.get(name)
            if name not in self._restores and hasattr(module, needed):
                patch = getattr(import_module(f"{_HERE}.{adapter}"), function)
                self._restores[name] = patch(module, self._costs, self._is_on)

    def begin(self, nodeid: str) -> None:
        """Nothing is kept from test to test but what equals itself every time."""

    def end(self, nodeid: str) -> None:
        """See `begin`."""

    def close(self) -> None:
        """Put the libraries back."""
        for restores in self._restores.values():
            for restore in restores:
                restore()
        self._restores.clear()

    def _is_on(self) -> bool:
        return not self._settings.is_off(self.name)
