"""Addresses and user names: what is stored as given, and the key that makes it unique."""

import re
import unicodedata
from typing import Annotated

from email_validator import EmailNotValidError, validate_email
from pydantic import AfterValidator, StringConstraints

from ostiary.kernel.faults import Code, wrong
from ostiary.kernel.text import Line, refuse_unclean

_USERNAME = re.compile(r"[A-Za-z0-9_-]{3,50}")
_LOCALE = re.compile(r"[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*")


def email_key(address: str) -> str:
    """The one spelling of `address`: local part folded, domain as A-labels (UTS 46).

    `A@bücher.example` and `a@xn--bcher-kva.example` have the same key. Raises the error
    of a validator, a `ValueError`, where `address` is no email address.
    """
    try:
        # Reserved for tests (RFC 6761 §6.2) is good enough for an address in a test.
        found = validate_email(
            address, check_deliverability=False, test_environment=True, strict=True
        )
    except EmailNotValidError as error:
        raise wrong(Code.MALFORMED, "enter an address such as ada@example.com.") from error
    # Normalised on both sides of folding: lower case may fall apart into combining characters.
    local = unicodedata.normalize("NFC", unicodedata.normalize("NFC", found.local_part).lower())
    return f"{local}@{found.ascii_domain.lower()}"


def username_key(username: str) -> str:
    """The one spelling of a user name: they are unique without case."""
    return username.lower()


def _check_email(value: str) -> str:
    email_key(value)
    return value


def _check_username(value: str) -> str:
    if not _USERNAME.fullmatch(value):
        raise wrong(Code.MALFORMED, "use 3 to 50 of the letters a-z, digits, '_' and '-'.")
    return value


def _check_locale(value: str) -> str:
    if not _LOCALE.fullmatch(value):
        raise wrong(Code.MALFORMED, "use a language tag such as 'en' or 'pt-BR'.")
    return value


Email = Annotated[Line, AfterValidator(_check_email)]
"""An email address, trimmed, otherwise as given (RFC 5321, RFC 6531)."""

Username = Annotated[str, StringConstraints(strip_whitespace=True), AfterValidator(_check_username)]
"""A user name: 3 to 50 of letters, digits, `_`, `-`; never mistaken for an address."""

Locale = Annotated[
    str,
    StringConstraints(strip_whitespace=True, max_length=35),
    AfterValidator(refuse_unclean),
    AfterValidator(_check_locale),
]
"""A language tag (BCP 47), trimmed."""
