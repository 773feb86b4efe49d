"""Whatever library the application sends its requests with, a mounted application answers."""

from __future__ import annotations

import pytest

pytest_plugins = ["pytester"]

# An identity provider and a payment service, as a project would write them for its tests.
FAKES = """
    import asyncio, contextlib, json
    from starlette.applications import Starlette
    from starlette.responses import (
        JSONResponse, PlainTextResponse, RedirectResponse, Response, StreamingResponse
    )
    from starlette.routing import Route

    log = []

    async def echo(request):
        body = await request.body()
        return JSONResponse(
            {
                "method": request.method,
                "url": str(request.url),
                "path": request.url.path,
                "query": list(request.query_params.multi_items()),
                "body": body.decode("utf-8"),
                "agent": request.headers.get("user-agent", ""),
                "x": request.headers.getlist("x-two"),
                "number": request.state.number,
            },
            201,
            headers={"X-Answer": "yes", "Set-Cookie": "a=b; Path=/"},
        )

    async def move(request):
        return RedirectResponse("/echo", 303)

    async def stream(request):
        async def pieces():
            for number in range(1000):
                yield b"%04d" % number
        return StreamingResponse(pieces(), media_type="text/plain")

    async def broken(request):
        raise LookupError("this provider is out of order")

    async def breaks_off(request):
        async def pieces():
            yield b"once upon a time"
            raise LookupError("the story is lost")
        return StreamingResponse(pieces(), headers={"content-length": "1000"})

    async def slow(request):
        await asyncio.Event().wait()

    async def nothing(request):
        return Response(status_code=204)

    async def plain(request):
        return PlainTextResponse("pong")

    @contextlib.asynccontextmanager
    async def lifespan(app):
        log.append("up")
        yield {"number": 7}
        log.append("down")

    methods = ["GET", "POST", "PUT", "DELETE"]
    app = Starlette(
        routes=[
            Route("/echo", echo, methods=methods),
            Route("/move", move, methods=methods),
            Route("/stream", stream),
            Route("/broken", broken),
            Route("/breaks-off", breaks_off),
            Route("/slow", slow),
            Route("/nothing", nothing, methods=methods),
            Route("/ping", plain),
            Route("/{rest:path}", echo, methods=methods),
        ],
        lifespan=lifespan,
    )
"""

HTTPX = """
    import {library} as httpx
    kept = httpx.Client()
    kept_async = httpx.AsyncClient()

    class Answer:
        def __init__(self, r): self.status, self.headers, self.content = (
            r.status_code, r.headers, r.content)
        def json(self):
            import json
            return json.loads(self.content)

    class Own(httpx.HTTPTransport):
        "A transport of the application's own, with retries."

    def one_shot(method, url, follow=False, **kw):
        return Answer(httpx.request(method, url, follow_redirects=follow, **kw))
    def global_client(method, url, follow=False, **kw):
        return Answer(kept.request(method, url, follow_redirects=follow, **kw))
    def own_transport(method, url, follow=False, **kw):
        with httpx.Client(transport=Own(retries=2)) as client:
            return Answer(client.request(method, url, follow_redirects=follow, **kw))
    def through_proxy(method, url, follow=False, **kw):
        with httpx.Client(proxy="http://proxy.internal:3128") as client:
            return Answer(client.request(method, url, follow_redirects=follow, **kw))
    async def asynchronous(method, url, follow=False, **kw):
        async with httpx.AsyncClient() as client:
            return Answer(await client.request(method, url, follow_redirects=follow, **kw))
    async def global_async(method, url, follow=False, **kw):
        return Answer(await kept_async.request(method, url, follow_redirects=follow, **kw))

    WAYS = [one_shot, global_client, own_transport, through_proxy, asynchronous, global_async]
    BROKEN_OFF = (httpx.RemoteProtocolError,)
    TOO_LATE = (httpx.ReadTimeout,)
"""

REQUESTS = """
    import requests, urllib3
    session = requests.Session()
    pool = urllib3.PoolManager()

    class Answer:
        def __init__(self, status, headers, content):
            self.status, self.headers, self.content = status, headers, content
        def json(self):
            import json
            return json.loads(self.content)

    def one_shot(method, url, follow=False, content=None, **kw):
        r = requests.request(method, url, allow_redirects=follow, data=content, **kw)
        return Answer(r.status_code, r.headers, r.content)
    def global_session(method, url, follow=False, content=None, **kw):
        r = session.request(method, url, allow_redirects=follow, data=content, **kw)
        return Answer(r.status_code, r.headers, r.content)
    def through_proxy(method, url, follow=False, content=None, **kw):
        proxies = {"https": "http://proxy.internal:3128"}
        r = requests.request(
            method, url, allow_redirects=follow, data=content, proxies=proxies, **kw)
        return Answer(r.status_code, r.headers, r.content)
    def pooled(method, url, follow=False, content=None, **kw):
        r = pool.request(method, url, redirect=follow, body=content, retries=2, **kw)
        return Answer(r.status, r.headers, r.data)

    WAYS = [one_shot, global_session, through_proxy, pooled]
    BROKEN_OFF = (requests.exceptions.ChunkedEncodingError, urllib3.exceptions.ProtocolError,
        urllib3.exceptions.MaxRetryError)
    TOO_LATE = (requests.exceptions.ReadTimeout, urllib3.exceptions.MaxRetryError)
"""

STDLIB = """
    import http.client, urllib.error, urllib.request, urllib.parse

    class Answer:
        def __init__(self, status, headers, content):
            self.status, self.headers, self.content = status, headers, content
        def json(self):
            import json
            return json.loads(self.content)

    class Stay(urllib.request.HTTPRedirectHandler):
        def redirect_request(self, *args): return None
    staying = urllib.request.build_opener(Stay)

    def opened(method, url, follow=False, content=None, headers={}, timeout=None):
        request = urllib.request.Request(url, content, headers, method=method)
        opener = urllib.request.build_opener() if follow else staying
        try:
            with opener.open(request, timeout=timeout or 30) as r:
                return Answer(r.status, r.headers, r.read())
        except urllib.error.HTTPError as r:
            with r:
                return Answer(r.code, r.headers, r.read())

    def connected(method, url, follow=False, content=None, headers={}, timeout=None):
        parts = urllib.parse.urlsplit(url)
        connection = http.client.HTTPSConnection(parts.hostname, parts.port, timeout=timeout)
        try:
            connection.request(method, parts._replace(scheme="", netloc="").geturl(), content,
                headers)
            r = connection.getresponse()
            answer = Answer(r.status, r.headers, r.read())
        finally:
            connection.close()
        if follow and answer.status == 303:
            return connected("GET", urllib.parse.urljoin(url, answer.headers["location"]))
        return answer

    WAYS = [opened, connected]
    BROKEN_OFF = (http.client.IncompleteRead,)
    TOO_LATE = (TimeoutError, urllib.error.URLError)
"""

AIOHTTP = """
    import aiohttp

    class Answer:
        def __init__(self, status, headers, content):
            self.status, self.headers, self.content = status, headers, content
        def json(self):
            import json
            return json.loads(self.content)

    async def session(method, url, follow=False, content=None, timeout=None, **kw):
        limit = aiohttp.ClientTimeout(sock_read=timeout)
        async with aiohttp.ClientSession(timeout=limit) as client:
            async with client.request(
                    method, url, allow_redirects=follow, data=content, **kw) as r:
                return Answer(r.status, r.headers, await r.read())

    async def through_proxy(method, url, **kw):
        return await session(method, url, proxy="http://proxy.internal:3128", **kw)

    WAYS = [session, through_proxy]
    BROKEN_OFF = (aiohttp.ClientPayloadError,)
    TOO_LATE = (aiohttp.ServerTimeoutError, TimeoutError)
"""

TESTS = """
    import inspect, pytest, fakes
    from client import WAYS, BROKEN_OFF, TOO_LATE

    IDP = "https://accounts.example.com"
    pytestmark = pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)

    async def ask(way, *args, **kw):
        answer = way(*args, **kw)
        return await answer if inspect.isawaitable(answer) else answer

    @pytest.fixture(autouse=True)
    def idp(hermetic_http):
        assert fakes.log.count("up") == fakes.log.count("down"), "the test before left it running"
        return hermetic_http.mount(IDP, fakes.app)

    async def test_a_request_arrives_whole(way, idp):
        answer = await ask(way, "POST", IDP + "/echo?a=1&a=2&b=%C3%A9", content="é".encode(),
            headers={"User-Agent": "shop/1", "X-Two": "1"})
        assert answer.status == 201
        assert answer.headers["x-answer"] == "yes"
        assert answer.json() == {
            "method": "POST", "url": IDP + "/echo?a=1&a=2&b=%C3%A9", "path": "/echo",
            "query": [["a", "1"], ["a", "2"], ["b", "é"]], "body": "é", "agent": "shop/1",
            "x": ["1"], "number": 7,
        }
        [sent] = idp.requests
        assert (sent.method, sent.path) == ("POST", "/echo")
        assert sent.url == IDP + "/echo?a=1&a=2&b=%C3%A9"
        assert sent.query == {"a": ["1", "2"], "b": ["é"]}
        assert sent.headers["user-agent"] == sent.headers["User-Agent"] == "shop/1"
        assert (sent.text, sent.status) == ("é", 201)

    async def test_redirects_are_followed(way, idp):
        assert (await ask(way, "GET", IDP + "/move")).status == 303
        assert (await ask(way, "GET", IDP + "/move", follow=True)).json()["path"] == "/echo"
        assert [sent.path for sent in idp.requests] == ["/move", "/move", "/echo"]

    async def test_bodies_of_every_kind(way):
        assert (await ask(way, "GET", IDP + "/stream")).content == b"".join(
            b"%04d" % number for number in range(1000))
        assert (await ask(way, "GET", IDP + "/nothing")).status == 204
        head = await ask(way, "HEAD", IDP + "/ping")
        assert (head.status, head.content) == (200, b"")
        assert head.headers["content-length"] == "4"
        large = b"x" * 900_000
        assert len((await ask(way, "PUT", IDP + "/echo", content=large)).json()["body"]) == 900_000

    async def test_an_application_that_fails_answers_500(way, idp, caplog):
        assert (await ask(way, "GET", IDP + "/broken")).status == 500
        assert "this provider is out of order" in caplog.text
        assert idp.requests[-1].status == 500

    async def test_an_answer_that_breaks_off(way):
        with pytest.raises(BROKEN_OFF):
            await ask(way, "GET", IDP + "/breaks-off")

    async def test_an_answer_that_never_comes(way):
        with pytest.raises(TOO_LATE):
            await ask(way, "GET", IDP + "/slow", timeout=0.05)

    async def test_nothing_is_left_of_other_tests(way, idp, hermetic_http):
        assert hermetic_http.requests == idp.requests == []
        assert [mount.origin.host for mount in hermetic_http.mounts] == ["accounts.example.com"]
        assert (await ask(way, "GET", IDP + "/ping")).content == b"pong"
"""

CLIENTS = {
    "httpx": HTTPX.format(library="httpx"),
    "httpx2": HTTPX.format(library="httpx2"),
    "requests": REQUESTS,
    "stdlib": STDLIB,
    "aiohttp": AIOHTTP,
}


@pytest.mark.parametrize("name", CLIENTS)
def test_every_way_of_every_library(suite, name: str) -> None:
    ways = CLIENTS[name].partition("WAYS = [")[2].partition("]")[0].count(",") + 1
    result = suite(TESTS, files={"fakes.py": FAKES, "client.py": CLIENTS[name]})
    result.assert_outcomes(passed=7 * ways)
