"""Answers: problems as RFC 9457, everything else as JSON that is made once."""

import json
from collections.abc import Sequence
from typing import Any, TypeVar

from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, ValidationError
from starlette.responses import Response
from starlette.types import Scope

from ostiary.kernel import faults
from ostiary.kernel.faults import Code
from ostiary.kernel.problems import Fault, Problem, Validation
from ostiary.kernel.text import replace_unclean

Model = TypeVar("Model", bound=BaseModel)

_MOST_FAULTS = 20

EXAMPLE_ID = "01kb6ry8h6x8j5v2m3q4t7w9za"
"""What stands behind the prefix of an identifier in examples."""

PROBLEM_TYPE = "application/problem+json"
"""The media type of a refusal (RFC 9457 §6.1)."""

PROBLEM_SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["type", "title", "status", "request_id"],
    "properties": {
        "type": {"type": "string", "format": "uri"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "request_id": {"type": "string"},
        # `reauthentication-required` says what would do, and for how many seconds it counts.
        "methods": {"type": "array", "items": {"type": "string"}},
        "max_age": {"type": "integer"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["code", "detail"],
                "properties": {
                    "pointer": {"type": "string"},
                    "parameter": {"type": "string"},
                    "code": {"type": "string", "enum": [code.value for code in Code]},
                    "detail": {"type": "string"},
                },
            },
        },
    },
}
"""The shape of every problem, for the OpenAPI document."""


def body(example: dict[str, Any]) -> ConfigDict:
    """The configuration of a request's model: nothing unknown is taken; what one looks like."""
    return ConfigDict(extra="forbid", json_schema_extra={"examples": [example]})


def shape(example: dict[str, Any]) -> ConfigDict:
    """The configuration of an answer's model: what one looks like."""
    return ConfigDict(json_schema_extra={"examples": [example]})


def example_token(kind: str, prefix: str) -> str:
    """A token as examples show it: well-formed, and of nobody."""
    return f"{kind}.{prefix}_{EXAMPLE_ID}.wXq0c7UyZbJ5hT2kVn8sRf3gLdA9eMpO1iYtKzB6vCw"


def answer(model: BaseModel, status: int = 200) -> Response:
    """`model` as JSON. Made here and not by the framework, which would check it once more."""
    return Response(model.model_dump_json(), status, media_type="application/json")


def problem_response(scope: Scope, public_url: str, problem: Problem) -> Response:
    """`problem` as `application/problem+json` (RFC 9457)."""
    body: dict[str, object] = {
        "type": f"{public_url}/problems/{problem.slug}",
        "title": problem.title,
        "status": problem.status,
    }
    if problem.detail:
        body["detail"] = problem.detail
    if problem.faults:
        body["errors"] = [
            {
                name: value
                for name in ("pointer", "parameter", "code", "detail")
                if (value := getattr(fault, name)) is not None
            }
            for fault in problem.faults
        ]
    body |= problem.members
    body["request_id"] = scope["state"]["origin"].request_id
    return Response(json.dumps(body), problem.status, problem.headers, PROBLEM_TYPE)


def to_validation(error: RequestValidationError) -> Validation:
    """What pydantic found wrong, in our words, by JSON Pointer (RFC 6901), without any value."""
    return Validation(faults=tuple(map(_fault, error.errors()[:_MOST_FAULTS])))


def check(model: type[Model], parsed: object) -> Model:
    """`parsed` as a `model`. Raises `Validation`, like an endpoint that declares its body."""
    try:
        return model.model_validate(parsed)
    except ValidationError as error:
        found = error.errors(include_url=False, include_input=False)
        placed = [{**one, "loc": ("body", *one["loc"])} for one in found[:_MOST_FAULTS]]
        raise Validation(faults=tuple(map(_fault, placed))) from None


def refusals(*kinds: type[Problem]) -> dict[int | str, dict[str, Any]]:
    """The `responses` of a route that may raise these problems, for its documentation."""
    described: dict[int | str, dict[str, Any]] = {}
    for kind in kinds:
        entry = described.setdefault(
            kind.status,
            {"description": "", "content": {PROBLEM_TYPE: {"schema": _REFERENCE}}},
        )
        entry["description"] += f"`{kind.slug}`: {' '.join((kind.__doc__ or '').split())}\n\n"
    return described


_REFERENCE = {"$ref": "#/components/schemas/Problem"}


def _fault(error: Any) -> Fault:
    place, *path = error["loc"]
    code, advice = faults.read(error)
    if place == "body":
        return Fault(code, advice, pointer=_pointer(path))
    return Fault(code, advice, parameter=str(path[0]) if path else str(place))


def _pointer(path: Sequence[object]) -> str:
    # A member's name may come from the caller: escaped, cleaned, cut.
    parts = (str(part).replace("~", "~0").replace("/", "~1")[:64] for part in path)
    return replace_unclean("".join(f"/{part}" for part in parts))
