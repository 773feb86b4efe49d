"""Encryption at rest and keyed digests, under versioned keys derived by purpose."""

import hashlib
import hmac
import secrets
from collections.abc import Sequence

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

_VERSION = 1
_HEADER = 5  # version, then four bytes that name the key
_NONCE = 12


class SealBroken(Exception):
    """A sealed value was altered, belongs elsewhere, or its key is not among `secret_keys`."""


def derive(secret: bytes, purpose: str) -> bytes:
    """32 bytes that only `secret` gives, and only for `purpose` (HKDF-SHA-256, RFC 5869)."""
    return HKDF(SHA256(), length=32, salt=None, info=b"ostiary/" + purpose.encode()).derive(secret)


def seal_under(secret: bytes, purpose: str, plaintext: bytes) -> bytes:
    """Encrypt for the one who holds `secret` (AES-256-GCM, NIST SP 800-38D).

    For values that only a token's holder may open; the vault's own keys play no part.
    """
    nonce = secrets.token_bytes(_NONCE)
    return nonce + AESGCM(derive(secret, purpose)).encrypt(nonce, plaintext, None)


def open_under(secret: bytes, purpose: str, sealed: bytes) -> bytes:
    """The plaintext of `seal_under`. Raises `SealBroken`."""
    try:
        return AESGCM(derive(secret, purpose)).decrypt(sealed[:_NONCE], sealed[_NONCE:], None)
    except (InvalidTag, ValueError):  # ValueError: too short to hold a nonce
        raise SealBroken from None


class Vault:
    """Seals and opens under `secret_keys`, newest first: the first seals, all open."""

    def __init__(self, secret_keys: Sequence[bytes]) -> None:
        """`secret_keys` are 32 random bytes each. Raises `ValueError` where there is none."""
        if not secret_keys:
            raise ValueError("a vault needs a key")
        self._secrets = {derive(secret, "name")[:4]: secret for secret in secret_keys}
        self._newest = next(iter(self._secrets))
        self._derived: dict[tuple[bytes, str], bytes] = {}

    def seal(self, purpose: str, plaintext: bytes, *, context: str) -> bytes:
        """Encrypt `plaintext`; `context` names the row, so that a value cannot change places.

        A random 96-bit nonce is safe for 2^32 values under one purpose (NIST SP 800-38D §8.3);
        what is sealed here are keys, factors and messages: fewer than that in a key's life.
        """
        nonce = secrets.token_bytes(_NONCE)
        head = bytes([_VERSION]) + self._newest
        cipher = AESGCM(self._key(self._newest, f"seal/{purpose}"))
        return head + nonce + cipher.encrypt(nonce, plaintext, head + context.encode())

    def open(self, purpose: str, sealed: bytes, *, context: str) -> bytes:
        """The plaintext of `seal` with the same purpose and context. Raises `SealBroken`."""
        head, nonce = sealed[:_HEADER], sealed[_HEADER : _HEADER + _NONCE]
        name = head[1:]
        if head[:1] != bytes([_VERSION]) or name not in self._secrets:
            raise SealBroken
        cipher = AESGCM(self._key(name, f"seal/{purpose}"))
        try:
            return cipher.decrypt(nonce, sealed[_HEADER + _NONCE :], head + context.encode())
        except (InvalidTag, ValueError):
            raise SealBroken from None

    def mac(self, purpose: str, value: str) -> bytes:
        """HMAC-SHA-256 of `value` under the newest key: a name for it that tells nothing."""
        return self.macs(purpose, value)[0]

    def macs(self, purpose: str, value: str) -> list[bytes]:
        """`mac` under every key, newest first: one of them is what an older key once made."""
        keys = (self._key(name, f"mac/{purpose}") for name in self._secrets)
        return [hmac.new(key, value.encode(), hashlib.sha256).digest() for key in keys]

    def _key(self, name: bytes, purpose: str) -> bytes:
        try:
            return self._derived[name, purpose]
        except KeyError:
            return self._derived.setdefault((name, purpose), derive(self._secrets[name], purpose))
