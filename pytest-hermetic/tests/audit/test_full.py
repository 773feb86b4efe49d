"""The full audit tells the tests that mean something from those that do not, in every style."""

from __future__ import annotations

import pytest
from audited_runs import CLIENT, INI, SHOP, Run

pytest_plugins = ["pytester"]

# Each test inside is run a dozen times.
pytestmark = pytest.mark.timeout(600)

CONFIGURATION = f"{INI}hermetic_app = shop:app"
# All but the redirect, which the client follows round and round, and gives up.
EVERY = ["200 {}", "200 []", "201 {}", "204", "400", "401", "404", "500", "503"]

# Each style of client asks for the same order: once looking at the body, once at the status only.
STYLES = {
    "hermetic_client": """
        async def test_body(hermetic_client):
            assert (await hermetic_client.get("/orders/1")).json() == {"order": 1}

        async def test_status(hermetic_client):
            assert (await hermetic_client.get("/orders/1")).status_code == 200
    """,
    "test_client": """
        import pytest
        from starlette.testclient import TestClient
        from shop import app

        @pytest.fixture(scope="module")
        def client():
            with TestClient(app) as client:
                yield client

        def test_body(client):
            assert client.get("/orders/1").json() == {"order": 1}

        def test_status(client):
            assert client.get("/orders/1").status_code == 200
    """,
    "own_transport": """
        import httpx, pytest
        from shop import app

        @pytest.fixture
        async def client():
            transport = httpx.ASGITransport(app)
            async with httpx.AsyncClient(transport=transport, base_url="http://shop") as client:
                yield client

        async def test_body(client):
            assert (await client.get("/orders/1")).json() == {"order": 1}

        async def test_status(client):
            assert (await client.get("/orders/1")).status_code == 200
    """,
    "httpx2": """
        import httpx2
        from shop import app

        client = httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://shop")

        async def test_body():
            assert (await client.get("/orders/1")).json() == {"order": 1}

        async def test_status():
            assert (await client.get("/orders/1")).status_code == 200
    """,
    "flask": """
        from flask import Flask

        app = Flask("shop")

        @app.get("/orders/<int:number>")
        def read(number):
            return {"order": number}

        def test_body():
            assert app.test_client().get("/orders/1").json == {"order": 1}

        def test_status():
            assert app.test_client().get("/orders/1").status_code == 200
    """,
    "litestar": """
        from litestar import Litestar, get
        from litestar.testing import TestClient

        @get("/orders/{number:int}", sync_to_thread=False)
        def read(number: int) -> dict[str, int]:
            return {"order": number}

        def test_body():
            with TestClient(Litestar([read])) as client:
                assert client.get("/orders/1").json() == {"order": 1}

        def test_status():
            with TestClient(Litestar([read])) as client:
                assert client.get("/orders/1").status_code == 200
    """,
}

MEANINGS = """
    import pytest
    from hypothesis import given, settings, strategies

    @pytest.fixture
    def order(client):
        return client.get("/orders/1").json()["order"]

    def test_discriminates_by_a_fixture(order):
        assert order

    def test_discriminates_by_its_control(client):
        assert client.get("/orders/10").status_code == 404
        assert client.get("/orders/1").status_code == 200

    def test_discriminates_over_a_socket(client):
        with client.websocket_connect("/prices") as socket:
            assert socket.receive_json() == {"tea": 5}

    @given(number=strategies.integers(0, 9))
    @settings(max_examples=5)
    def test_discriminates_in_a_property(number):
        from starlette.testclient import TestClient
        from shop import app
        assert TestClient(app).get(f"/orders/{number}").json() == {"order": number}

    def test_discriminates_although_it_waits_for_ever(client):
        while client.get("/orders/1").content != b'{"order":1}':
            pass
        assert client.get("/orders/1").json()

    def test_vacuous_refusal(client):
        assert client.get("/orders/10").status_code == 404

    def test_vacuous_whatever_happens(client):
        assert client.get("/orders/1") is not None

    def test_apart():
        assert sum([1]) == 1

    def test_red(client):
        assert client.get("/orders/1").status_code == 201

    def test_skipped(client):
        pytest.skip("next year")

    @pytest.mark.xfail
    def test_skipped_as_expected(client):
        assert client.get("/orders/1").status_code == 201

    @pytest.mark.parametrize("number", [1, 10])
    def test_parametrized(client, number):
        assert (client.get(f"/orders/{number}").status_code == 404) is (number == 10)
"""
VERDICTS = {
    "test_discriminates": "discriminates",
    "test_vacuous": "vacuous",
    "test_apart": "does not reach the application",
    "test_red": "always red",
    "test_skipped": "skipped",
    "test_parametrized": "vacuous",
}


def test_every_style_of_client(audited: Run):
    files = {f"test_{name}.py": text for name, text in STYLES.items()}
    run = audited({**files, "shop.py": SHOP}, "--hermetic-audit=full", ini=CONFIGURATION)
    run.run.assert_outcomes(passed=2 * len(STYLES))
    said = {one["nodeid"]: (one["verdict"], one["green_under"]) for one in run.document["tests"]}
    assert said == {
        f"test_{name}.py::{test}": verdict
        for name in STYLES
        for test, verdict in (
            ("test_body", ("discriminates", [])),
            ("test_status", ("vacuous", ["200 {}", "200 []"])),
        )
    }


@pytest.mark.parametrize("workers", [(), ("-n", "2")], ids=["one process", "two workers"])
def test_every_verdict(audited: Run, workers: tuple[str, ...]):
    files = {"test_it.py": MEANINGS, "shop.py": SHOP, "conftest.py": CLIENT}
    run = audited(files, "--hermetic-audit=full", *workers, ini=CONFIGURATION)
    # What the reporters tell is the first run, and it alone.
    run.run.assert_outcomes(passed=10, failed=1, skipped=1, xfailed=1)
    tests = run.tests()
    for name, test in tests.items():
        [verdict] = [said for start, said in VERDICTS.items() if name.startswith(start)]
        assert test["verdict"] == verdict, name
    assert tests["test_vacuous_refusal"]["green_under"] == ["404"]
    assert tests["test_vacuous_whatever_happens"]["green_under"] == EVERY
    assert tests["test_discriminates_by_its_control"]["requests"] == 2
    vacuous = sorted(one["nodeid"] for one in run.findings if one["code"] == "H005")
    assert vacuous == sorted(
        f"test_it.py::{name}" for name, test in tests.items() if test["verdict"] == "vacuous"
    )
    assert run.document["figures"]["verdicts"] == {
        "discriminates": 5,
        "vacuous": 4,
        "always red": 1,
        "does not reach the application": 1,
        "skipped": 2,
    }
    run.run.stdout.fnmatch_lines(["13 tests: 5 discriminates, 4 vacuous, 1 always red, *"])


def test_wider_fixtures_are_made_anew_against_each_answer(audited: Run):
    """Else what the module's fixture got from the application would make its tests green."""
    run = audited(
        {
            "test_it.py": """
                import pytest
                from starlette.testclient import TestClient
                from shop import app

                @pytest.fixture(scope="module")
                def order():
                    return TestClient(app).get("/orders/1").json()

                def test_order(order):
                    assert order == {"order": 1}

                def test_is_there(order):
                    assert order is not None
            """,
            "shop.py": SHOP,
        },
        "--hermetic-audit=full",
        ini=CONFIGURATION,
    )
    tests = run.tests()
    # Against 204 there is no JSON: the fixture fails, and with it both.
    assert {name: (test["requests"], test["green_under"]) for name, test in tests.items()} == {
        "test_order": (1, []),
        "test_is_there": (1, ["200 {}", "200 []", "201 {}", "400", "401", "404", "500", "503"]),
    }


def test_settings_and_warnings_hold_in_the_runs_again(audited: Run):
    """`filterwarnings = error` makes a warning red there as well."""
    run = audited(
        {
            "test_it.py": """
                import warnings

                def test_it(client):
                    if client.get("/orders/1").status_code != 200:
                        warnings.warn("the shop is closed")
                    assert client is not None
            """,
            "shop.py": SHOP,
            "conftest.py": CLIENT,
        },
        "--hermetic-audit=full",
        ini=f"{CONFIGURATION}\nfilterwarnings = error",
    )
    assert run.tests()["test_it"]["green_under"] == ["200 {}", "200 []"]
    run.run.assert_outcomes(passed=1)


def test_one_seed_repeats_an_order(audited: Run):
    """A test that another, run before it, spoils: red in some order."""
    run = audited(
        {
            "test_it.py": """
                taken = []

                def test_first():
                    assert taken == []

                def test_second():
                    taken.append(1)
                    assert 1 in taken
            """
        },
        "--hermetic-audit=full",
    )
    [finding] = run.findings
    assert (finding["code"], finding["nodeid"]) == ("H013", "test_it.py::test_first")
    assert "(seed 1)" in finding["what"]
