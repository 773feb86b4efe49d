"""An application that raises its cost renews old hashes, in tests as in production."""

from __future__ import annotations

import pytest

pytest_plugins = ["pytester"]

QUIET = (
    "-W",
    "ignore:'crypt' is deprecated:DeprecationWarning",
    "-W",
    "ignore:Accessing argon2.__version__:DeprecationWarning",
)

# Two hashers of one library, the second dearer; each: make(password), is_old(hash).
HASHERS = {
    "argon2-cffi": """
        from argon2 import PasswordHasher
        def hasher(level):
            made = PasswordHasher(time_cost=level, memory_cost=32768 * level)
            return made.hash, made.check_needs_rehash
    """,
    "pwdlib argon2": """
        from pwdlib import PasswordHash
        from pwdlib.hashers.argon2 import Argon2Hasher
        def hasher(level):
            made = PasswordHash([Argon2Hasher(time_cost=level)])
            return made.hash, lambda hash: made.current_hasher.check_needs_rehash(hash)
    """,
    "pwdlib bcrypt": """
        from pwdlib.hashers.bcrypt import BcryptHasher
        def hasher(level):
            made = BcryptHasher(rounds=11 + level)
            return made.hash, made.check_needs_rehash
    """,
    "passlib bcrypt": """
        from passlib.context import CryptContext
        def hasher(level):
            made = CryptContext(schemes=["bcrypt"], bcrypt__rounds=11 + level)
            return made.hash, made.needs_update
    """,
    "passlib argon2": """
        from passlib.context import CryptContext
        def hasher(level):
            made = CryptContext(schemes=["argon2"], argon2__memory_cost=32768 * level)
            return made.hash, made.needs_update
    """,
    "passlib sha512": """
        from passlib.hash import sha512_crypt
        def hasher(level):
            made = sha512_crypt.using(rounds=200000 * level)
            return made.hash, made.needs_update
    """,
}


@pytest.mark.parametrize("name", HASHERS)
def test_what_must_be_renewed(suite, name: str) -> None:
    suite(
        """
        import pytest
        from hashers import hasher
        old, old_is_old = hasher(1)
        new, new_is_old = hasher(2)

        @pytest.mark.parametrize("slow", [
            pytest.param(True, marks=pytest.mark.slow_hash), False, False])
        def test_it(slow):
            stored, fresh = old("secret"), new("secret")
            assert not old_is_old(stored), "a hash just made is up to date"
            assert not new_is_old(fresh)
            assert new_is_old(stored), "one made at a lower cost is not"
            assert old_is_old(fresh)

        made_slowly = []
        @pytest.mark.slow_hash
        def test_a_slow_test():
            made_slowly.append(old("secret"))

        def test_after_it():
            assert new_is_old(made_slowly[0]) and not old_is_old(made_slowly[0])
        """,
        files={"hashers.py": HASHERS[name]},
        args=(*QUIET, "-p", "no:randomly"),
    ).assert_outcomes(passed=5)


def test_a_context_renews_at_sign_in_once(suite) -> None:
    suite(
        """
        from passlib.context import CryptContext
        before = CryptContext(schemes=["bcrypt"], bcrypt__rounds=10)
        now = CryptContext(schemes=["argon2", "bcrypt"], deprecated=["bcrypt"])

        def test_it():
            stored = before.hash("secret")
            good, renewed = now.verify_and_update("secret", stored)
            assert good and renewed.startswith("$argon2id$")
            assert now.verify_and_update("secret", renewed) == (True, None)
            assert now.verify_and_update("wrong", renewed) == (False, None)
        """,
        args=QUIET,
    ).assert_outcomes(passed=1)


def test_what_asks_for_little_gets_what_it_asks_for(suite) -> None:
    suite(
        """
        import bcrypt
        from argon2 import PasswordHasher
        from nacl import pwhash
        def test_it():
            assert bcrypt.gensalt(4).startswith(b"$2b$04$")
            made = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash("x")
            assert made.startswith("$argon2id$v=19$m=8,t=1,p=1$")
            assert pwhash.str(b"x", opslimit=1, memlimit=8192).startswith(b"$argon2id$v=19$m=8,t=1")

        def test_a_salt_that_is_given_means_a_known_hash():
            made = PasswordHasher(time_cost=2, memory_cost=64).hash("x", salt=b"somesaltsomesalt")
            assert made.startswith("$argon2id$v=19$m=64,t=2,p=4$")

        def test_too_much_is_still_refused():
            try:
                bcrypt.gensalt(99)
            except ValueError:
                return
            raise AssertionError("bcrypt has no such cost")
        """,
        args=QUIET,
    ).assert_outcomes(passed=3)
