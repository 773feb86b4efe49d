"""Text is trimmed, NFC, and free of everything that breaks logs, mails and headers."""

import sys
import unicodedata
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from ostiary.kernel.text import Line, Name, Opaque, is_clean, replace_unclean

NAME: TypeAdapter[str] = TypeAdapter(Name)
UNCLEAN = ["\0", "\r", "\n", "\t", "\x1b", "\x7f", "\x85", "\u2028", "\u2029", "\ud800", "\udfff"]


def test_every_character_is_refused_or_clean_by_its_category() -> None:
    for code in range(sys.maxunicode + 1):
        refused = unicodedata.category(chr(code)) in {"Cc", "Cs", "Zl", "Zp"}
        assert is_clean(chr(code)) != refused, hex(code)


@pytest.mark.parametrize("character", UNCLEAN, ids=ascii)
@pytest.mark.parametrize("text", ["a{}b", "é{}b"])
def test_an_unclean_character_is_refused_wherever_it_stands(character: str, text: str) -> None:
    with pytest.raises(ValidationError):
        NAME.validate_python(text.format(character))


@pytest.mark.parametrize(
    "text", ["Ada", "Zoë 'O’Neil'", "<b>x</b>", "'; DROP TABLE user; --", "名前", "👩‍🚀", "آمنة"]
)
def test_whatever_people_write_is_kept_as_it_is(text: str) -> None:
    assert NAME.validate_python(text) == text


def test_text_is_trimmed_and_normalised() -> None:
    assert NAME.validate_python("  Zoe\u0308\u00a0\u3000") == "Zoë"


@pytest.mark.parametrize("text", ["", " ", "\u2003\u00a0"])
def test_nothing_is_no_name(text: str) -> None:
    with pytest.raises(ValidationError):
        NAME.validate_python(text)


@pytest.mark.parametrize(("kind", "length"), [(Name, 200), (Line, 320), (Opaque, 1024)])
def test_each_kind_of_text_has_its_length(kind: Any, length: int) -> None:
    text: TypeAdapter[str] = TypeAdapter(kind)
    assert text.validate_python("a" * length) == "a" * length
    with pytest.raises(ValidationError):
        text.validate_python("a" * (length + 1))


def test_what_only_its_issuer_reads_is_not_touched() -> None:
    text: TypeAdapter[str] = TypeAdapter(Opaque)
    assert text.validate_python(" Zoe\u0308 ") == " Zoe\u0308 "
    with pytest.raises(ValidationError):
        text.validate_python("a\0b")


def test_what_was_not_asked_for_is_cleaned_instead() -> None:
    assert replace_unclean("plain") == "plain"
    assert replace_unclean("é\x1b[31m\r\n\ud800") == "é�[31m���"
