"""What is mounted, for whom and for how long."""

from __future__ import annotations

import pytest

pytest_plugins = ["pytester"]

PONG = """
    import contextlib
    log = []
    async def pong(scope, receive, send):
        if scope["type"] == "lifespan":
            while (message := await receive())["type"] != "lifespan.shutdown":
                log.append("up")
                await send({"type": "lifespan.startup.complete"})
            log.append("down")
            await send({"type": "lifespan.shutdown.complete"})
            return
        host = scope["server"][0].encode()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"pong of " + host})

    async def other(scope, receive, send):
        assert scope["type"] == "http", "knows no lifespan"
        await send({"type": "http.response.start", "status": 202, "headers": []})
        await send({"type": "http.response.body", "body": b"other"})

    made = []
    def make():
        made.append(1)
        return other
"""


def test_by_configuration_and_by_test(suite) -> None:
    suite(
        """
        import httpx, pytest, fakes

        def test_the_configured_ones():
            assert httpx.get("https://idp.example.com/").text == "pong of idp.example.com"
            assert httpx.get("http://pay.example.com:8080/").text == "other"
            assert httpx.get("http://pay.example.com:8080/").status_code == 202
            assert fakes.made == [1]

        def test_a_test_has_the_last_word(hermetic_http):
            mount = hermetic_http.mount("https://idp.example.com", fakes.other)
            assert httpx.get("https://idp.example.com/").text == "other"
            assert len(mount.requests) == 1

        def test_the_word_is_forgotten():
            assert httpx.get("https://idp.example.com/").text == "pong of idp.example.com"

        def test_every_host_below(hermetic_http):
            hermetic_http.mount("https://*.shop.example", fakes.pong)
            assert httpx.get("https://a.b.shop.example").text == "pong of a.b.shop.example"
            assert httpx.get("https://A.SHOP.example").text == "pong of a.shop.example"
            hermetic_http.mount("https://a.shop.example", fakes.other)
            assert httpx.get("https://a.shop.example").text == "other"

        def test_other_origins_are_not_meant(hermetic_http, hermetic):
            hermetic_http.mount("https://bücher.example:8443", fakes.pong)
            assert httpx.get("https://xn--bcher-kva.example:8443").status_code == 200
            for url in ("http://xn--bcher-kva.example:8443", "https://xn--bcher-kva.example"):
                with pytest.raises(httpx.ConnectError):
                    httpx.get(url)
            assert [str(sent.url) for sent in hermetic_http.requests] == [
                "https://xn--bcher-kva.example:8443/"]
            assert len(hermetic.network.blocked) == 2

        @pytest.mark.hermetic_off("http")
        def test_it_may_be_left_alone(hermetic_http, hermetic_network):
            with pytest.raises(httpx.ConnectError):
                httpx.get("https://idp.example.com/")
            assert hermetic_http.requests == []
            assert hermetic_network.blocked == ("idp.example.com:443",)

        def test_a_real_server_beside_it():
            import http.server, threading
            class Answer(http.server.BaseHTTPRequestHandler):
                def do_GET(self):
                    self.send_response(200)
                    self.send_header("Content-Length", "4")
                    self.end_headers()
                    self.wfile.write(b"real")
                def log_message(self, *args): pass
            with http.server.HTTPServer(("127.0.0.1", 0), Answer) as server:
                threading.Thread(target=server.serve_forever, daemon=True).start()
                with httpx.Client() as client:
                    assert client.get(f"http://127.0.0.1:{server.server_port}").text == "real"
                server.shutdown()
        """,
        "hermetic_network = loopback",
        "hermetic_http =",
        "    https://idp.example.com = fakes:pong",
        "    http://pay.example.com:8080 = fakes:make()",
        files={"fakes.py": PONG},
        args=("-p", "no:randomly"),
    ).assert_outcomes(passed=7)


def test_kept_connections_do_not_outlive_their_test(suite) -> None:
    """A pool may keep a connection open; the next test must not find the last one's service."""
    suite(
        """
        import aiohttp, asyncio, httpx, requests, pytest, fakes, urllib3
        client, session, pool = httpx.Client(), requests.Session(), urllib3.PoolManager()
        URL = "https://idp.example.com/"

        @pytest.fixture(scope="module")
        async def aio():
            async with aiohttp.ClientSession() as session:
                yield session

        def pooled(): return pool.request("GET", URL).data.decode()

        async def ask(aio):
            async with aio.get(URL) as answer:
                return await answer.text()

        def test_first(hermetic_http):
            hermetic_http.mount(URL, fakes.pong)
            texts = [client.get(URL).text, session.get(URL).text, pooled()]
            assert texts == ["pong of idp.example.com"] * 3

        def test_second(hermetic_network):
            for get, error in (
                (client.get, httpx.ConnectError), (session.get, requests.ConnectionError),
                (lambda url: pool.request("GET", url, retries=False),
                    (urllib3.exceptions.HTTPError, OSError)),
            ):
                with pytest.raises(error):
                    get(URL)
            assert set(hermetic_network.blocked) == {"idp.example.com:443"}

        def test_third(hermetic_http):
            hermetic_http.mount(URL, fakes.other)
            texts = [client.get(URL).text, session.get(URL).text, pooled()]
            assert texts == ["other"] * 3

        async def test_aio_first(aio, hermetic_http):
            hermetic_http.mount(URL, fakes.pong)
            assert [await ask(aio), await ask(aio)] == ["pong of idp.example.com"] * 2

        async def test_aio_second(aio, hermetic_network):
            with pytest.raises(aiohttp.ClientConnectionError):
                await ask(aio)
            assert hermetic_network.blocked == ("idp.example.com:443",)

        async def test_aio_third(aio, hermetic_http):
            hermetic_http.mount(URL, fakes.other)
            assert await ask(aio) == "other"
        """,
        "asyncio_default_test_loop_scope = module",
        files={"fakes.py": PONG},
        args=("-p", "no:randomly", "-o", "asyncio_default_fixture_loop_scope=module"),
    ).assert_outcomes(passed=6)


def test_a_kept_connection_makes_way_for_the_real_server(suite) -> None:
    """When a mount is gone, a pool that kept its connection connects anew."""
    suite(
        """
        import aiohttp, http.server, pytest, requests, threading, fakes

        class Answer(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                self.send_response(200)
                self.send_header("Content-Length", "4")
                self.end_headers()
                self.wfile.write(b"real")
            def log_message(self, *args): pass

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answer)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        URL = f"http://127.0.0.1:{server.server_port}"
        session = requests.Session()

        @pytest.fixture(scope="module")
        async def aio():
            async with aiohttp.ClientSession() as session:
                yield session

        async def ask(aio):
            async with aio.get(URL) as answer:
                return session.get(URL).text, await answer.text()

        async def test_mounted(aio, hermetic_http):
            hermetic_http.mount(URL, fakes.other)
            assert await ask(aio) == await ask(aio) == ("other", "other")

        async def test_not_mounted(aio):
            assert await ask(aio) == await ask(aio) == ("real", "real")
            session.close()
        """,
        "asyncio_default_test_loop_scope = module",
        "hermetic_network = loopback",
        files={"fakes.py": PONG},
        args=("-p", "no:randomly", "-o", "asyncio_default_fixture_loop_scope=module"),
    ).assert_outcomes(passed=2)


def test_what_was_asked_is_explained(suite) -> None:
    suite(
        """
        import httpx, smtplib, fakes

        def test_it(hermetic_http, hermetic):
            hermetic_http.mount("https://idp.example.com", fakes.pong)
            httpx.get("https://idp.example.com/secret?token=1")
            httpx.post("https://api.resend.com/emails")
            smtplib.SMTP("mail.internal", 587).close()
            found = [(e.kind, e.what, e.where) for e in hermetic.settings.explain.entries()]
            assert found == [
                ("http", "https://idp.example.com", "fakes:pong"),
                ("mail", "https://api.resend.com", "hermetic.mail (Resend)"),
                ("mail", "smtp://mail.internal:587", "hermetic.mail"),
            ]
        """,
        files={"fakes.py": PONG},
    ).assert_outcomes(passed=1)


def test_the_lifespan_of_a_mounted_application(suite) -> None:
    suite(
        """
        import asyncio, httpx, httpx2, pytest, requests, threading, fakes
        from starlette.applications import Starlette
        from starlette.responses import PlainTextResponse
        from starlette.routing import Route

        URL = "https://idp.example.com/"

        @pytest.fixture(autouse=True)
        def idp(hermetic_http):
            assert fakes.log.count("up") == fakes.log.count("down")
            fakes.log.clear()
            hermetic_http.mount(URL, fakes.pong)

        async def test_once_for_many_clients_of_one_loop():
            async with httpx.AsyncClient() as first, httpx2.AsyncClient() as second:
                await asyncio.gather(first.get(URL), first.get(URL), second.get(URL))
            assert fakes.log == ["up"]

        def test_in_a_thread_for_synchronous_ones():
            assert requests.get(URL).status_code == httpx.get(URL).status_code == 200
            assert fakes.log == ["up"]

        async def test_a_blocking_call_inside_a_running_loop():
            assert requests.get(URL).text == "pong of idp.example.com"

        def test_from_several_threads():
            found = []
            def ask(): found.append(requests.get(URL).text)
            threads = [threading.Thread(target=ask) for _ in range(5)]
            [thread.start() for thread in threads]
            [thread.join() for thread in threads]
            assert found == ["pong of idp.example.com"] * 5
            assert fakes.log == ["up"]

        def test_loops_of_ones_own():
            async def ask():
                async with httpx.AsyncClient() as client:
                    return (await client.get(URL)).text
            assert asyncio.run(ask()) == asyncio.run(ask()) == "pong of idp.example.com"
            assert fakes.log == ["up", "down"] * 2

        async def test_one_that_cannot_start(hermetic_http):
            async def broken(scope, receive, send):
                assert scope["type"] == "lifespan"
                await receive()
                await send({"type": "lifespan.startup.failed", "message": "no such secret"})
            hermetic_http.mount("https://pay.example.com", broken)
            async with httpx.AsyncClient() as client:
                with pytest.raises(Exception, match="no such secret"):
                    await client.get("https://pay.example.com")
            with pytest.raises(Exception, match="no such secret"):
                requests.get("https://pay.example.com")

        def test_the_application_under_test_calls_it(hermetic_test_client):
            assert hermetic_test_client.get("/").text == "it says pong of idp.example.com"

        async def test_the_application_under_test_calls_it_too(hermetic_client):
            assert (await hermetic_client.get("/")).text == "it says pong of idp.example.com"

        async def front(request):
            async with httpx.AsyncClient() as client:
                return PlainTextResponse("it says " + (await client.get(URL)).text)
        app = Starlette(routes=[Route("/", front)])
        """,
        "hermetic_app = test_inside:app",
        files={"fakes.py": PONG},
    ).assert_outcomes(passed=8)


def test_context_variables_do_not_cross(suite) -> None:
    """Another process would not see them either."""
    suite(
        """
        import contextvars, httpx
        tenant = contextvars.ContextVar("tenant", default="nobody")

        async def test_it(hermetic_http):
            seen = []
            async def app(scope, receive, send):
                if scope["type"] == "http":
                    seen.append(tenant.get())
                    await send({"type": "http.response.start", "status": 204, "headers": []})
                    await send({"type": "http.response.body", "body": b""})
            hermetic_http.mount("https://idp.example.com", app)
            tenant.set("acme")
            async with httpx.AsyncClient() as client:
                await client.get("https://idp.example.com")
            assert seen == ["nobody"]
        """
    ).assert_outcomes(passed=1)


@pytest.mark.parametrize(
    ("origin", "error"),
    [
        ("accounts.google.com", "ValueError: an origin is http(s)://host[[]:port], not 'accounts*"),
        ("ftp://files.example", "ValueError: an origin is http*"),
        ("https://idp.example/v1", "ValueError: an origin has no path*mount at https://idp.exa*"),
        ("https://me@idp.example", "ValueError: an origin has no path and no user*"),
    ],
)
def test_what_is_not_an_origin(suite, origin: str, error: str) -> None:
    result = suite(f"def test_it(hermetic_http): hermetic_http.mount({origin!r}, print)")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines([f"*{error}"])


@pytest.mark.parametrize(
    ("line", "error"),
    [
        ("https://idp.example", "*hermetic_http holds origin = module:attribute*"),
        ("https://idp.example/v1 = fakes:app", "*hermetic_http: an origin has no path*"),
    ],
)
def test_a_line_that_cannot_be_meant(suite, line: str, error: str) -> None:
    result = suite("def test_it(): pass", f"hermetic_http = {line}")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([error])


def test_an_application_that_is_not_there(suite) -> None:
    result = suite(
        """
        import httpx
        def test_it(): httpx.get("https://idp.example")
        def test_not_callable(hermetic_http): hermetic_http.mount("https://idp.example", "app:it")
        """,
        "hermetic_http = https://idp.example = nowhere.at.all:app",
    )
    result.assert_outcomes(failed=2)
    result.stdout.fnmatch_lines(["*hermetic_http: there is no module nowhere*"])
    result.stdout.fnmatch_lines(["*TypeError: an ASGI application is callable, not str*"])
