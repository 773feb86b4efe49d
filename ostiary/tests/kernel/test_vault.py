"""What is sealed opens only for its purpose, at its place, under a key that is still known."""

import pytest

from ostiary.kernel.vault import SealBroken, Vault, derive, open_under, seal_under

OLD, NEW = b"o" * 32, b"n" * 32


def test_what_is_sealed_opens_again() -> None:
    vault = Vault([OLD])
    for plaintext in (b"", b"x", bytes(range(256)) * 20):
        assert (
            vault.open("totp", vault.seal("totp", plaintext, context="a"), context="a") == plaintext
        )


def test_a_sealed_value_shows_nothing_of_its_content_and_no_two_are_alike() -> None:
    vault = Vault([OLD])
    sealed = [vault.seal("totp", b"the plaintext", context="a") for _ in range(10)]
    assert len(set(sealed)) == 10
    assert not any(b"plaintext" in one for one in sealed)


@pytest.mark.parametrize(("purpose", "context"), [("passkey", "a"), ("totp", "b"), ("totp", "")])
def test_a_sealed_value_is_bound_to_its_purpose_and_place(purpose: str, context: str) -> None:
    vault = Vault([OLD])
    sealed = vault.seal("totp", b"secret", context="a")
    with pytest.raises(SealBroken):
        vault.open(purpose, sealed, context=context)


def test_an_altered_value_does_not_open() -> None:
    vault = Vault([OLD])
    sealed = vault.seal("totp", b"secret", context="a")
    for place in range(len(sealed)):
        altered = bytearray(sealed)
        altered[place] ^= 1
        with pytest.raises(SealBroken):
            vault.open("totp", bytes(altered), context="a")


def test_a_shortened_value_does_not_open() -> None:
    vault = Vault([OLD])
    sealed = vault.seal("totp", b"secret", context="a")
    for length in range(len(sealed)):
        with pytest.raises(SealBroken):
            vault.open("totp", sealed[:length], context="a")


def test_a_new_key_seals_and_the_old_one_still_opens() -> None:
    sealed = Vault([OLD]).seal("totp", b"secret", context="a")
    rotated = Vault([NEW, OLD])
    assert rotated.open("totp", sealed, context="a") == b"secret"
    again = rotated.seal("totp", b"secret", context="a")
    assert Vault([NEW]).open("totp", again, context="a") == b"secret"
    with pytest.raises(SealBroken):
        Vault([OLD]).open("totp", again, context="a")


def test_a_key_that_is_gone_opens_nothing() -> None:
    sealed = Vault([OLD]).seal("totp", b"secret", context="a")
    with pytest.raises(SealBroken):
        Vault([NEW]).open("totp", sealed, context="a")


def test_a_vault_needs_a_key() -> None:
    with pytest.raises(ValueError, match="key"):
        Vault([])


def test_a_keyed_digest_depends_on_key_purpose_and_value() -> None:
    vault = Vault([OLD])
    digests = {
        vault.mac("limits", "alice"),
        vault.mac("limits", "bob"),
        vault.mac("codes", "alice"),
        Vault([NEW]).mac("limits", "alice"),
    }
    assert len(digests) == 4
    assert {len(digest) for digest in digests} == {32}
    assert Vault([OLD, NEW]).mac("limits", "alice") == vault.mac("limits", "alice")


def test_sealing_and_digests_never_share_a_key() -> None:
    purposes = ["seal/a", "mac/a", "name", "a", "seal/b"]
    assert len({derive(OLD, purpose) for purpose in purposes}) == len(purposes)


def test_only_the_holder_of_a_secret_opens_what_is_sealed_under_it() -> None:
    sealed = seal_under(b"presented", "refresh/successor", b"next")
    assert open_under(b"presented", "refresh/successor", sealed) == b"next"
    for secret, purpose in ((b"another", "refresh/successor"), (b"presented", "other")):
        with pytest.raises(SealBroken):
            open_under(secret, purpose, sealed)
    for length in range(len(sealed)):
        with pytest.raises(SealBroken):
            open_under(b"presented", "refresh/successor", sealed[:length])
