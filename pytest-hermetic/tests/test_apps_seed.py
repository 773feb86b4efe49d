"""The service in the shape that started the project: what its suite covers, and that it bites."""

from __future__ import annotations

import json
import re
import shutil
import tomllib

import pytest
from test_apps import APPS, LEAST, assert_all_passed, files_of, run

SEED = APPS / "seed"
POSTGRESQL = "postgresql+asyncpg://accounts:secret@db.internal:5432/accounts"
FILES = ("test_auth_registration.py", "test_auth_login.py", "test_tokens.py", "test_mfa.py")

pytestmark = pytest.mark.timeout(300)


def sources() -> str:
    return "\n".join(path.read_text() for path in (SEED / "tests").glob("*.py"))


def test_its_suite_is_four_files_of_55_tests_or_more():
    tests = {
        name: len(re.findall(r"def test_", (SEED / "tests" / name).read_text())) for name in FILES
    }
    assert sum(tests.values()) >= 55, tests
    assert {path.name for path in (SEED / "tests").glob("test_*.py")} == set(FILES)


def test_its_conftest_has_five_lines_at_most():
    assert len((SEED / "tests" / "conftest.py").read_text().splitlines()) <= 5


@pytest.mark.parametrize(
    "word", ["mock", "patch", "dependency_overrides", "skip", "xfail", "except", "fakeredis"]
)
def test_its_suite_replaces_and_skips_nothing(word):
    assert word not in sources().lower()


@pytest.mark.parametrize("client", ["client", "async_client"])
@pytest.mark.parametrize("name", FILES)
def test_every_file_uses_both_clients(name, client):
    assert re.search(rf"def test_\w+\({client}\b", (SEED / "tests" / name).read_text())


@pytest.mark.parametrize("word", ["pytest", "hermetic", "testing", "TEST"])
def test_the_application_does_not_know_that_it_is_tested(word):
    code = "\n".join(path.read_text() for path in (SEED / "app").rglob("*.py"))
    assert word not in code


def test_its_suite_passes_and_covers_half_of_the_application_or_more(tmp_path):
    before = files_of(SEED)
    report = tmp_path / "coverage.json"
    outcome = run(SEED, tmp_path, "--cov=app", f"--cov-report=json:{report}")
    assert_all_passed(outcome, LEAST["seed"])
    assert files_of(SEED) == before
    assert json.loads(report.read_text())["totals"]["percent_covered"] >= 50


# Two of the four files are enough for what each of these three adds.
def test_its_sessions_hold_in_two_workers(tmp_path):
    outcome = run(SEED, tmp_path, "-n", "2", "tests/test_tokens.py", "tests/test_auth_login.py")
    assert_all_passed(outcome, 40)


def test_its_accounts_hold_on_postgresql(tmp_path):
    """Nothing is said but the URL: its dialect decides."""
    ini = f"hermetic_env={environment(DATABASE_URL=POSTGRESQL)}"
    files = ("tests/test_auth_registration.py", "tests/test_auth_login.py")
    assert_all_passed(run(SEED, tmp_path, "-o", ini, *files), 40)


@pytest.mark.skipif(shutil.which("redis-server") is None, reason="no redis-server on the PATH")
def test_its_sessions_hold_on_a_real_redis_server(tmp_path):
    files = ("tests/test_tokens.py", "tests/test_mfa.py")
    assert_all_passed(run(SEED, tmp_path, "--hermetic-backend=server", *files), 40)


def environment(**changes: str) -> str:
    """The suite's own environment, with changes."""
    ini = tomllib.loads((SEED / "pyproject.toml").read_text())
    lines = ini["tool"]["pytest"]["ini_options"]["hermetic_env"]
    return "\n".join([*lines, *(f"{name}={value}" for name, value in changes.items())])


def test_its_suite_is_red_when_the_application_answers_503_to_everything(tmp_path):
    """24 of the 40 green tests of the mocked suite stayed green in this test."""
    (tmp_path / "dead.py").write_text(
        "from starlette.applications import Starlette\n"
        "from starlette.responses import PlainTextResponse\n"
        "async def refuse(scope, receive, send):\n"
        "    await PlainTextResponse('', 503)(scope, receive, send)\n"
        "app = Starlette()\n"
        "app.mount('/', refuse)\n"
    )
    outcome = run(
        SEED, tmp_path, "--tb=line", "-o", "hermetic_app=dead:app", "-o", f"pythonpath=. {tmp_path}"
    )
    assert outcome.tests >= 55
    assert outcome.passed == 0, outcome.output


# What to break, and a test that must see it. The faults do not touch each other.
FAULTS = (
    ("services/tokens.py", "redis.call('DEL', KEYS[1])", "", "reuse_ends_the_session"),
    ("services/tokens.py", 'redis.delete(f"session:', 'redis.get(f"session:', "ends_the_refresh"),
    ("services/tokens.py", "ex=max(remaining, 1)", "", "the_list_of_ended_sessions"),
    ("services/mfa.py", "nx=True, ex=", "ex=", "a_code_is_used_once"),
    ("services/mfa.py", "BackupCode.used_at.is_(None),\n        )\n", ")\n", "backup_code_is_used"),
    ("services/mfa.py", "(0, -1, 1)", "(0, -1, 1, 2)", "neighbouring_window_is_accepted[2-401]"),
    ("services/lockout.py", ", nx=True)", ")", "starts_with_the_first_failure"),
    ("services/verification.py", ".getdel(", ".get(", "the_link_is_used_once"),
    ("core/limiter.py", "remote_address)", "remote_address, enabled=False)", "sign_up_is_limited"),
    ("routers/auth.py", "except IntegrityError", "except ValueError", "an_address_is_taken_once"),
)


def test_its_suite_sees_a_broken_application(tmp_path):
    broken = tmp_path / "seed"
    shutil.copytree(SEED, broken)
    for file, right, wrong, _ in FAULTS:
        source = broken / "app" / file
        text = source.read_text()
        assert right in text, file
        source.write_text(text.replace(right, wrong, 1))
    wanted = " or ".join(test.partition("[")[0] for *_, test in FAULTS)
    outcome = run(broken, tmp_path, "--tb=line", "-k", wanted)
    unseen = [test for *_, test in FAULTS if not any(test in name for name in outcome.failed)]
    assert unseen == [], outcome.output


def test_the_readme_shows_what_was_and_what_is():
    readme = (SEED / "README.md").read_text()
    ini = (SEED / "pyproject.toml").read_text()
    conftest = (SEED / "tests" / "conftest.py").read_text()
    assert "## Before" in readme
    assert "## After" in readme
    # The README quotes the files as they are.
    assert conftest in readme
    assert ini[ini.index("hermetic = true") :] in readme


def test_no_key_lies_in_the_folder():
    assert [path for path in SEED.rglob("*") if path.suffix in (".pem", ".key", ".db")] == []
