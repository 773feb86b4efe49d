"""A new hash costs the least there is and says so; what it costs is read in the hash itself."""

from __future__ import annotations

from textwrap import dedent

import pytest

pytest_plugins = ["pytester"]

# passlib's last release does what Python and argon2-cffi no longer like.
QUIET = (
    "-W",
    "ignore:'crypt' is deprecated:DeprecationWarning",
    "-W",
    "ignore:Accessing argon2.__version__:DeprecationWarning",
)

ARGON2 = (
    "$argon2id$v=19$m=65536,t=3,p=4$c29tZXNhbHRzb21lc2FsdA"
    "$7YbYS2w24dSTBgFeLZ/Pp5pFxLjWTXyOMrr1Ld8BcEI"
)
BCRYPT = "$2b$10$abcdefghijklmnopqrstuu23JPZtHcGhwXSF41f93o/7vBdDut3Xu"

# How each library hashes and verifies, the beginning of a cheap hash, that of a real one, and a
# hash of "correct horse" made elsewhere at the real cost.
LIBRARIES = {
    "argon2-cffi": (
        """
        from argon2 import PasswordHasher
        from argon2.exceptions import VerifyMismatchError
        hasher = PasswordHasher()
        hash = hasher.hash
        def verify(hash, password):
            try: return hasher.verify(hash, password)
            except VerifyMismatchError: return False
        """,
        "$argon2id$v=19$m=9,t=1,p=1$",
        "$argon2id$v=19$m=65536,t=3,p=4$",
        ARGON2,
    ),
    "bcrypt": (
        """
        import bcrypt
        def hash(password): return bcrypt.hashpw(password.encode(), bcrypt.gensalt()).decode()
        def verify(hash, password): return bcrypt.checkpw(password.encode(), hash.encode())
        """,
        "$2b$04$",
        "$2b$12$",
        BCRYPT,
    ),
    "pwdlib": (
        """
        from pwdlib import PasswordHash
        hasher = PasswordHash.recommended()
        hash = hasher.hash
        def verify(hash, password): return hasher.verify(password, hash)
        """,
        "$argon2id$v=19$m=9,t=1,p=1$",
        "$argon2id$v=19$m=65536,t=3,p=4$",
        ARGON2,
    ),
    "pwdlib bcrypt": (
        """
        from pwdlib import PasswordHash
        from pwdlib.hashers.bcrypt import BcryptHasher
        hasher = PasswordHash([BcryptHasher()])
        hash = hasher.hash
        def verify(hash, password): return hasher.verify(password, hash)
        """,
        "$2b$04$",
        "$2b$12$",
        BCRYPT,
    ),
    "passlib bcrypt": (
        """
        from passlib.context import CryptContext
        context = CryptContext(schemes=["bcrypt"], deprecated="auto")
        hash = context.hash
        def verify(hash, password): return context.verify(password, hash)
        """,
        "$2b$04$",
        "$2b$12$",
        BCRYPT,
    ),
    "passlib argon2": (
        """
        from passlib.hash import argon2
        def hash(password): return argon2.hash(password)
        def verify(hash, password): return argon2.verify(password, hash)
        """,
        "$argon2id$v=19$m=9,t=1,p=1$",
        "$argon2id$v=19$m=65536,t=3,p=4$",
        ARGON2,
    ),
    "passlib pbkdf2": (
        """
        from passlib.hash import pbkdf2_sha256
        hash = pbkdf2_sha256.hash
        def verify(hash, password): return pbkdf2_sha256.verify(password, hash)
        """,
        "$pbkdf2-sha256$2$",
        "$pbkdf2-sha256$29000$",
        "$pbkdf2-sha256$29000$c29tZXNhbHRzb21lc2FsdA$kVjHPX/vjotodBHoH196uxTJ4bsmC3o6BCXL79EdzZM",
    ),
    "passlib scrypt": (
        """
        from passlib.hash import scrypt
        hash = scrypt.hash
        def verify(hash, password): return scrypt.verify(password, hash)
        """,
        "$scrypt$ln=1,r=8,p=1$",
        "$scrypt$ln=16,r=8,p=1$",
        "$scrypt$ln=16,r=8,p=1$c29tZXNhbHRzb21lc2FsdA$NdRl+xcT9sR4CroPHMUkfO/uzHqsSKr7gRflJOgarVs",
    ),
    "passlib sha512_crypt": (
        """
        from passlib.hash import sha512_crypt
        hash = sha512_crypt.hash
        def verify(hash, password): return sha512_crypt.verify(password, hash)
        """,
        "$6$rounds=1001$",
        "$6$rounds=656000$",
        "$6$rounds=656000$somesalt$ZCurx859izhdngnxz5Xzl/8RBw/tZadSYFuDV4tyS9sul4rHqFJJ6neVj/4mrIFyfGys"
        "nn4JN9tWSBnRtc5Vm0",
    ),
    "PyNaCl": (
        """
        from nacl import pwhash
        from nacl.exceptions import InvalidkeyError
        def hash(password): return pwhash.str(password.encode()).decode()
        def verify(hash, password):
            try: return pwhash.verify(hash.encode(), password.encode())
            except InvalidkeyError: return False
        """,
        "$argon2id$v=19$m=8,t=1,p=1$",
        "$argon2id$v=19$m=65536,t=2,p=1$",
        "$argon2id$v=19$m=65536,t=3,p=1$c29tZXNhbHRzb21lc2FsdA"
        "$EQn6ufNBHabX894pCwYhAbItgn5/8i6yNpUQ8CXRFd4",
    ),
    "Werkzeug": (
        """
        from werkzeug.security import check_password_hash as verify, generate_password_hash as hash
        """,
        "scrypt:128:1:1$",
        "scrypt:32768:8:1$",
        "scrypt:32768:8:1$somesalt$07150f4b8457555fd8dee577b0c89a8bac4f02bbff1fbe5cd5fb622e5ca6e2bed4b4"
        "23908df2cd9d006a5d056948450b742cb710a16d6dd6b85812410267d9c0",
    ),
}

TESTS = """
    import pytest
    from passwords import hash, verify
    CHEAP, REAL, STORED = {cheap!r}, {real!r}, {stored!r}
    from passwords import at_import

    def test_a_new_hash_is_cheap_and_good():
        made = hash("correct horse")
        assert made.startswith(CHEAP)
        assert verify(made, "correct horse") and not verify(made, "wrong horse")
        assert hash("correct horse") != made, "the salt is random"

    def test_one_made_at_import_too():
        assert at_import.startswith(CHEAP) and verify(at_import, "nobody")

    def test_a_stored_hash_is_verified_at_its_own_cost():
        assert verify(STORED, "correct horse") and not verify(STORED, "wrong horse")

    @pytest.mark.slow_hash
    def test_the_real_cost_where_a_test_wants_it():
        made = hash("correct horse")
        assert made.startswith(REAL)
        assert verify(made, "correct horse")

    def test_and_cheap_again():
        assert hash("correct horse").startswith(CHEAP)
"""


@pytest.mark.parametrize("name", LIBRARIES)
def test_new_hashes_are_cheap_and_old_ones_hold(suite, name: str) -> None:
    source, cheap, real, stored = LIBRARIES[name]
    suite(
        TESTS.format(cheap=cheap, real=real, stored=stored),
        files={"passwords.py": dedent(source) + "at_import = hash('nobody')\n"},
        args=(*QUIET, "-p", "no:randomly"),
    ).assert_outcomes(passed=5)


def test_the_whole_session_at_the_real_cost(suite) -> None:
    suite(
        """
        import bcrypt, argon2
        def test_it():
            assert bcrypt.gensalt().startswith(b"$2b$12$")
            assert "m=65536,t=3,p=4" in argon2.PasswordHasher().hash("x")
        """,
        "hermetic_fast_hash = false",
    ).assert_outcomes(passed=1)
