"""Test keys and secrets: strong ones, made once, never asked of the user.

Keys are cached per user (files 0600): an RSA key takes 30 ms and more to make, and the workers of
one run must agree on it.
"""

from __future__ import annotations

import base64
import hashlib
import os
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pytest_hermetic.folders import cache, locked

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes

KINDS = ("es256", "rs256", "ed25519")
_GRAMMAR = "@es256, @rs256, @ed25519 (each also .pub), @pemfile:KIND[.pub], @secret:BYTES"


class Keys:
    """The session's keys. A kind may carry a name, `es256/refresh`, to mean another key."""

    def __init__(self, private: Callable[[], Path]) -> None:
        self._private = private
        self._pems: dict[str, str] = {}
        # The workers of one xdist run are told one identifier: their secrets agree.
        self._seed = os.environ.get("PYTEST_XDIST_TESTRUNUID") or secrets.token_hex()

    def resolve(self, value: str) -> str:
        """Replace `@…` by what it stands for; `@@` begins a value with a plain `@`.

        Raises `pytest.UsageError` for an unknown word.
        """
        if not value.startswith("@"):
            return value
        word, _, argument = value[1:].partition(":")
        if value.startswith("@@"):
            return value[1:]
        if word == "secret" and argument.isdecimal() and int(argument) > 0:
            return self.secret(int(argument))
        if word == "pemfile" and _is_key(argument):
            return str(self.file(argument))
        if not argument and _is_key(word):
            return self.pem(word)
        raise pytest.UsageError(f"hermetic_env: {value!r} is none of {_GRAMMAR}")

    def pem(self, key: str) -> str:
        """The PEM of a key: `es256` its private, `es256.pub` its public half."""
        if not _is_key(key):
            raise pytest.UsageError(f"there is no key {key!r}; the kinds are {', '.join(KINDS)}")
        if key not in self._pems:
            name = key.removesuffix(".pub")
            self._pems[name], self._pems[f"{name}.pub"] = _pair(name)
        return self._pems[key]

    def file(self, key: str) -> Path:
        """A file, mode 0600, that holds `pem(key)`; it goes with the session."""
        path = self._private() / f"{key.replace('/', '-')}.pem"
        if not path.exists():
            _write(path, self.pem(key))
        return path

    def secret(self, size: int, name: str = "") -> str:
        """`size` random bytes as URL-safe base64, the same for the whole session.

        32 of them are also a valid Fernet key.
        """
        made = hashlib.shake_256(f"{self._seed}/{name}/{size}".encode()).digest(size)
        return base64.urlsafe_b64encode(made).decode()

    def jwk(self, key: str) -> dict[str, Any]:
        """The public JSON Web Key of `key`, with its RFC 7638 thumbprint as `kid`."""
        from pytest_hermetic.jwk import public

        return public(self.pem(f"{key.removesuffix('.pub')}.pub"))

    def tamper(self, token: str) -> str:
        """A token whose signature is wrong for certain: one byte amid it is another.

        Changing the last character of a base64 signature changes nothing one time in 16.
        """
        head, dot, signature = token.rpartition(".")
        middle = len(signature) // 2
        other = "A" if signature[middle] != "A" else "B"
        return f"{head}{dot}{signature[:middle]}{other}{signature[middle + 1 :]}"


def _is_key(key: str) -> bool:
    kind, slash, name = key.removesuffix(".pub").partition("/")
    return kind in KINDS and (not slash or name.replace("-", "").replace("_", "").isalnum())


def _pair(name: str) -> tuple[str, str]:
    """The private and the public PEM of the key `name`, from the cache or made for it."""
    folder = cache()
    private, public = (folder / f"{name.replace('/', '-')}{end}" for end in (".pem", ".pub.pem"))
    with locked(folder / "keys.lock"):
        if not (private.exists() and public.exists()):
            for path, text in zip((private, public), _generate(name), strict=True):
                _write(path, text)
        return private.read_text(), public.read_text()


def _generate(name: str) -> tuple[str, str]:
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

    makers: dict[str, Callable[[], PrivateKeyTypes]] = {
        "es256": lambda: ec.generate_private_key(ec.SECP256R1()),
        "rs256": lambda: rsa.generate_private_key(public_exponent=65537, key_size=2048),
        "ed25519": ed25519.Ed25519PrivateKey.generate,
    }
    key = makers[name.partition("/")[0]]()
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    public = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return private.decode(), public.decode()


def _write(path: Path, text: str) -> None:
    unfinished = path.with_suffix(f".{os.getpid()}")
    handle = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w") as file:
        file.write(text)
    unfinished.replace(path)
