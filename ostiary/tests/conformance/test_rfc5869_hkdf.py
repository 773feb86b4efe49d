"""RFC 5869: keys are derived by HKDF-SHA-256, done here once more by hand (§2.2, §2.3)."""

import hashlib
import hmac

import pytest

from ostiary.kernel.vault import derive

# Appendix A.3: SHA-256, no salt, no info.
IKM = bytes([0x0B]) * 22
OKM = bytes.fromhex(
    "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8"
)


def _hkdf(secret: bytes, info: bytes, length: int) -> bytes:
    pseudorandom = hmac.digest(bytes(hashlib.sha256().digest_size), secret, "sha256")
    block, output = b"", b""
    for count in range(1, 256):
        block = hmac.digest(pseudorandom, block + info + bytes([count]), "sha256")
        output += block
        if len(output) >= length:
            break
    return output[:length]


def test_the_construction_by_hand_gives_the_output_of_the_rfc() -> None:
    assert _hkdf(IKM, b"", 42) == OKM


@pytest.mark.parametrize("purpose", ["seal/signing_key", "mac/limits/signin-account", "näme", ""])
def test_derive_is_that_construction_with_the_purpose_as_info(purpose: str) -> None:
    assert derive(IKM, purpose) == _hkdf(IKM, b"ostiary/" + purpose.encode(), 32)


def test_another_purpose_or_another_secret_gives_another_key() -> None:
    keys = {derive(IKM, "one"), derive(IKM, "two"), derive(IKM + b"\x0b", "one")}
    assert len(keys) == 3
