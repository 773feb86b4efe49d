"""The plugin is inert unless asked for, and says clearly what it does not understand."""

from __future__ import annotations

import pytest

pytest_plugins = ["pytester"]

OTHERS = ("randomly", "anyio", "respx", "pytest_httpx")
QUIET = "def test_it(): import sys; assert 'pytest_hermetic.clock' in sys.modules"


@pytest.mark.parametrize(("args", "is_active"), [((), False), (("--hermetic",), True)])
def test_it_is_off_until_asked_for(pytester: pytest.Pytester, args, is_active) -> None:
    pytester.makeini("[pytest]\nhermetic_env =\n    GREETING=hello")
    pytester.makepyfile(
        f"import os\ndef test_it(): assert ('GREETING' in os.environ) is {is_active}"
    )
    pytester.runpytest_subprocess(*args).assert_outcomes(passed=1)


def test_it_can_be_switched_off_for_one_run(suite) -> None:
    result = suite(
        """
        import os, sys
        def test_it(): assert "GREETING" not in os.environ
        def test_that(hermetic): raise AssertionError("not reached")
        """,
        "hermetic_env = GREETING=hello",
        args=("--no-hermetic",),
    )
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(["*pytest-hermetic is not active*"])


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("hermetic_redis = casettes", "*hermetic_redis is one of auto, memory, server, off*"),
        ("hermetic_db = oracle", "*hermetic_db is one of auto, sqlite, postgres, off*"),
        ("hermetic_env = JUST_A_NAME", "*hermetic_env holds NAME=value*"),
        ("hermetic_env = KEY=@rs512", "*'@rs512' is none of @es256*"),
        ("hermetic_redis_version = seven", "*hermetic_redis_version is a number*"),
        ("hermetic_metadata = a:b\nhermetic_alembic = c", "*not both*"),
    ],
)
def test_a_value_that_cannot_be_meant_stops_the_run(suite, line, complaint) -> None:
    result = suite("def test_it(): pass", line)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([complaint])


@pytest.mark.parametrize(
    ("marker", "complaint"),
    [
        ("hermetic_off('sqll')", "*hermetic_off knows no sqll*"),
        ("hermetic(db='postgres')", "*the hermetic marker knows no db*"),
    ],
)
def test_a_misspelt_marker_fails_its_test(suite, marker, complaint) -> None:
    result = suite(f"import pytest\n@pytest.mark.{marker}\ndef test_it(): pass")
    assert result.ret != 0
    result.stdout.fnmatch_lines([complaint])


def test_nothing_is_imported_that_the_suite_does_not_use(suite) -> None:
    suite(
        """
        import sys

        def test_it(hermetic):
            heavy = {"redis", "sqlalchemy", "fakeredis", "cryptography", "httpx", "asyncpg"}
            assert not heavy & set(sys.modules)

        def test_a_part_is_there_when_its_library_is_imported(hermetic):
            import sqlalchemy
            assert "pytest_hermetic.sql" in sys.modules
            assert "pytest_hermetic.redis" not in sys.modules
            assert sqlalchemy.__spec__.loader.get_source("sqlalchemy")
        """,
        # Other plugins of this environment import what they patch.
        args=[part for name in OTHERS for part in ("-p", f"no:{name}")],
    ).assert_outcomes(passed=2)
