"""Pages for people: one layout, safe headers, the reader's language; a refusal is a page too."""

import json
import math
import re

from fastapi import APIRouter, FastAPI
from fastapi.routing import APIRoute
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ostiary.kernel.templates import SOURCE_LANGUAGE
from ostiary.runtime import Runtime
from ostiary.web.deps import runtime_of
from ostiary.web.render import PROBLEM_TYPE

PACKAGE = "ostiary.web"
"""Whose templates and catalogues pages are made of."""

_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self' data:; "
    "form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    # Not `no-referrer`: forms would then come with `Origin: null` (Fetch, "append a request Origin
    # header"). No page links to another site, so nobody else sees the address of one.
    "Referrer-Policy": "same-origin",
    "X-Frame-Options": "DENY",
}
_NAME = re.compile(r"[A-Za-z0-9.+*/-]+")
_WEIGHT = re.compile(r"[01](\.[0-9]{0,3})?")
_MOST_PREFERENCES = 20
_FOR_PROGRAMS = ("/api/v1", "/.well-known")


def page(
    request: Request, name: str, *, locale: str | None = None, status: int = 200, **values: object
) -> Response:
    """The template `name` with `values`, for somebody with this `locale`."""
    rt = runtime_of(request)
    return _render(rt, name, language_for(rt, request.headers, locale), status, values)


def see_other(path: str) -> Response:
    """Leave for `path` by GET: reloading what follows does nothing twice (RFC 9110 §15.4.4)."""
    return RedirectResponse(path, 303, headers=_HEADERS)


def language_for(rt: Runtime, headers: Headers, locale: str | None = None) -> str:
    """A person's own language where there are texts in it, else one that the browser asks for.

    As its catalogue is named (RFC 9110 §12.5.4).
    """
    for tag in (locale or "", *_preferred(headers)):
        found = rt.templates.language(PACKAGE, tag)
        # What is unknown falls back to the source language: it was not asked for then.
        if found != SOURCE_LANGUAGE or tag.partition("-")[0].lower() == SOURCE_LANGUAGE:
            return found
    return SOURCE_LANGUAGE


def _preferred(headers: Headers) -> list[str]:
    weighed = _weights(headers.getlist("accept-language"))
    weighed.sort(key=lambda one: -one[1])  # stable: equals keep their order
    return [tag for tag, weight in weighed if weight > 0]


def _weights(lines: list[str]) -> list[tuple[str, float]]:
    """What a header of preferences names, in its order, with its weight (RFC 9110 §12.4.2).

    Split and not matched as a whole: a pattern with spaces on both sides takes minutes over a line
    of spaces.
    """
    found: list[tuple[str, float]] = []
    for entry in ",".join(lines).split(",", _MOST_PREFERENCES)[:_MOST_PREFERENCES]:
        name, *parameters = (part.strip() for part in entry.split(";"))
        weight = "1"
        for key, _, value in (parameter.partition("=") for parameter in parameters):
            if key.strip().lower() == "q":
                weight = value.strip()
        if _NAME.fullmatch(name) and _WEIGHT.fullmatch(weight):
            found.append((name, float(weight)))
    return found


def addresses(*routers: APIRouter) -> frozenset[str]:
    """Every address that the pages of `routers` have."""
    return frozenset(
        route.path for router in routers for route in router.routes if isinstance(route, APIRoute)
    )


def prefers_page(headers: Headers) -> bool:
    """Whether the client would rather have HTML than JSON, and says so (RFC 9110 §12.5.1).

    A browser names `text/html`; a program that takes anything gets JSON.
    """
    weights = {name.lower(): weight for name, weight in _weights(headers.getlist("accept"))}
    anything = weights.get("*/*", 0)
    named = [weights[name] for name in ("application/json", PROBLEM_TYPE) if name in weights]
    json_weight = max(named, default=weights.get("application/*", anything))
    return weights.get("text/html", 0) > json_weight


class PageRefusals:
    """Turns each refusal at the address of a page into a page, whichever part inside refused.

    A browser gets a page at every other address too, outside what programs call. Status and headers
    stay as they are. All other refusals pass through untouched.
    """

    def __init__(self, app: ASGIApp, api: FastAPI, paths: frozenset[str]) -> None:
        """`paths` are the addresses of pages; `api` holds the Runtime once it is open."""
        self._app = app
        self._api = api
        self._paths = paths

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] == "http":
            headers = Headers(scope=scope)
            is_link = scope["path"] in self._paths
            is_browser = not scope["path"].startswith(_FOR_PROGRAMS) and prefers_page(headers)
            if is_link or is_browser:
                send = _Rewriting(self._api.state.runtime, headers, send, is_link=is_link)
        await self._app(scope, receive, send)


class _Rewriting:
    """One answer on its way out: a problem is held back until it is whole, then rendered."""

    def __init__(self, rt: Runtime, asked: Headers, send: Send, *, is_link: bool) -> None:
        self._rt = rt
        self._is_link = is_link
        self._asked = asked
        self._send = send
        self._held: Message | None = None
        self._body = b""

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            kind = Headers(raw=message["headers"]).get("content-type")
            if kind == PROBLEM_TYPE:
                self._held = message
                return
        if self._held is None:
            await self._send(message)
            return
        self._body += message.get("body", b"")
        if not message.get("more_body", False):
            page = self._page(self._held)
            headers = MutableHeaders(raw=[*self._held["headers"]])
            headers.update(page.headers)
            await self._send({**self._held, "headers": headers.raw})
            await self._send({**message, "body": page.body})

    def _page(self, held: Message) -> Response:
        problem = json.loads(self._body)
        seconds = int(Headers(raw=held["headers"]).get("retry-after", "0"))
        values = {
            "slug": problem["type"].rpartition("/")[2],
            "request_id": problem["request_id"],
            "is_link": self._is_link,
            "wait_minutes": math.ceil(seconds / 60),
        }
        language = language_for(self._rt, self._asked)
        return _render(self._rt, "pages/problem.html", language, held["status"], values)


def _render(
    rt: Runtime, name: str, language: str, status: int, values: dict[str, object]
) -> Response:
    always = {"brand": rt.settings.brand.name, "faults": {}}
    html = rt.templates.render(PACKAGE, name, locale=language, values=always | values)
    return HTMLResponse(html, status, headers=_HEADERS)
