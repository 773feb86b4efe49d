"""RFC 4226 and RFC 6238: the vectors of both, and a thousand codes of another implementation."""

from base64 import b32decode
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ostiary.authenticators.totp import PERIOD, hotp, matching_step, step_at

# RFC 4226, Appendix D: counter and six digits, under one secret.
HOTP = """
755224 287082 359152 969429 338314 254676 287922 162583 399871 520489
"""

# RFC 6238, Appendix B: Unix time, eight digits under each algorithm, whose secrets differ.
TOTP = """
59 94287082 46119246 90693936
1111111109 07081804 68084774 25091201
1111111111 14050471 67062674 99943326
1234567890 89005924 91819424 93441116
2000000000 69279037 90698825 38618901
20000000000 65353130 77737706 47863826
"""
LENGTHS = {"sha1": 20, "sha256": 32, "sha512": 64}
ROWS = [line.split() for line in TOTP.split("\n") if line]
VECTORS = [
    (algorithm, int(row[0]), row[column])
    for row in ROWS
    for column, algorithm in enumerate(LENGTHS, start=1)
]

CODES = [
    line.split(",")
    for line in (Path(__file__).parent / "oathtool_totp.csv").read_text().splitlines()
    if not line.startswith("#")
]


def _secret(length: int) -> bytes:
    return (b"1234567890" * 7)[:length]


@pytest.mark.parametrize(("counter", "code"), [*enumerate(HOTP.split())])
def test_hotp_gives_the_codes_of_rfc_4226(counter: int, code: str) -> None:
    assert hotp(_secret(20), counter) == code


@pytest.mark.parametrize(("algorithm", "at", "code"), VECTORS)
def test_totp_gives_the_codes_of_rfc_6238(algorithm: str, at: int, code: str) -> None:
    step = step_at(datetime.fromtimestamp(at, UTC))
    assert hotp(_secret(LENGTHS[algorithm]), step, digits=8, algorithm=algorithm) == code


def test_there_are_twenty_eight_vectors_and_a_thousand_codes() -> None:
    assert len(HOTP.split()) + len(VECTORS) == 28
    assert len({tuple(row) for row in CODES}) == 1_000


def test_every_code_of_oathtool_is_accepted_at_its_time() -> None:
    for secret, at, code in CODES:
        now = datetime.fromtimestamp(int(at), UTC)
        assert matching_step(b32decode(secret), code, now) == int(at) // PERIOD


def test_a_code_is_good_one_step_early_and_one_late_and_no_further() -> None:
    accepted: dict[int, int] = dict.fromkeys(range(-3, 4), 0)
    for secret, at, code in CODES:
        now = datetime.fromtimestamp(int(at), UTC)
        for drift in accepted:
            later = now + timedelta(seconds=drift * PERIOD)
            accepted[drift] += matching_step(b32decode(secret), code, later) == int(at) // PERIOD
    assert accepted == {-3: 0, -2: 0, -1: 1_000, 0: 1_000, 1: 1_000, 2: 0, 3: 0}


@pytest.mark.parametrize(
    "code", ["", "12345", "1234567", "abcdef", "１２３４５６", "-12345", " 755224"]
)
def test_what_is_no_code_matches_no_step(code: str) -> None:
    assert matching_step(_secret(20), code, datetime(1970, 1, 1, 0, 1, tzinfo=UTC)) is None
