"""JSON bodies, strictly: one value, UTF-8, no repeated member, at most 32 levels deep."""

import json
import re
from collections.abc import Callable, Coroutine
from typing import Any

from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.responses import Response

from ostiary.kernel.problems import MalformedJson, UnsupportedMediaType
from ostiary.web.render import Model, check

_DEEPEST = 32
# Possessive, and good for a string that never ends: one pass, whatever the body holds.
_STRING = re.compile(r'"(?:[^"\\]|\\.)*+"?', re.DOTALL)


def parse_json(raw: bytes) -> Any:
    """The value that `raw` spells. Raises `MalformedJson` (RFC 8259, RFC 7493 §2.3)."""
    try:
        text = raw.decode()
        if _depth(text) > _DEEPEST:
            raise MalformedJson("The body nests deeper than 32 levels")
        return json.loads(text, object_pairs_hook=_once, parse_constant=_refuse)
    except (ValueError, RecursionError):
        raise MalformedJson from None


class JsonRoute(APIRoute):
    """A route whose body, where it has one, is JSON and nothing else."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """FastAPI's handler, on a request whose body was parsed by our rules."""
        answer = super().get_route_handler()
        if self.body_field is None:
            return answer
        is_optional = not self.body_field.field_info.is_required()

        async def handle(request: Request) -> Response:
            return await answer(await _parse(request, is_optional=is_optional))

        return handle


async def read_body(request: Request, model: type[Model]) -> Model:
    """The request's body as a `model`, for a handler that reads its request itself.

    Raises `MalformedJson`, `UnsupportedMediaType`, `Validation`.
    """
    return check(model, await (await _parse(request, is_optional=False)).json())


class _ParsedRequest(Request):
    """A request whose body has been read and parsed."""

    parsed: Any = None

    async def json(self) -> Any:
        return self.parsed


async def _parse(request: Request, *, is_optional: bool) -> Request:
    has_body = (
        request.headers.get("content-length", "0") != "0" or "transfer-encoding" in request.headers
    )
    if not has_body and is_optional:
        return request
    # Before the first byte is read: who sends another type may send very much of it.
    media_type, *parameters = request.headers.get("content-type", "").lower().split(";")
    charsets = {
        value.strip().strip('"')
        for name, _, value in (parameter.partition("=") for parameter in parameters)
        if name.strip() == "charset"
    }
    if media_type.strip() != "application/json" or not charsets <= {"utf-8"}:
        raise UnsupportedMediaType("The body must be application/json")
    if request.headers.get("content-encoding", "identity") != "identity":
        raise UnsupportedMediaType("The body must have no content coding")
    parsed = _ParsedRequest(request.scope, request.receive)
    parsed.parsed = parse_json(await parsed.body())
    return parsed


def _depth(text: str) -> int:
    if text.count("{") + text.count("[") <= _DEEPEST:
        return 0
    deepest = depth = 0
    for character in _STRING.sub("", text):
        if character in "{[":
            depth += 1
            deepest = max(deepest, depth)
        elif character in "}]":
            depth -= 1
    return deepest


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise MalformedJson("A member is repeated")
    return members


def _refuse(_constant: str) -> None:
    raise MalformedJson("NaN and Infinity are not JSON")
