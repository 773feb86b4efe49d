"""The environment is complete before the first line of the application is imported."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from pytest_hermetic.keys import Keys

pytest_plugins = ["pytester"]

INI = "[pytest]\nhermetic = true\nasyncio_default_fixture_loop_scope = function\n"


@pytest.fixture
def keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shared_cache: Path) -> Keys:
    monkeypatch.setenv("XDG_CACHE_HOME", str(shared_cache))
    return Keys(lambda: tmp_path)


def test_the_first_conftest_sees_it(suite) -> None:
    suite(
        """
        import os, jwt, stat, conftest
        from pathlib import Path

        def test_the_keys_are_real():
            for private, public, algorithm in (
                ("ES", "ES_PUB", "ES256"), ("RS", "RS_PUB", "RS256"), ("ED", "ED_PUB", "EdDSA"),
            ):
                token = jwt.encode({"sub": "1"}, os.environ[private], algorithm)
                assert jwt.decode(token, os.environ[public], [algorithm]) == {"sub": "1"}

        def test_files_are_private_and_pairs_match():
            private, public = os.environ["PRIVATE_FILE"], os.environ["PUBLIC_FILE"]
            assert stat.S_IMODE(os.stat(private).st_mode) == 0o600
            token = jwt.encode({}, Path(private).read_text(), "RS256")
            assert jwt.decode(token, Path(public).read_text(), ["RS256"]) == {}
            assert Path(private).read_text() == os.environ["RS"]

        def test_others(hermetic):
            assert len(os.environ["SECRET"]) == 44
            assert os.environ["PLAIN"] == "a=b, c"
            assert os.environ["AT"] == "@home"
            assert conftest.SEEN == os.environ["SECRET"]
            assert os.environ["OTHER"] != os.environ["ES"]
        """,
        "hermetic_env =",
        *(f"    {line}" for line in ("ES=@es256", "ES_PUB=@es256.pub", "ED=@ed25519")),
        *(f"    {line}" for line in ("ED_PUB=@ed25519.pub", "RS=@rs256", "RS_PUB=@rs256.pub")),
        *(f"    {line}" for line in ("SECRET=@secret:32", "PLAIN=a=b, c", "AT=@@home")),
        "    PRIVATE_FILE=@pemfile:rs256",
        "    PUBLIC_FILE=@pemfile:rs256.pub",
        "    OTHER=@es256/other",
        files={"conftest.py": "import os\nSEEN = os.environ['SECRET']"},
    ).assert_outcomes(passed=3)


def test_workers_agree_and_nothing_is_left_behind(suite, pytester) -> None:
    result = suite(
        """
        import os, pytest

        @pytest.mark.parametrize("i", range(8))
        def test_it(i):
            with open("seen", "a") as file:
                file.write(os.environ["SECRET"] + os.environ["KEY"].replace("\\n", "") + "\\n")
            assert os.path.exists(os.environ["FILE"])
            with open("files", "a") as file:
                file.write(os.environ["FILE"] + "\\n")
        """,
        "hermetic_env =",
        *(f"    {line}" for line in ("SECRET=@secret:16", "KEY=@es256", "FILE=@pemfile:es256")),
        args=("-n", "2"),
    )
    result.assert_outcomes(passed=8)
    assert len(set((pytester.path / "seen").read_text().splitlines())) == 1
    files = set((pytester.path / "files").read_text().splitlines())
    assert files
    assert not any(Path(file).parent.exists() for file in files)


def test_a_run_in_this_process_puts_the_environment_back(pytester, monkeypatch) -> None:
    monkeypatch.setenv("BEFORE", "mine")
    pytester.makeini(f"{INI}hermetic_env =\n    BEFORE=theirs\n    NEW=1")
    pytester.makepyfile("import os\ndef test_it(): assert os.environ['BEFORE'] == 'theirs'")
    pytester.runpytest_inprocess("-p", "no:randomly").assert_outcomes(passed=1)
    assert os.environ["BEFORE"] == "mine"
    assert "NEW" not in os.environ


def test_the_cached_private_key_is_for_its_user_alone(keys: Keys, shared_cache: Path) -> None:
    pem = keys.pem("rs256")
    (cached,) = shared_cache.rglob("rs256.pem")
    assert cached.read_text() == pem
    assert stat.S_IMODE(cached.stat().st_mode) == 0o600
    assert stat.S_IMODE(cached.parent.stat().st_mode) == 0o700


def test_a_cache_somebody_else_can_write_to_is_not_trusted(
    keys: Keys, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_to_all = tmp_path / "home" / f"pytest-hermetic-{os.getuid()}"
    open_to_all.mkdir(parents=True)
    open_to_all.chmod(0o777)
    monkeypatch.setenv("XDG_CACHE_HOME", str(open_to_all.parent))
    keys.pem("es256/fresh")
    assert not list(open_to_all.iterdir())


@pytest.mark.parametrize("kind", ["es256", "rs256", "ed25519"])
def test_a_json_web_key_verifies_what_its_private_half_signed(keys: Keys, kind: str) -> None:
    import jwt

    key = jwt.PyJWK(keys.jwk(kind))
    token = jwt.encode({"a": 1}, keys.pem(kind), key.algorithm_name)
    assert jwt.decode(token, key, [key.algorithm_name]) == {"a": 1}


def test_the_thumbprint_is_that_of_rfc_7638() -> None:
    """RFC 7638 §3.1, its example key."""
    import json

    import jwt
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    from pytest_hermetic import jwk

    n = (
        "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJEC"
        "PebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2Qvzq"
        "Y368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0"
        "fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw"
    )
    key = jwt.PyJWK.from_json(json.dumps({"kty": "RSA", "e": "AQAB", "alg": "RS256", "n": n})).key
    pem = key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    assert jwk.public(pem)["kid"] == "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"


def test_a_tampered_token_is_refused_every_time(keys: Keys) -> None:
    import jwt

    for number in range(200):
        token = keys.tamper(jwt.encode({"n": number}, keys.pem("es256"), "ES256"))
        with pytest.raises(jwt.InvalidSignatureError):
            jwt.decode(token, keys.pem("es256.pub"), ["ES256"])


@pytest.mark.parametrize("value", ["@", "@secret:x", "@secret:0", "@pemfile:", "@es256/../x"])
def test_an_unknown_word_is_refused(keys: Keys, value: str) -> None:
    with pytest.raises(pytest.UsageError):
        keys.resolve(value)
