"""An unknown address is 404, an unknown method 405 with a complete Allow, on every route."""

import json
from typing import Any

import httpx
import pytest
from factories import a_session, ours, problem

from ostiary.runtime import Runtime

APP = "https://app.example.com"
METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "BREW"]
ALLOWED = {
    "/api/v1/auth/signup": ["POST"],
    "/api/v1/auth/register": ["POST"],
    "/api/v1/auth/signin": ["POST"],
    "/api/v1/auth/login": ["POST"],
    "/api/v1/auth/refresh": ["POST"],
    "/api/v1/auth/logout": ["POST"],
    "/api/v1/auth/signout": ["POST"],
    "/api/v1/auth/me": ["GET", "HEAD"],
    "/api/v1/users/me": ["GET", "HEAD", "PATCH"],
    "/api/v1/sessions": ["DELETE", "GET", "HEAD"],
    "/api/v1/sessions/ses_1": ["DELETE"],
    "/api/v1/auth/email-code": ["POST"],
    "/api/v1/auth/email-code/verify": ["POST"],
    "/api/v1/auth/email/change": ["POST"],
    "/api/v1/auth/email/change/confirm": ["POST"],
    "/api/v1/auth/email/change/undo": ["POST"],
    "/api/v1/auth/email/resend-verification": ["POST"],
    "/api/v1/auth/email/verify": ["POST"],
    "/api/v1/auth/magic-link": ["POST"],
    "/api/v1/auth/magic-link/verify": ["POST"],
    "/api/v1/auth/mfa/backup-codes/regenerate": ["POST"],
    "/api/v1/auth/mfa/challenge": ["POST"],
    "/api/v1/auth/mfa/disable": ["POST"],
    "/api/v1/auth/mfa/status": ["GET", "HEAD"],
    "/api/v1/auth/mfa/totp/confirm": ["POST"],
    "/api/v1/auth/mfa/totp/setup": ["POST"],
    "/api/v1/auth/mfa/verify": ["POST"],
    "/api/v1/auth/password/change": ["POST"],
    "/api/v1/auth/password/forgot": ["POST"],
    "/api/v1/auth/password/reset": ["POST"],
    "/api/v1/auth/reauthenticate": ["POST"],
    "/api/v1/auth/verify-email": ["POST"],
    "/health/live": ["GET", "HEAD"],
    "/health/ready": ["GET", "HEAD"],
    "/.well-known/jwks.json": ["GET", "HEAD"],
    "/": ["GET", "HEAD"],
    "/favicon.ico": ["GET", "HEAD"],
    "/favicon.svg": ["GET", "HEAD"],
    "/openapi.json": ["GET", "HEAD"],
    "/docs": ["GET", "HEAD"],
    "/problems/not-found": ["GET", "HEAD"],
    "/static/ostiary.css": ["GET", "HEAD"],
}


@pytest.mark.parametrize(("path", "allowed"), ALLOWED.items(), ids=ALLOWED)
async def test_a_method_that_is_not_taken_gets_all_that_are(
    client: httpx.AsyncClient, path: str, allowed: list[str]
) -> None:
    for method in METHODS:
        answer = await client.request(method, path)
        assert (answer.status_code == 405) == (method not in allowed), method
        if method not in allowed:
            assert method == "HEAD" or problem(answer) == (405, "method-not-allowed")
            assert answer.headers["allow"] == ", ".join(sorted(allowed))


async def test_every_documented_address_is_in_this_table(client: httpx.AsyncClient) -> None:
    paths = (await client.get("/openapi.json")).json()["paths"]
    assert {path.replace("{id}", "ses_1") for path in paths} <= ALLOWED.keys()


@pytest.mark.parametrize(
    "path",
    [
        "/nowhere",
        "/api/v1",
        "/api/v1/",
        "/api/v2/auth/me",
        "/api/v1/auth/me/",
        "/API/v1/auth/me",
        "//api/v1/auth/me",
        "/api/v1/auth/%6de/x",
        "/api/v1/sessions/",
        "/static",
        "/static/",
        "/static/nothing.css",
        "/static/../app.py",
        "/static/..%2f..%2fapp.py",
        "/static/%2e%2e/%2e%2e/app.py",
        "/static/%00",
        "/problems/",
        "/problems/nothing",
        "/problems/%00",
        "/redoc",
        "/docs/oauth2-redirect",
        "/%ff%fe",
        "/" + "a" * 20_000,
    ],
)
async def test_an_unknown_address_is_not_found(client: httpx.AsyncClient, path: str) -> None:
    answer = await client.get(path)
    assert problem(answer) == (404, "not-found")


@pytest.mark.settings(public_url="https://id.example.com")
async def test_no_answer_repeats_the_host_that_was_asked_for(client: httpx.AsyncClient) -> None:
    forged = {"Host": "evil.example", "X-Forwarded-Host": "evil.example", "Forwarded": "host=evil"}
    for path in (*ALLOWED, "/nowhere", "/static", "/api/v1/sessions/"):
        answer = ours(await client.get(path, headers=forged, follow_redirects=False))
        assert answer.status_code < 300 or answer.status_code >= 400
        assert "evil" not in answer.text + json.dumps(dict(answer.headers))


def _preflight(origin: str, method: str = "POST", headers: str = "") -> dict[str, str]:
    asked = {"Origin": origin, "Access-Control-Request-Method": method}
    return asked | ({"Access-Control-Request-Headers": headers} if headers else {})


def _cors(answer: httpx.Response) -> dict[str, Any]:
    return {name: value for name, value in answer.headers.items() if "access-control" in name}


@pytest.mark.settings(cors={"origins": f"{APP}, http://localhost:3000"})
@pytest.mark.parametrize("origin", [APP, "http://localhost:3000"])
@pytest.mark.parametrize("method", ["GET", "POST", "PATCH", "DELETE"])
async def test_a_listed_origin_may_call_every_route_with_a_bearer(
    client: httpx.AsyncClient, origin: str, method: str
) -> None:
    asked = _preflight(origin, method, "authorization, content-type")
    answer = await client.options("/api/v1/auth/me", headers=asked)
    assert answer.status_code == 200
    assert answer.headers["access-control-allow-origin"] == origin
    assert method in answer.headers["access-control-allow-methods"]
    allowed = answer.headers["access-control-allow-headers"].lower()
    assert "authorization" in allowed
    assert "content-type" in allowed
    assert "access-control-allow-credentials" not in answer.headers
    assert "origin" in answer.headers["vary"].lower()


@pytest.mark.settings(cors={"origins": APP})
@pytest.mark.parametrize(
    "origin",
    [
        "https://evil.example",
        "http://app.example.com",
        "https://app.example.com:8443",
        "https://app.example.com.evil.example",
        "https://evil-app.example.com",
        "https://APP.example.com",
        "null",
        "",
        "*",
    ],
)
async def test_no_other_origin_may(client: httpx.AsyncClient, origin: str) -> None:
    answer = await client.options("/api/v1/auth/me", headers=_preflight(origin))
    assert "access-control-allow-origin" not in answer.headers
    answer = await client.get("/api/v1/auth/me", headers={"Origin": origin})
    assert problem(answer) == (401, "missing-token")
    assert "access-control-allow-origin" not in answer.headers


@pytest.mark.settings(cors={"origins": APP})
async def test_a_browser_may_read_answers_and_refusals_and_two_of_their_headers(
    rt: Runtime, client: httpx.AsyncClient
) -> None:
    signed_in = await a_session(rt)
    for headers, status in ((signed_in.bearer, 200), ({}, 401)):
        answer = await client.get("/api/v1/auth/me", headers=headers | {"Origin": APP})
        assert answer.status_code == status
        assert answer.headers["access-control-allow-origin"] == APP
        exposed = {
            name.strip() for name in answer.headers["access-control-expose-headers"].split(",")
        }
        assert exposed == {"Retry-After", "X-Request-Id"}
        assert "access-control-allow-credentials" not in answer.headers
        assert "origin" in answer.headers["vary"].lower()


@pytest.mark.settings(cors={"origins": APP})
async def test_a_browser_may_read_that_its_body_was_too_large(client: httpx.AsyncClient) -> None:
    headers = {"Origin": APP, "Content-Type": "application/json"}
    answer = await client.post("/api/v1/auth/signin", content=b" " * 70_000, headers=headers)
    assert problem(answer) == (413, "payload-too-large")
    assert answer.headers["access-control-allow-origin"] == APP


@pytest.mark.settings(cors={"origins": APP})
@pytest.mark.parametrize("path", ["/docs", "/health/ready", "/nowhere"])
async def test_only_the_api_is_shared(client: httpx.AsyncClient, path: str) -> None:
    assert _cors(ours(await client.get(path, headers={"Origin": APP}))) == {}
    assert _cors(ours(await client.options(path, headers=_preflight(APP, "GET")))) == {}


async def test_without_origins_nothing_is_shared(client: httpx.AsyncClient) -> None:
    answer = await client.options("/api/v1/auth/me", headers=_preflight(APP, "GET"))
    assert problem(answer) == (405, "method-not-allowed")
    assert _cors(answer) == {}
    assert _cors(await client.get("/api/v1/auth/me", headers={"Origin": APP})) == {}
