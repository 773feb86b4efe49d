"""The mocked suite of the seed's README becomes a hermetic one by doing what is printed."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
from adoption_before import SUITE
from following import follow

from pytest_hermetic.adoption.report import advise, text

SEED = Path(__file__).parents[1] / "apps" / "seed"
ADDED = "# All that was added to run without Redis, a database or key files:"

pytestmark = pytest.mark.timeout(300)


@pytest.fixture
def before(project) -> Path:
    """The seed's application with the conftest it had, and tests in the style of the time."""
    readme = (SEED / "README.md").read_text()
    conftest = re.search(r"```python\n(import os\n.*?)```", readme, re.DOTALL)
    root = project(
        {
            "tests/conftest.py": conftest[1],
            "tests/test_accounts.py": SUITE,
            "pyproject.toml": (SEED / "pyproject.toml").read_text().partition(ADDED)[0],
        }
    )
    shutil.copytree(SEED / "app", root / "app", ignore=shutil.ignore_patterns("__pycache__"))
    return root


def files_of(root: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def test_what_is_printed_turns_the_mocked_suite_into_a_green_one(before, init):
    # No key files, no freezegun, no Redis: as it is, not one test of it can pass.
    assert " passed" not in init(before, "-q").stdout
    printed = init(before)
    assert printed.returncode == 0, printed.stderr
    follow(before, printed.stdout)
    after = init(before, "-q")
    assert re.search(r"^7 passed", after.stdout, re.MULTILINE), after.stdout
    assert "mock" not in (before / "tests" / "conftest.py").read_text().lower()


def test_followed_once_there_is_nothing_left_to_do(before, init):
    follow(before, init(before).stdout)
    assert "hermetic already" in init(before).stdout


def test_nothing_is_changed_and_nothing_imported(before, init):
    (before / "tests" / "conftest.py").write_text("raise SystemExit('imported')\n")
    (before / "app" / "__init__.py").write_text("raise SystemExit('imported')\n")
    held = files_of(before)
    printed = init(before)
    assert (printed.returncode, printed.stderr) == (0, "")
    assert 'hermetic_app = "app.main:app"' in printed.stdout
    assert " passed" not in printed.stdout
    assert files_of(before) == held


def test_production_s_database_is_kept_where_its_driver_is_declared(before):
    """The settings' default says PostgreSQL; SQLite was what the mocked tests put there."""
    path = before / "pyproject.toml"
    path.write_text(path.read_text().replace('"aiosqlite",', '"asyncpg",'))
    assert "DATABASE_URL" not in "\n".join(advise(before, path, {}).block.lines)


@pytest.mark.parametrize(
    ("line", "shown", "reason"),
    [
        (10, 'os.environ["JWT_PRIVATE_KEY_PATH"]', "hermetic_env sets what is needed"),
        (15, "slowapi.Limiter.limit = lambda", "limits really count"),
        (17, 'if not os.path.exists("tests/keys/private.pem")', "is there in every test"),
        (26, "def mock_redis", "meets a private Redis"),
        (43, "def mock_db", "every engine goes to a private database"),
        (51, "def client(mock_db)", "every engine goes to a private database"),
    ],
)
def test_each_mock_is_named_with_its_line_and_the_reason(before, line, shown, reason):
    lines = list(text(advise(before, before / "pyproject.toml", {})))
    source = (before / "tests" / "conftest.py").read_text().splitlines()
    assert shown in source[line - 1]
    at = next(
        number
        for number, said in enumerate(lines)
        if re.match(rf"  tests/conftest.py:(\d+-)?{line}\b|  tests/conftest.py:{line - 1}-", said)
        and shown in said
    )
    assert reason in lines[at + 1]
