"""Documentation for people: `/`, `/docs` and `/problems/<slug>`, loading nothing from elsewhere."""

import inspect
import json
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path
from typing import Any

from fastapi import APIRouter, Request
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from starlette.responses import FileResponse, HTMLResponse, JSONResponse, Response
from starlette.staticfiles import StaticFiles

from ostiary.kernel.problems import NotFound, every_problem
from ostiary.web.deps import Rt
from ostiary.web.pages import page

router = APIRouter(include_in_schema=False)

_STATIC = Path(__file__).parent / "static"
_A_DAY = {"Cache-Control": "public, max-age=86400"}
_CSP = "default-src 'none'; style-src 'self'; img-src 'self' data:; frame-ancestors 'none'"


@router.get("/")
async def home(request: Request, rt: Rt) -> Response:
    """What this server is, whether one can sign up, and where to go from here."""
    return page(request, "pages/home.html", is_open=rt.settings.signup.mode == "open")


@router.get("/favicon.ico")
async def icon() -> Response:
    """The picture that browsers show beside a page's title."""
    return FileResponse(_STATIC / "favicon.ico", headers=_A_DAY, media_type="image/x-icon")


@router.get("/favicon.svg")
async def vector_icon() -> Response:
    """The same picture, for browsers that take it in any size."""
    return FileResponse(_STATIC / "favicon.svg", headers=_A_DAY)


@router.get("/openapi.json")
async def openapi(request: Request) -> Response:
    """Every operation, for machines (OpenAPI 3.1)."""
    return JSONResponse(request.app.openapi())


@router.get("/docs")
async def docs(request: Request) -> Response:
    """Every operation, with its body, its answers and its refusals."""
    return _page("docs", title="API reference", api=_describe(request.app.openapi))


@router.get("/problems/{slug}")
async def problem(slug: str) -> Response:
    """What one kind of problem means and what to do about it."""
    for kind in every_problem():
        if kind.slug == slug:
            text = inspect.cleandoc(kind.__doc__ or "")
            return _page("problem", title=kind.title, problem=kind, text=text)
    raise NotFound


def add_examples(document: dict[str, Any]) -> None:
    """Show each body and each good answer of an OpenAPI document as its schema's example does."""
    schemas = document["components"]["schemas"]
    for methods in document["paths"].values():
        for operation in methods.values():
            answers = operation["responses"]
            good = [answers[status] for status in answers if status.startswith("2")]
            for part in (operation.get("requestBody", {}), *good):
                for media in part.get("content", {}).values():
                    names = _schema_names(media["schema"])
                    examples = {name: {"value": schemas[name]["examples"][0]} for name in names}
                    media["examples"] = examples


def static_files() -> StaticFiles:
    """The styles, as an application to mount."""
    return StaticFiles(directory=_STATIC)


def _page(name: str, **values: object) -> HTMLResponse:
    html = _templates().get_template(f"documentation/{name}.html").render(**values)
    return HTMLResponse(html, headers={"Content-Security-Policy": _CSP})


@cache
def _templates() -> Environment:
    environment = Environment(
        loader=PackageLoader("ostiary.web"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["prose"] = _prose
    return environment


def _prose(text: str) -> Markup:
    """`text` with its `code` marked up, and nothing else of it."""
    parts = text.split("`")
    return Markup("").join(
        Markup("<code>{}</code>").format(part) if number % 2 else part
        for number, part in enumerate(parts)
    )


def _describe(openapi: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """The OpenAPI document, arranged for reading: operations by tag, schemas resolved to names."""
    document = openapi()
    groups: dict[str, list[dict[str, Any]]] = {}
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            entry = {
                "method": method.upper(),
                "path": path,
                "summary": operation.get("summary", ""),
                "text": operation.get("description", ""),
                "parameters": operation.get("parameters", []),
                "id": operation["operationId"],
                "body": _schema_name(operation.get("requestBody", {})),
                "sent": _examples([operation.get("requestBody", {})]),
                "answered": _examples(operation["responses"].values()),
                "is_guarded": bool(operation.get("security")),
                "answers": [
                    (status, _schema_name(one), _sentences(one["description"]))
                    for status, one in sorted(operation["responses"].items())
                ],
            }
            groups.setdefault(operation["tags"][0], []).append(entry)
    return {"groups": groups, "schemas": document["components"]["schemas"]}


def _schema_name(part: dict[str, Any]) -> list[str]:
    each = part.get("content", {}).values()
    return [name for media in each for name in _schema_names(media.get("schema", {}))]


def _schema_names(schema: dict[str, Any]) -> list[str]:
    parts = schema.get("anyOf", [schema])
    return [one["$ref"].rpartition("/")[2] for one in parts if "$ref" in one]


def _examples(parts: Iterable[dict[str, Any]]) -> list[tuple[str, str]]:
    """Each example of these parts, by the name of its schema, as JSON to read."""
    return [
        (name, json.dumps(example["value"], indent=2, ensure_ascii=False))
        for part in parts
        for media in part.get("content", {}).values()
        for name, example in media.get("examples", {}).items()
    ]


def _sentences(description: str) -> list[str]:
    # The framework's words for an answer that nobody described: the schema says more.
    return [
        part.strip()
        for part in description.split("\n\n")
        if part.strip() and part != "Successful Response"
    ]
