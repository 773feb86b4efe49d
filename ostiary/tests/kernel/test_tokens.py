"""Identifiers sort by creation; a bearer token is random, recognisable, and stored as a digest."""

from datetime import UTC, datetime, timedelta

import pytest

from ostiary.kernel.tokens import Token, equal, is_id, new_id, new_token, parse_token

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
ID = "rt_01kjmma2g09mnqhrzdgtb4whxx"


def test_identifiers_sort_by_creation() -> None:
    instants = [NOW + timedelta(milliseconds=number * 37) for number in range(200)]
    made = [new_id("usr", instant) for instant in instants]
    assert made == sorted(made)


def test_identifiers_of_one_instant_differ() -> None:
    assert len({new_id("usr", NOW) for _ in range(10_000)}) == 10_000


@pytest.mark.parametrize("year", [1970, 2026, 2999])
def test_an_identifier_has_its_prefix_and_its_form_in_every_year(year: int) -> None:
    made = new_id("usr", datetime(year, 1, 2, tzinfo=UTC))
    assert len(made) == 30
    assert is_id("usr", made)


@pytest.mark.parametrize(
    "value",
    [
        "",
        "usr_",
        ID,
        "usr_" + "0" * 25,
        "usr_" + "0" * 27,
        "usr_" + "0" * 25 + "i",
        "usr_" + "0" * 25 + "A",
        "usr_" + "0" * 25 + "٣",
        " usr_" + "0" * 26,
        "usr_" + "0" * 26 + "\n",
    ],
)
def test_what_is_no_identifier_of_the_kind_is_told_apart(value: str) -> None:
    assert not is_id("usr", value)


def test_a_token_is_read_back_as_it_was_made() -> None:
    token = new_token("ostrt", ID)
    assert parse_token("ostrt", str(token)) == token
    assert str(token).startswith(f"ostrt.{ID}.")


def test_a_token_of_one_kind_is_none_of_another() -> None:
    assert parse_token("ostdt", str(new_token("ostrt", ID))) is None


@pytest.mark.parametrize(
    "value",
    ["", "ostrt", "ostrt..", f"ostrt.{ID}", f"ostrt.{ID}.", f"ostrt.{ID}.short", "a.b.c"],
)
def test_a_malformed_token_is_none(value: str) -> None:
    assert parse_token("ostrt", value) is None


@pytest.mark.parametrize("change", ["{} ", " {}", "{}\n", "{}x", "x{}", "{}.x", "{}\0"])
def test_a_token_with_anything_around_it_is_none(change: str) -> None:
    assert parse_token("ostrt", change.format(new_token("ostrt", ID))) is None


def test_secrets_are_256_random_bits() -> None:
    made = {new_token("ostrt", ID).secret for _ in range(1000)}
    assert len(made) == 1000
    assert {len(secret) for secret in made} == {43}


def test_a_digest_covers_kind_id_and_secret() -> None:
    secret = "s" * 43
    tokens = [
        Token("ostrt", ID, secret),
        Token("ostdt", ID, secret),
        Token("ostrt", new_id("rt", NOW), secret),
        Token("ostrt", ID, "t" * 43),
    ]
    assert len({token.digest for token in tokens}) == 4
    assert not any(secret.encode() in token.digest for token in tokens)


def test_a_token_in_a_traceback_shows_no_secret() -> None:
    token = new_token("ostrt", ID)
    assert token.secret not in repr(token)
    assert token.secret not in f"{token!r} {[token]}"
    assert ID in repr(token)


def test_equal_means_the_same_bytes() -> None:
    assert equal(b"secret", b"secret")
    assert not equal(b"secret", b"secreT")
    assert not equal(b"secret", b"secret ")
