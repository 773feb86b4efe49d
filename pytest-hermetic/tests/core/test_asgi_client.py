"""The client runs the application's lifespan in the test's own loop, whoever runs that loop."""

from __future__ import annotations

import pytest

pytest_plugins = ["pytester"]

APP = """
    import asyncio, contextlib, anyio
    from fastapi import FastAPI, Request

    log = []

    @contextlib.asynccontextmanager
    async def lifespan(app):
        # A task group must be entered and left by one task.
        async with anyio.create_task_group():
            loop = asyncio.get_running_loop()
            log.append("up")
            yield {"loop": loop, "number": len(log)}
            assert asyncio.get_running_loop() is loop
            log.append("down")

    app = FastAPI(lifespan=lifespan)

    @app.get("/")
    async def read(request: Request):
        assert request.state.loop is asyncio.get_running_loop()
        return request.state.number

    def make():
        log.append("made")
        return app
"""

# Each of these must see the application come up once for it, and be down when the next begins.
TESTS = """
    import asyncio, pytest, unittest
    from app import log, app as application

    @pytest.fixture(autouse=True)
    def what_the_test_before_left():
        assert log.count("up") == log.count("down")

    {mark}
    @pytest.mark.parametrize("i", range(3))
    async def test_it_is_ready(i, hermetic_client):
        first, second = await asyncio.gather(hermetic_client.get("/"), hermetic_client.get("/"))
        assert first.json() == second.json() == len(log)
        assert log[-1] == "up"

    {mark}
    async def test_it_is_left_by_hand(hermetic):
        async with hermetic.client as client:
            assert (await client.get("/")).status_code == 200
        assert log[-1] == "down"

    {mark}
    async def test_it_is_never_used(hermetic_client):
        pass

    def test_client_in_a_thread(hermetic_test_client, hermetic):
        assert log[-1] == "up"
        assert hermetic_test_client.get("/").status_code == 200
        assert hermetic.test_client is hermetic_test_client

    def test_a_client_of_ones_own():
        from starlette.testclient import TestClient
        with TestClient(application) as client:
            assert client.get("/").status_code == 200
"""


@pytest.mark.parametrize(
    ("mark", "ini", "args"),
    [
        ("", "asyncio_default_test_loop_scope = function", ()),
        ("", "asyncio_default_test_loop_scope = session", ()),
        ("@pytest.mark.asyncio", "", ("--asyncio-mode=strict",)),
        ("@pytest.mark.anyio", "", ("--asyncio-mode=strict",)),
    ],
    ids=["auto", "session", "strict", "anyio"],
)
def test_every_runner(suite, mark: str, ini: str, args: tuple[str, ...]) -> None:
    files = {"app.py": APP}
    if "anyio" in mark:
        files["conftest.py"] = """
            import pytest
            @pytest.fixture(params=["asyncio"])
            def anyio_backend(request): return request.param
        """
    result = suite(TESTS.format(mark=mark), "hermetic_app = app:app", ini, files=files, args=args)
    result.assert_outcomes(passed=7)


def test_unittest_and_plain_asyncio(suite) -> None:
    suite(
        """
        import asyncio, unittest, pytest
        from app import log

        class TestIt(unittest.IsolatedAsyncioTestCase):
            @pytest.fixture(autouse=True)
            def with_client(self, hermetic): self.hermetic = hermetic

            async def test_it(self):
                async with self.hermetic.client as client:
                    self.assertEqual((await client.get("/")).status_code, 200)
                self.assertEqual(log[-1], "down")

            async def test_left_open(self):
                self.assertEqual((await self.hermetic.client.get("/")).status_code, 200)

        def test_two_loops_in_one_test(hermetic_client):
            async def ask(): return (await hermetic_client.get("/")).status_code
            assert asyncio.run(ask()) == asyncio.run(ask()) == 200

        def test_a_factory_is_called_once(hermetic):
            assert log.count("made") == 1
        """,
        "hermetic_app = app:make()",
        files={"app.py": APP},
        args=("-p", "no:randomly"),
    ).assert_outcomes(passed=4)


def test_either_httpx_and_any_asgi_application(suite) -> None:
    suite(
        """
        import pytest, httpx2

        async def application(scope, receive, send):
            assert scope["type"] == "http", "it knows no lifespan"
            await send({"type": "http.response.start", "status": 204, "headers": []})
            await send({"type": "http.response.body", "body": b""})

        async def test_it(hermetic_client):
            assert isinstance(hermetic_client, httpx2.AsyncClient)
            assert str(hermetic_client.base_url) == "http://testserver"
            assert (await hermetic_client.get("/")).status_code == 204
        """,
        "hermetic_app = test_inside:application",
    ).assert_outcomes(passed=1)
    suite(
        """
        import sys; sys.modules["httpx2"] = None
        from test_app import application
        async def test_it(hermetic_client):
            import httpx
            assert isinstance(hermetic_client, httpx.AsyncClient)
            assert (await hermetic_client.get("/")).status_code == 204
        """,
        "hermetic_app = test_app:application",
        files={
            "test_app.py": """
                async def application(scope, receive, send):
                    assert scope["type"] == "http"
                    await send({"type": "http.response.start", "status": 204, "headers": []})
                    await send({"type": "http.response.body", "body": b""})
            """
        },
    ).assert_outcomes(passed=1)


def test_a_start_up_that_fails_fails_the_test(suite) -> None:
    result = suite(
        """
        import contextlib
        from fastapi import FastAPI

        @contextlib.asynccontextmanager
        async def lifespan(app):
            raise LookupError("no such secret")
            yield

        app = FastAPI(lifespan=lifespan)
        async def test_it(hermetic_client): await hermetic_client.get("/")
        def test_sync(hermetic_test_client): pass
        """,
        "hermetic_app = test_inside:app",
    )
    result.assert_outcomes(failed=1, errors=1)
    result.stdout.fnmatch_lines(["*LookupError: no such secret*"])


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("", "*set hermetic_app = module:attribute*"),
        ("hermetic_app = nowhere.at.all:app", "*hermetic_app: there is no module nowhere*"),
        ("hermetic_app = test_inside:ap", "*hermetic_app: 'test_inside:ap': there is no ap*"),
        ("hermetic_app = test_inside", "*hermetic_app holds module:attribute*"),
    ],
)
def test_an_application_that_is_not_there(suite, line: str, complaint: str) -> None:
    result = suite("async def test_it(hermetic_client): await hermetic_client.get('/')", line)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines([complaint])
