"""The rules about doubles, skips, collecting and configuration, in the forms found in the wild."""

from __future__ import annotations

import pytest
from audited_runs import INI, Run

pytest_plugins = ["pytester"]

STATIC = "--hermetic-audit=static"


def places(run, code: str) -> list[tuple[str, int]]:
    """Where a rule applies."""
    assert {one["code"] for one in run.findings} <= {code}
    return [(one["file"], one["line"]) for one in run.findings]


def test_mocks_of_stores_are_found_and_others_are_not(audited: Run):
    run = audited(
        {
            "conftest.py": """
                from unittest.mock import AsyncMock, MagicMock

                import pytest

                class App:
                    dependency_overrides = {}

                app = App()
                def get_db(): ...
                def get_payment(): ...

                async def no_db():
                    yield AsyncMock()

                app.dependency_overrides[get_db] = no_db
                app.dependency_overrides[get_db] = lambda: MagicMock()
                app.dependency_overrides[get_payment] = lambda: MagicMock()

                @pytest.fixture(name="redis_client")
                def fixture_redis():
                    client = AsyncMock()
                    client.get.return_value = None
                    return client

                @pytest.fixture
                def payment():
                    return MagicMock()

                @pytest.fixture
                def no_store(monkeypatch, mocker=None):
                    monkeypatch.setattr("shop.core.redis_client", AsyncMock())
                    monkeypatch.setattr("shop.core.PAGE_SIZE", 5)
            """,
            "test_it.py": """
                from unittest.mock import patch

                @patch("shop.db.session")
                def test_patched(session):
                    assert sum([1]) == 1

                @patch("shop.payments.charge")
                def test_another_patch(charge):
                    assert sum([1]) == 1
            """,
        },
        STATIC,
    )
    assert places(run, "H006") == [
        ("conftest.py", 16),
        ("conftest.py", 17),
        ("conftest.py", 21),
        ("conftest.py", 32),
        ("test_it.py", 4),
    ]


def test_skips_are_told_apart_by_their_reason(audited: Run):
    run = audited(
        {
            "test_it.py": """
                import pytest

                @pytest.mark.skipif(True, reason="no redis-server on the PATH")
                def test_redis():
                    assert sum([1]) == 1

                @pytest.mark.skipif(False, reason="no network")
                def test_that_ran():
                    assert sum([1]) == 1

                def test_database():
                    pytest.skip("database not available")

                @pytest.mark.skipif(True, reason="needs a newer Python")
                def test_python():
                    assert sum([1]) == 1
            """
        },
        "--hermetic-audit=error",
    )
    assert sorted((one["code"], one["nodeid"]) for one in run.findings) == [
        ("H001", "test_it.py::test_database"),
        ("H007", "test_it.py::test_database"),
        ("H007", "test_it.py::test_redis"),
    ]


def test_a_coroutine_of_the_application_that_nobody_awaits(audited: Run):
    """Reading cannot know it is one; Python's warning does."""
    run = audited(
        {
            "shop.py": "async def order(name): return name",
            "test_it.py": """
                import shop

                async def test_order():
                    answer = shop.order("tea")
                    assert answer is not None

                async def test_awaited():
                    assert await shop.order("tea") == "tea"
            """,
        },
        "--hermetic-audit=error",
    )
    assert [(one["code"], one["nodeid"]) for one in run.findings] == [
        ("H010", "test_it.py::test_order")
    ]


@pytest.mark.parametrize(
    ("decorator", "mode", "codes"),
    [
        ("pytest.fixture", "strict", ["H011"]),
        ("pytest_asyncio.fixture", "strict", []),
        ("pytest.fixture", "auto", []),
    ],
)
def test_asynchronous_fixtures_need_somebody_to_run_them(audited: Run, decorator, mode, codes):
    run = audited(
        {
            "test_it.py": f"""
                import pytest, pytest_asyncio

                @{decorator}
                async def number():
                    return 1

                @pytest.mark.asyncio
                async def test_it(number):
                    assert number == 1
            """
        },
        STATIC,
        ini=INI.replace("auto", mode),
    )
    assert run.codes() == codes


def test_anyio_runs_plain_asynchronous_fixtures(audited: Run):
    run = audited(
        {
            "test_it.py": """
                import pytest

                @pytest.fixture
                async def number():
                    return 1

                @pytest.mark.anyio
                async def test_it(number):
                    assert number == 1
            """
        },
        STATIC,
        ini=INI.replace("auto", "strict"),
    )
    assert run.codes() == []


@pytest.mark.parametrize(
    ("condition", "is_found"),
    [
        ('os.environ.get("APP_ENV") == "test"', True),
        ('settings.environment.lower() != "testing"', True),
        ('settings.env in ("dev", "test")', True),
        ("settings.is_testing", True),
        ('"pytest" in sys.modules', True),
        ('os.environ.get("PYTEST_CURRENT_TEST")', True),
        ('settings.env == "production"', False),
        ('name == "test"', False),
        ("settings.rounds > 1", False),
    ],
)
def test_an_application_that_knows_of_tests(audited: Run, condition: str, is_found: bool):
    run = audited(
        {
            "shop/__init__.py": "",
            "shop/core.py": f"""
                import os, sys

                def rounds(settings, name=""):
                    if {condition}:
                        return 1
                    return "test"
            """,
            "tests/test_it.py": "import shop.core\ndef test_it(): assert shop.core.rounds",
        },
        STATIC,
        "tests",
    )
    assert places(run, "H012") == ([("shop/core.py", 5)] if is_found else [])


FILES_WITH_TESTS = {
    "tests/test_class.py": """
        class TestOrders:
            def __init__(self):
                self.orders = []

            def test_empty(self):
                assert self.orders == []

        class OrderTests:
            def test_named_otherwise(self):
                assert sum([1]) == 1

        class Shared:
            def test_of_a_base_class(self):
                assert sum([1]) == 1

        class TestShared(Shared):
            pass

        class TestTwice:
            def test_same(self):
                assert sum([1]) == 1

            def test_same(self):
                assert sum([2]) == 2

        class TestNot:
            __test__ = False

            def __init__(self):
                self.number = 1

            def test_it(self):
                assert self.number

        if sum([1]) == 1:
            def test_chosen():
                assert sum([1]) == 1
        else:
            def test_chosen():
                assert sum([1]) == 2
    """,
    "tests/orders_spec.py": """
        def test_order():
            assert sum([1]) == 1
    """,
    "tests/factories.py": """
        def test_address():
            return "ada@example.com"
    """,
    "tests/test_broken.py": "def test_it(:\n    assert True\n",
    "tests/generated/test_left_out.py": "def test_it(:\n",
    "tests/conftest.py": "collect_ignore = ['generated']",
    "shop/checks.py": "def test_connection(): assert sum([1]) == 1",
}


def test_what_pytest_passes_over(audited: Run):
    run = audited(FILES_WITH_TESTS, "--hermetic-audit=static", "tests")
    assert places(run, "H016") == [
        ("tests/orders_spec.py", 2),
        ("tests/test_broken.py", 1),
        ("tests/test_class.py", 6),
        ("tests/test_class.py", 10),
        ("tests/test_class.py", 21),
    ]


def test_a_suite_inside_is_another_suite(audited: Run):
    run = audited(
        {
            "tests/test_it.py": "def test_it(): assert sum([1]) == 1",
            "tests/inner/pytest.ini": "[pytest]\npython_files = behaviour_*.py",
            "tests/inner/behaviour_order.py": "def test_it(): assert sum([1]) == 1",
        },
        STATIC,
        "tests",
    )
    assert run.codes() == []


def test_a_missing_fixture_is_named_with_the_nearest(audited: Run):
    run = audited(
        {
            "conftest.py": """
                import pytest

                @pytest.fixture
                def order(databse):
                    return 1
            """,
            "test_it.py": """
                def test_order(order, tmp_path, request):
                    assert order == 1
            """,
        },
        STATIC,
        ini=INI,
    )
    [finding] = run.findings
    assert (finding["code"], finding["file"], finding["line"]) == ("H017", "test_it.py", 2)
    assert "there is no fixture databse" in finding["what"]


@pytest.mark.parametrize(
    ("files", "where"),
    [
        ({"setup.cfg": "[tool:pytest]\nxfail_strict = true"}, [("setup.cfg", 1)]),
        (
            {"pyproject.toml": "[tool.pytest.ini_options]\nxfail_strict = true"},
            [("tox.ini", 2)],  # pytest asks pyproject.toml first
        ),
        ({"pyproject.toml": "[tool.ruff]\nline-length = 100"}, []),
        ({"setup.cfg": "[metadata]\nname = shop"}, []),
    ],
)
def test_a_second_configuration_is_not_read(audited: Run, files: dict[str, str], where):
    run = audited({**files, "test_it.py": "def test_it(): assert sum([1]) == 1"}, STATIC)
    assert places(run, "H009") == where
