"""One thing wrong with a value: a code that programs compare, and an advice that people read.

The codes are part of the HTTP contract. A validator of ours raises `wrong(code, advice)`; what
pydantic finds by itself is translated here, so that none of its words reach a caller.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, cast

from pydantic_core import PydanticCustomError


class Code(StrEnum):
    """What is wrong, for programs. `meaning` is what the documentation says of it."""

    meaning: str

    def __new__(cls, value: str, meaning: str) -> "Code":
        """A code that knows what it means."""
        code = str.__new__(cls, value)
        code._value_ = value
        code.meaning = meaning
        return code

    MISSING = "missing", "A member or parameter that is required is not there."
    UNKNOWN = "unknown", "The request does not take this member."
    WRONG_TYPE = "wrong-type", "The value has another type, such as a number for a string."
    EMPTY = "empty", "The value is empty, or holds nothing but spaces."
    TOO_SHORT = "too-short", "The text has too few characters."
    TOO_LONG = "too-long", "The text has too many characters."
    TOO_SMALL = "too-small", "The number is below the least that is allowed."
    TOO_LARGE = "too-large", "The number, or the size of the object, is above what is allowed."
    CONTROL_CHARACTER = (
        "control-character",
        "The text holds a control character, a line separator or an unpaired surrogate.",
    )
    MALFORMED = "malformed", "The text does not have the form of this member."
    NOT_ALLOWED = "not-allowed", "The value is not one of those that are allowed here."
    EXACTLY_ONE = "exactly-one", "None, or more than one, of several members was sent."
    COMMON_PASSWORD = "common-password", "The new password is one of the most common ones."
    OWN_NAME = "own-name", "The new password is a name or the email address of its owner."
    UNCHANGED = "unchanged", "The new value is the value that is there already."
    TOO_EARLY = "too-early", "The member is taken later: after sign-in."
    INCORRECT = "incorrect", "The password or code is not right."
    TAKEN = "taken", "Another account uses this value."
    CONFLICT = "conflict", "Two values exclude each other."
    INVALID = "invalid", "The value is not acceptable for another reason."


def wrong(code: Code, advice: str) -> PydanticCustomError:
    """The error that a validator raises; a `ValueError`. `advice` says what to do, as a clause.

    It stands behind the name of what is wrong: "Password: use at least 8 characters."
    """
    # As a value and not as the template: an advice may hold braces.
    return PydanticCustomError("ostiary", "{advice}", {"code": code, "advice": advice})


_WHOLE = "use a whole number."
_NUMBER = "use a number."
_OBJECT = "use an object."
_LIST = "use a list."
_YES_OR_NO = "use true or false."
_PLAIN = "remove control characters and line breaks."
_FALLBACK = (Code.INVALID, "this value is not acceptable. Use another one.")

TRANSLATED: Mapping[str, tuple[Code, str]] = {
    "missing": (Code.MISSING, "this is required. Add it."),
    "extra_forbidden": (Code.UNKNOWN, "this request does not take it. Leave it out."),
    "invalid_key": (Code.WRONG_TYPE, "use a string as its name."),
    "string_type": (Code.WRONG_TYPE, "use a string."),
    "string_sub_type": (Code.WRONG_TYPE, "use a string."),
    "string_unicode": (Code.CONTROL_CHARACTER, _PLAIN),
    "string_too_short": (Code.TOO_SHORT, "use at least {min_length} characters."),
    "string_too_long": (Code.TOO_LONG, "use at most {max_length} characters."),
    "literal_error": (Code.NOT_ALLOWED, "use {expected}."),
    "int_type": (Code.WRONG_TYPE, _WHOLE),
    "int_parsing": (Code.WRONG_TYPE, _WHOLE),
    "int_parsing_size": (Code.TOO_LARGE, "use a smaller number."),
    "int_from_float": (Code.WRONG_TYPE, _WHOLE),
    "float_type": (Code.WRONG_TYPE, _NUMBER),
    "float_parsing": (Code.WRONG_TYPE, _NUMBER),
    "finite_number": (Code.TOO_LARGE, "use a finite number."),
    "bool_type": (Code.WRONG_TYPE, _YES_OR_NO),
    "bool_parsing": (Code.WRONG_TYPE, _YES_OR_NO),
    "greater_than": (Code.TOO_SMALL, "use more than {gt}."),
    "greater_than_equal": (Code.TOO_SMALL, "use at least {ge}."),
    "less_than": (Code.TOO_LARGE, "use less than {lt}."),
    "less_than_equal": (Code.TOO_LARGE, "use at most {le}."),
    "dict_type": (Code.WRONG_TYPE, _OBJECT),
    "model_type": (Code.WRONG_TYPE, _OBJECT),
    "model_attributes_type": (Code.WRONG_TYPE, _OBJECT),
    "list_type": (Code.WRONG_TYPE, _LIST),
    "tuple_type": (Code.WRONG_TYPE, _LIST),
}
"""What pydantic may find wrong with the models of this server, in our words.

A test walks every model: a type of error that is not here fails it.
"""


def read(detail: Mapping[str, Any]) -> tuple[Code, str]:
    """The code and the advice of one entry of pydantic's `errors()`."""
    context = detail.get("ctx") or {}
    if detail["type"] == "ostiary":
        return cast(Code, context["code"]), str(context["advice"])
    if detail["type"] == "string_too_short" and context.get("min_length") == 1:
        return Code.EMPTY, "this is empty. Enter a value."
    code, advice = TRANSLATED.get(detail["type"], _FALLBACK)
    return code, advice.format_map(context)
