"""Every answer has a request id and safe headers, and whatever happens inside, it is one answer."""

from dataclasses import replace

import httpx
import pytest
from factories import a_session, ours, problem, signup_body
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from ostiary.app import create_app
from ostiary.kernel.database import Database
from ostiary.kernel.limits import Claim, Limiter, Spent
from ostiary.runtime import Runtime
from ostiary.settings import Settings
from ostiary.web.middleware import Edge

URL = "/api/v1/auth/signup"
EVERYWHERE = ["/health/live", "/api/v1/auth/me", "/nowhere", "/docs", "/openapi.json", URL]


@pytest.mark.parametrize("path", EVERYWHERE)
async def test_every_answer_has_a_request_id_of_its_own(
    client: httpx.AsyncClient, path: str
) -> None:
    given = {"X-Request-Id": "req_given"}
    answers = [await client.get(path, headers=given) for _ in range(3)]
    ids = {answer.headers["x-request-id"] for answer in answers}
    assert len(ids) == 3
    assert all(one.startswith("req_") and one != "req_given" for one in ids)


@pytest.mark.parametrize("path", [*EVERYWHERE, "/static/ostiary.css"])
async def test_every_answer_has_the_safe_headers_once(client: httpx.AsyncClient, path: str) -> None:
    headers = (await client.get(path)).headers
    assert headers.get_list("x-content-type-options") == ["nosniff"]
    assert headers.get_list("referrer-policy") == ["same-origin"]
    assert len(headers.get_list("content-security-policy")) == 1
    assert headers["content-security-policy"].startswith("default-src 'none'")
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert len(headers.get_list("cache-control")) == 1
    assert "server" not in headers
    assert "set-cookie" not in headers


async def test_what_may_hold_a_secret_is_never_stored(client: httpx.AsyncClient) -> None:
    signed_up = await client.post(URL, json=signup_body())
    token = signed_up.json()["tokens"]["access_token"]
    bearer = {"Authorization": f"Bearer {token}"}
    me = await client.get("/api/v1/auth/me", headers=bearer)
    for answer in (signed_up, me, await client.post(URL, json=signup_body())):
        assert answer.headers["cache-control"] == "no-store"


@pytest.mark.settings(public_url="https://id.example.com")
async def test_over_https_browsers_are_told_to_stay_there(client: httpx.AsyncClient) -> None:
    sent = (await client.get("/health/live")).headers["strict-transport-security"]
    assert sent == "max-age=31536000"


async def test_over_http_they_are_not(client: httpx.AsyncClient) -> None:
    assert "strict-transport-security" not in ours(await client.get("/health/live")).headers


@pytest.mark.parametrize(
    "path", ["/health/live", "/docs", "/openapi.json", "/static/ostiary.css", "/nowhere"]
)
async def test_head_is_get_without_the_body(client: httpx.AsyncClient, path: str) -> None:
    get, head = await client.get(path), await client.head(path)
    assert head.status_code == get.status_code
    assert head.content == b""
    for name in ("content-type", "content-length"):
        assert head.headers[name] == get.headers[name]


async def test_a_head_is_answered_without_a_byte_of_body(settings: Settings) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        assert scope["method"] == "GET"
        await Response("the body")(scope, receive, send)

    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    # As a server sees it: httpx drops the body of an answer to HEAD by itself.
    scope: Scope = {"type": "http", "method": "HEAD", "path": "/", "headers": [], "client": None}
    await Edge(app, settings)(scope, receive, send)
    start, body = sent
    assert (b"content-length", b"8") in start["headers"]
    assert body["body"] == b""
    assert scope["method"] == "HEAD"


async def test_a_head_with_a_bearer_is_checked_like_a_get(
    rt: Runtime, client: httpx.AsyncClient
) -> None:
    signed_in = await a_session(rt)
    assert (await client.head("/api/v1/auth/me")).status_code == 401
    assert (await client.head("/api/v1/auth/me", headers=signed_in.bearer)).status_code == 200


class _Defective(Limiter):
    """A part with a mistake in it."""

    async def spend(self, claim: Claim) -> Spent:
        raise RuntimeError(f"hunter2: {claim}")


async def test_a_defect_is_a_500_that_tells_nothing(rt: Runtime) -> None:
    limits = _Defective(rt.redis, rt.clock, rt.vault, max_keys=100)
    transport = httpx.ASGITransport(create_app(rt.settings, runtime=replace(rt, limits=limits)))
    async with httpx.AsyncClient(transport=transport, base_url="http://ostiary.test") as client:
        answer = await client.post(URL, json=signup_body())
        assert problem(answer) == (500, "internal")
        assert answer.json().keys() == {"type", "title", "status", "request_id"}
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert (await client.get("/health/live")).status_code == 200


async def test_the_edge_itself_catches_what_the_application_lets_through(
    settings: Settings,
) -> None:
    async def broken(scope: Scope, receive: Receive, send: Send) -> None:
        raise RuntimeError("hunter2")

    transport = httpx.ASGITransport(Edge(broken, settings))
    async with httpx.AsyncClient(transport=transport, base_url="http://ostiary.test") as client:
        answer = await client.get("/health/live")
    assert problem(answer) == (500, "internal")
    assert "hunter2" not in answer.text


async def test_a_database_that_does_not_answer_is_a_503(rt: Runtime) -> None:
    signed_in = await a_session(rt)
    away = Database("postgresql://nobody@127.0.0.1:1/none", pool_size=1)
    transport = httpx.ASGITransport(create_app(rt.settings, runtime=replace(rt, db=away)))
    async with httpx.AsyncClient(transport=transport, base_url="http://ostiary.test") as client:
        for answer in (
            await client.get("/api/v1/auth/me", headers=signed_in.bearer),
            await client.post(
                "/api/v1/auth/refresh", json={"refresh_token": signed_in.tokens.refresh_token}
            ),
            await client.post(URL, json=signup_body()),
        ):
            assert problem(answer) == (503, "unavailable")
            assert int(answer.headers["retry-after"]) >= 1
        assert (await client.get("/health/live")).status_code == 200
    await away.close()
