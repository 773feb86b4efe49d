"""`create_app`: the only HTTP assembly. Mounts the slices; decides nothing."""

import json
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, cast

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.openapi.utils import get_openapi
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match
from starlette.types import ASGIApp, Receive, Scope, Send

from ostiary import __version__
from ostiary.account import api as account
from ostiary.account import security_api as account_security
from ostiary.installation import making
from ostiary.kernel.database import OUTAGES
from ostiary.kernel.problems import Internal, MethodNotAllowed, NotFound, Problem, Unavailable
from ostiary.runtime import Runtime, open_runtime
from ostiary.sessions import api as sessions
from ostiary.settings import Settings
from ostiary.signin import api as signin
from ostiary.signin import factor_api as signin_factors
from ostiary.signin import link_api as signin_links
from ostiary.signin import mailed_api as signin_mailed
from ostiary.signin import pages as signin_pages
from ostiary.web import documentation, health, keys
from ostiary.web.documentation import static_files
from ostiary.web.lane import Handler, Lane
from ostiary.web.middleware import AnnouncedLimit, Edge
from ostiary.web.pages import PageRefusals, addresses
from ostiary.web.render import PROBLEM_SCHEMA, problem_response, to_validation
from ostiary.worker import running

_log = logging.getLogger(__name__)

_PAGES = (signin_pages.router,)

_ROUTERS = (
    signin.router,
    signin_factors.router,
    signin_mailed.router,
    signin_links.router,
    sessions.router,
    account.router,
    account_security.router,
    health.router,
    keys.router,
    documentation.router,
    *_PAGES,
)

_HOT: dict[tuple[str, str], Handler] = {
    ("GET", "/api/v1/auth/me"): account.me,
    ("GET", "/api/v1/users/me"): account.me,
    ("POST", "/api/v1/auth/refresh"): sessions.refresh,
    ("GET", "/.well-known/jwks.json"): keys.jwks,
    ("GET", "/health/live"): health.live,
}


def create_app(settings: Settings, *, runtime: Runtime | None = None) -> ASGIApp:
    """The application. Without a `runtime`, its lifespan opens one and closes it again.

    Such a lifespan makes and migrates an SQLite database that is not there yet, as `serve` does.
    """
    api = create_api(settings, runtime=runtime)
    lane = Lane(api, _HOT, settings.public_url)
    limited = AnnouncedLimit(lane, settings)
    return Edge(PageRefusals(_with_cors(limited, settings), api, addresses(*_PAGES)), settings)


def create_api(settings: Settings, *, runtime: Runtime | None = None) -> FastAPI:
    """The routes alone, without the edge. Their OpenAPI document needs no `runtime`."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        made = await making.prepare(settings)
        if made.sentences():
            _log.info("%s", made.sentences())
        async with open_runtime(settings) as opened, running(opened):
            app.state.runtime = opened
            yield

    app = FastAPI(
        title="Ostiary",
        version=__version__,
        lifespan=None if runtime else lifespan,
        # Not `include_router`: that builds each route a second time, at its first request.
        routes=[route for router in _ROUTERS for route in router.routes],
        openapi_url=None,  # served by web.documentation, like the pages made from it
        docs_url=None,
        redoc_url=None,
        telemetry={"tracing": False, "metrics": False, "logs": False},
        redirect_slashes=False,  # a redirect would be built from the Host header
    )
    app.state.runtime = runtime
    app.mount("/static", static_files())
    app.openapi = lambda: _openapi(app, settings)  # type: ignore[method-assign]  # as FastAPI documents
    _answer_problems(app, settings)
    return app


def _answer_problems(app: FastAPI, settings: Settings) -> None:
    def respond(request: Request, problem: Problem) -> Response:
        return problem_response(request.scope, settings.public_url, problem)

    async def on_problem(request: Request, error: Exception) -> Response:
        return respond(request, cast(Problem, error))

    async def on_validation(request: Request, error: Exception) -> Response:
        return respond(request, to_validation(cast(RequestValidationError, error)))

    async def on_http(request: Request, error: Exception) -> Response:
        match cast(HTTPException, error).status_code:
            case 404:
                return respond(request, NotFound())
            case 405:
                allow = ", ".join(_methods_at(request.scope))
                return respond(request, MethodNotAllowed(headers={"Allow": allow}))
            case _:
                _log.error("unexpected refusal by the framework", exc_info=error)
                return respond(request, Internal())

    async def on_outage(request: Request, error: Exception) -> Response:
        _log.warning("the database does not answer", exc_info=error)
        return respond(request, Unavailable())

    async def on_defect(request: Request, _error: Exception) -> Response:
        # The edge logs it: the framework raises it once more behind this answer.
        return respond(request, Internal())

    app.add_exception_handler(Exception, on_defect)
    app.add_exception_handler(Problem, on_problem)
    app.add_exception_handler(RequestValidationError, on_validation)
    app.add_exception_handler(HTTPException, on_http)
    for outage in OUTAGES:
        app.add_exception_handler(outage, on_outage)


def _methods_at(scope: Scope) -> list[str]:
    """Every method of every route at this path (RFC 9110 §15.5.6 wants them all)."""
    methods = {"GET"} if scope["path"].startswith("/static/") else set()
    for route in (one for router in _ROUTERS for one in router.routes):
        if route.matches(scope)[0] is not Match.NONE:
            methods |= getattr(route, "methods", set())
    return sorted(methods | ({"HEAD"} if "GET" in methods else set()))


def _with_cors(app: ASGIApp, settings: Settings) -> ASGIApp:
    if not settings.cors.origins:
        return app
    shared = CORSMiddleware(
        app,
        allow_origins=settings.cors.origins,
        allow_methods=["GET", "POST", "PATCH", "DELETE"],
        allow_headers=["Authorization", "Content-Type"],
        expose_headers=["Retry-After", "X-Request-Id"],
        max_age=600,
    )

    async def route(scope: Scope, receive: Receive, send: Send) -> None:
        is_api = scope["type"] == "http" and scope["path"].startswith("/api/v1/")
        await (shared if is_api else app)(scope, receive, send)

    return route


def _openapi(app: FastAPI, settings: Settings) -> dict[str, Any]:
    if app.openapi_schema is None:
        document = get_openapi(
            title=app.title,
            version=app.version,
            description="Sign-up, sign-in, sessions and tokens. Refusals are RFC 9457 problems.",
            routes=app.routes,
            servers=[{"url": settings.public_url}],
        )
        # The framework's own shape of a refusal, which this application never sends.
        for operation in _operations(document):
            if "HTTPValidationError" in json.dumps(operation["responses"].get("422", "")):
                del operation["responses"]["422"]
        schemas = document["components"]["schemas"]
        for name in ("HTTPValidationError", "ValidationError"):
            schemas.pop(name, None)
        schemas["Problem"] = PROBLEM_SCHEMA
        documentation.add_examples(document)
        app.openapi_schema = document
    return app.openapi_schema


def _operations(document: dict[str, Any]) -> list[dict[str, Any]]:
    return [operation for methods in document["paths"].values() for operation in methods.values()]
