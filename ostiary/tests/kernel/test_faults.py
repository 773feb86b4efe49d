"""Every fault has a code of ours and a sentence of ours, whichever model finds it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import pytest
from pydantic import AfterValidator, BaseModel, TypeAdapter, ValidationError

from ostiary.app import create_api
from ostiary.kernel.faults import TRANSLATED, Code, read, wrong
from ostiary.kernel.problems import Fault
from ostiary.settings import Settings

# The types of error that a kind of schema finds by itself (pydantic's list of errors).
FOUND: dict[str, set[str]] = {
    "any": set(),
    "bool": {"bool_type", "bool_parsing"},
    "dict": {"dict_type", "invalid_key"},
    "float": {"float_type", "float_parsing"},
    "int": {"int_type", "int_parsing", "int_parsing_size", "int_from_float"},
    "literal": {"literal_error"},
    "model": {"model_type"},
    "model-fields": {"model_attributes_type", "model_type", "missing"},
    "str": {"string_type", "string_unicode", "string_sub_type"},
    "tuple": {"tuple_type"},
}
CONSTRAINTS = {
    "ge": "greater_than_equal",
    "gt": "greater_than",
    "le": "less_than_equal",
    "lt": "less_than",
    "min_length": "string_too_short",
    "max_length": "string_too_long",
    "pattern": "string_pattern_mismatch",
    "multiple_of": "multiple_of",
}
# These find nothing by themselves: what they hold does, or a function of ours.
TRANSPARENT = {"default", "nullable", "function-after", "function-before", "model-field"}
TRANSPARENT |= {
    "definitions",
    "definition-ref",
    "function-plain",
    "lax-or-strict",
    "json-or-python",
}


def _types_of(schema: Any) -> Iterator[str]:
    """The types of error that a core schema may produce; `AssertionError` for a kind unknown."""
    if isinstance(schema, list | tuple):
        for part in schema:
            yield from _types_of(part)
    elif isinstance(schema, dict):
        kind = schema.get("type")
        if isinstance(kind, str):
            if kind == "union":  # of networks: a function of ours stands before it
                return
            if kind == "function-wrap" or schema.get("ref", "").startswith("pydantic.types.Secret"):
                yield "string_type"
                return
            assert kind in FOUND or kind in TRANSPARENT, f"{kind} is not known to this test"
            yield from FOUND.get(kind, set())
            yield from (
                error for name, error in CONSTRAINTS.items() if schema.get(name) is not None
            )
            if schema.get("allow_inf_nan") is False:
                yield "finite_number"
            if schema.get("extra_behavior") == "forbid":
                yield "extra_forbidden"
        for name, part in schema.items():
            if name == "config" and part.get("extra_fields_behavior") == "forbid":
                yield "extra_forbidden"
            if name not in ("metadata", "serialization", "config", "default", "function"):
                yield from _types_of(part)


def _strict(root: type[BaseModel] = BaseModel) -> Iterator[type[BaseModel]]:
    """Every model of this server that something from outside is read into."""
    for model in root.__subclasses__():
        if model.__module__.startswith("ostiary.") and model.model_config.get("extra") == "forbid":
            yield model
        yield from _strict(model)


def test_every_type_of_error_that_a_model_can_find_is_translated() -> None:
    create_api(Settings())  # every slice is imported by now
    models = {*_strict()}
    assert len(models) > 30
    for model in models:
        unknown = set(_types_of(model.__pydantic_core_schema__)) - TRANSLATED.keys()
        assert unknown == set(), model


def test_this_test_sees_a_type_that_is_not_translated() -> None:
    schema = {"type": "model-fields", "fields": {"x": {"type": "str", "pattern": "a"}}}
    assert "string_pattern_mismatch" in set(_types_of(schema)) - TRANSLATED.keys()
    with pytest.raises(AssertionError, match="datetime is not known"):
        list(_types_of({"type": "datetime"}))


def test_an_error_that_is_not_translated_gets_the_neutral_code_and_none_of_its_words() -> None:
    def refuse(value: str) -> str:
        raise ValueError("in words that are not ours")

    with pytest.raises(ValidationError) as caught:
        TypeAdapter(Annotated[str, AfterValidator(refuse)]).validate_python("x")
    code, advice = read(caught.value.errors()[0])
    assert code == Code.INVALID
    assert "words" not in advice


def test_an_advice_may_hold_braces() -> None:
    def refuse(value: str) -> str:
        raise wrong(Code.MALFORMED, "write {token} once.")

    with pytest.raises(ValidationError) as caught:
        TypeAdapter(Annotated[str, AfterValidator(refuse)]).validate_python("x")
    assert read(caught.value.errors()[0]) == (Code.MALFORMED, "write {token} once.")


@pytest.mark.parametrize(
    ("fault", "sentence"),
    [
        (Fault(Code.EMPTY, "enter it.", pointer="/new_password"), "New password: enter it."),
        (Fault(Code.EMPTY, "enter it.", pointer="/metadata/public"), "Metadata public: enter it."),
        (Fault(Code.EMPTY, "enter it.", pointer="/items/3/name"), "Items name: enter it."),
        (Fault(Code.EMPTY, "enter it.", pointer=""), "Body: enter it."),
        (Fault(Code.EMPTY, "enter it.", pointer="/"), "Body: enter it."),
        (Fault(Code.EMPTY, "enter it.", parameter="limit"), "Limit: enter it."),
        (
            Fault(Code.EMPTY, "enter it.", pointer="/a\nb\u202e"),
            "A\N{REPLACEMENT CHARACTER}b\u202e: enter it.",
        ),
    ],
)
def test_a_fault_is_a_whole_sentence(fault: Fault, sentence: str) -> None:
    assert fault.detail == sentence


def test_every_code_is_a_slug_and_says_what_it_means() -> None:
    for code in Code:
        assert code.value == code.value.lower().strip("-").replace("_", "-")
        assert code.meaning.endswith(".")


def test_the_contract_lists_every_code() -> None:
    contract = Path(__file__).parents[3] / "docs" / "reference" / "http-api.md"
    rows = [line for line in contract.read_text().splitlines() if line.startswith("| `")]
    for code in Code:
        assert f"| `{code.value}` | {code.meaning} |" in rows
