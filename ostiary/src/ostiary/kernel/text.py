"""Every string that enters is refused or clean: no lone surrogate, no NUL, no control."""

import unicodedata
from typing import Annotated

from pydantic import AfterValidator, StringConstraints

from ostiary.kernel.faults import Code, wrong

# Cc controls, Cs surrogates, Zl and Zp line separators: they break logs, mails and headers.
_REFUSED = frozenset({"Cc", "Cs", "Zl", "Zp"})


def is_clean(value: str) -> bool:
    """Whether `value` holds nothing but characters that text is made of."""
    if value.isascii():
        return value.isprintable()
    return not any(unicodedata.category(character) in _REFUSED for character in value)


def refuse_unclean(value: str) -> str:
    """Return `value`. Raises the error of a validator where it holds a character no text needs."""
    if not is_clean(value):
        raise wrong(Code.CONTROL_CHARACTER, "remove control characters and line breaks.")
    return value


def replace_unclean(value: str) -> str:
    """`value` with U+FFFD for each character that `is_clean` refuses.

    For what we did not ask for but keep or repeat, such as a User-Agent.
    """
    if is_clean(value):
        return value
    return "".join(
        "�" if unicodedata.category(character) in _REFUSED else character for character in value
    )


def _trim(value: str) -> str:
    value = refuse_unclean(value.strip())
    if not value:
        raise wrong(Code.EMPTY, "this is empty. Enter a value.")
    return value


def _tidy(value: str) -> str:
    return unicodedata.normalize("NFC", _trim(value))


# One type a length: the limit is part of the contract and of the OpenAPI document.
# Checked again behind NFC, which makes some characters two or three (Unicode, composition
# exclusions): what is stored must fit too.
_NAME = StringConstraints(max_length=200)

Name = Annotated[str, _NAME, AfterValidator(_tidy), _NAME]
"""A name a person goes by: 1 to 200 characters, trimmed, NFC."""

Line = Annotated[str, StringConstraints(max_length=320), AfterValidator(_trim)]
"""One line of text: 1 to 320 characters (the longest email address), trimmed, else as given."""

Opaque = Annotated[str, StringConstraints(max_length=1024), AfterValidator(refuse_unclean)]
"""A value that only its issuer reads: a token, a cursor. At most 1024 characters, as sent."""
