"""`hashlib`'s functions give the same key at the same cost, bit by bit: they are remembered."""

from __future__ import annotations

pytest_plugins = ["pytester"]


def test_known_answers_hold(suite) -> None:
    """RFC 7914 §12 and §11: whatever is remembered, the answer is the right one."""
    suite(
        """
        import hashlib, pytest

        def scrypt(): return hashlib.scrypt(
            b"pleaseletmein", salt=b"SodiumChloride", n=16384, r=8, p=1, dklen=64)
        def pbkdf2(): return hashlib.pbkdf2_hmac(
            "sha256", b"Password", b"NaCl", iterations=80000, dklen=64)

        @pytest.mark.parametrize("time", [1, 2])
        def test_it(time):
            assert scrypt().hex() == (
                "7023bdcb3afd7348461c06cd81fd38ebfda8fbba904f8e3ea9b543f6545da1f2"
                "d5432955613f0fcf62d49705242a9af9e61e85dc0d651e40dfcf017b45575887")
            assert pbkdf2().hex() == (
                "4ddcd8f60b98be21830cee5ef22701f9641a4418d04c0414aeff08876b34ab56"
                "a1d425a1225833549adb841b51c9b3176a272bdebba1d078478f62b397f33c8d")

        @pytest.mark.parametrize("change", [
            {"password": b"PleaseLetMeIn"}, {"salt": b"other"}, {"n": 8192}, {"r": 4}, {"p": 2},
            {"dklen": 63}])
        def test_every_argument_counts(change):
            usual = dict(password=b"pleaseletmein", salt=b"SodiumChloride", n=16384, r=8, p=1,
                dklen=64)
            password = dict(usual, **change).pop("password")
            rest = {k: v for k, v in dict(usual, **change).items() if k != "password"}
            assert hashlib.scrypt(password, **rest) != scrypt()

        def test_buffers_of_every_kind():
            salt = bytearray(b"NaCl")
            first = hashlib.pbkdf2_hmac("sha256", memoryview(b"Password"), salt, 80000, 64)
            assert first == pbkdf2()
            salt[0:1] = b"X"
            assert hashlib.pbkdf2_hmac("sha256", b"Password", salt, 80000, 64) != first

        def test_errors_stay_errors():
            with pytest.raises(ValueError):
                hashlib.scrypt(b"x", salt=b"y", n=16385, r=8, p=1)
            with pytest.raises(TypeError):
                hashlib.pbkdf2_hmac("sha256", "text", b"salt", 80000)
        """
    ).assert_outcomes(passed=10)


def test_the_second_time_nothing_is_derived(suite) -> None:
    """Counted beneath: how often the real function runs."""
    suite(
        """
        import hashlib, counted, pytest

        def derive(password):
            return hashlib.pbkdf2_hmac("sha256", password, b"salt", 50_000)

        def test_sign_up_and_sign_in():
            before = len(counted.calls)
            assert derive(b"secret") == derive(b"secret") != derive(b"wrong")
            assert len(counted.calls) - before == 2

        @pytest.mark.slow_hash
        def test_unless_the_test_wants_it():
            before = len(counted.calls)
            assert derive(b"secret") == derive(b"secret")
            assert len(counted.calls) - before == 2

        def test_what_is_cheap_is_not_kept():
            before = len(counted.calls)
            for _ in range(3):
                hashlib.pbkdf2_hmac("sha256", b"x", b"salt", 10)
            assert len(counted.calls) - before == 3
        """,
        files={
            # Imported before the plugin: what it finds in hashlib counts its calls.
            "counted.py": """
                import hashlib
                calls, real = [], hashlib.pbkdf2_hmac
                def counting(*args, **kwargs):
                    calls.append(args)
                    return real(*args, **kwargs)
                hashlib.pbkdf2_hmac = counting
            """
        },
        args=("-p", "counted", "-p", "no:randomly"),
    ).assert_outcomes(passed=3)
