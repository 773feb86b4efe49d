"""respx and pytest-httpx are asked first; what they have no answer for is served here."""

from __future__ import annotations

import pytest

pytest_plugins = ["pytester"]

PONG = """
    async def pong(scope, receive, send):
        if scope["type"] == "http":
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": b"pong"})
"""


def test_respx(suite) -> None:
    suite(
        """
        import httpx, pytest, respx
        from fakes import pong
        IDP, PAY = "https://idp.example.com/", "https://pay.example.com/"
        kept = httpx.Client()

        @pytest.fixture(autouse=True)
        def idp(hermetic_http): return hermetic_http.mount(IDP, pong)

        def test_routes_first_then_mounts(respx_mock, idp):
            route = respx_mock.get(PAY).respond(402)
            assert kept.get(PAY).status_code == 402
            assert kept.get(IDP).text == "pong"
            assert route.call_count == len(idp.requests) == 1

        async def test_a_route_wins_over_a_mount(respx_mock, idp):
            respx_mock.get(IDP, path="/down").respond(503)
            async with httpx.AsyncClient() as client:
                assert (await client.get(IDP + "down")).status_code == 503
                assert (await client.get(IDP)).text == "pong"
            assert len(idp.requests) == 1

        @respx.mock
        async def test_the_decorator():
            respx.post(PAY).respond(201)
            async with httpx.AsyncClient() as client:
                assert (await client.post(PAY)).status_code == 201
                assert (await client.get(IDP)).text == "pong"

        def test_a_passing_route(respx_mock):
            respx_mock.get(IDP).pass_through()
            assert httpx.get(IDP).text == "pong"

        def test_what_nobody_serves_is_still_an_error(respx_mock):
            with pytest.raises(AssertionError, match="not mocked"):
                httpx.get("https://elsewhere.example.com")

        def test_respx_still_checks_its_routes():
            with pytest.raises(AssertionError, match="not called"):
                with respx.mock() as router:
                    router.get(PAY).respond(402)

        def test_mocking_clients_instead(idp):
            with respx.mock(using="httpx") as router:
                router.get(PAY).respond(402)
                assert kept.get(PAY).status_code == 402
                assert kept.get(IDP).text == "pong"
        """,
        files={"fakes.py": PONG},
    ).assert_outcomes(passed=7)


def test_pytest_httpx(suite) -> None:
    result = suite(
        """
        import httpx, pytest
        from fakes import pong
        IDP, PAY = "https://idp.example.com/", "https://pay.example.com/"
        kept = httpx.Client()

        @pytest.fixture(autouse=True)
        def idp(hermetic_http): return hermetic_http.mount(IDP, pong)

        def test_responses_first_then_mounts(httpx_mock, idp):
            httpx_mock.add_response(url=PAY, status_code=402)
            assert kept.get(PAY).status_code == 402
            assert kept.post(IDP, content=b"x").text == "pong"
            assert [str(sent.url) for sent in httpx_mock.get_requests()] == [PAY]
            assert [sent.content for sent in idp.requests] == [b"x"]

        async def test_a_response_wins_over_a_mount(httpx_mock, idp):
            httpx_mock.add_response(url=IDP + "down", status_code=503)
            async with httpx.AsyncClient() as client:
                assert (await client.get(IDP + "down")).status_code == 503
                assert (await client.get(IDP)).text == "pong"
            assert len(idp.requests) == 1

        @pytest.mark.httpx_mock(should_mock=lambda request: request.url.host != "idp.example.com")
        def test_a_host_it_was_told_to_leave(httpx_mock):
            assert kept.get(IDP).text == "pong"

        def test_what_nobody_serves(httpx_mock):
            with pytest.raises(httpx.TimeoutException, match="No response can be found"):
                kept.get(PAY)
        """,
        files={"fakes.py": PONG},
    )
    # The last one fails at its end, as pytest-httpx wants it: a request was not expected.
    result.assert_outcomes(passed=4, errors=1)
    result.stdout.fnmatch_lines(["*The following requests were not expected:*"])


@pytest.mark.parametrize("name", ["respx", "pytest_httpx"])
def test_both_work_where_nothing_is_mounted(suite, name: str) -> None:
    fixture = {"respx": "respx_mock", "pytest_httpx": "httpx_mock"}[name]
    add = {
        "respx": 'get("https://pay.example.com/").respond(402)',
        "pytest_httpx": "add_response(status_code=402)",
    }[name]
    suite(
        f"""
        import httpx
        def test_it({fixture}):
            {fixture}.{add}
            assert httpx.get("https://pay.example.com/").status_code == 402
        """
    ).assert_outcomes(passed=1)
