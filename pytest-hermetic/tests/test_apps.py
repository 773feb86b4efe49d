"""Services in the styles found in the wild run their suites with nothing but the plugin.

Each suite under `apps/` is run as its owner would: `pytest` in its folder, in a process of its
own, once in this network and once in a network namespace without interfaces.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from xml.etree import ElementTree as Xml

import pytest
from lean import lean

APPS = Path(__file__).with_name("apps")
# A suite that loses tests is noticed: the least number of tests of each.
LEAST = {
    "class_held": 14,
    "flask_sync": 19,
    "from_url": 15,
    "litestar_style": 12,
    "pubsub": 10,
    "seed": 98,
    "sqlmodel_style": 16,
    "three_engines": 14,
}
# What a developer's shell has is not what the suites may lean on.
KEPT = ("PATH", "HOME", "LANG", "TMPDIR", "VIRTUAL_ENV")

pytestmark = pytest.mark.timeout(300)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a suite reported, and all it printed."""

    tests: int
    failures: int
    errors: int
    skipped: int
    failed: tuple[str, ...]
    """The names of the tests that failed."""
    output: str

    @property
    def passed(self) -> int:
        return self.tests - self.failures - self.errors - self.skipped


def run(app: Path, folder: Path, *arguments: str, prefix: tuple[str, ...] = ()) -> Outcome:
    """Run the suite of an application; the reports go to `folder`."""
    report = folder / "report.xml"
    environment = {name: os.environ[name] for name in KEPT if name in os.environ}
    environment |= {
        "PYTHONDONTWRITEBYTECODE": "1",
        "COVERAGE_FILE": str(folder / "coverage"),
    }
    left_out = lean(*arguments, *(path.read_text() for path in app.rglob("*.py")))
    command = [*prefix, sys.executable, "-m", "pytest", "-q", *left_out]
    done = subprocess.run(
        [*command, f"--junitxml={report}", *arguments],
        cwd=app,
        env=environment,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    assert report.exists(), done.stdout
    [suite] = Xml.parse(report).getroot()
    counts = (int(suite.attrib[name]) for name in ("tests", "failures", "errors", "skipped"))
    failed = (
        case.attrib["name"] for case in suite.iter("testcase") if case.find("failure") is not None
    )
    return Outcome(*counts, tuple(failed), done.stdout)


def assert_all_passed(outcome: Outcome, least: int) -> None:
    counts = (outcome.failures, outcome.errors, outcome.skipped)
    assert counts == (0, 0, 0), outcome.output
    assert outcome.passed >= least, outcome.output


@cache
def without_interfaces() -> tuple[tuple[str, ...], str]:
    """A command prefix that enters an empty network namespace, or why there is none."""
    if shutil.which("unshare") is None:
        return (), "there is no `unshare` on the PATH"
    refusals = []
    # As root without a user namespace; else as the same user in one, for PostgreSQL refuses root.
    for flags in ("-n", "-cn", "-rn"):
        tried = subprocess.run(["unshare", flags, "true"], capture_output=True, text=True)
        if tried.returncode == 0:
            return ("unshare", flags), ""
        refusals.append(tried.stderr.strip())
    return (), "this kernel gives us no network namespace: " + "; ".join(refusals)


@pytest.mark.parametrize("name", LEAST)
def test_every_application_is_listed(name):
    assert (APPS / name / "pyproject.toml").exists()
    assert {path.parent.name for path in APPS.glob("*/pyproject.toml")} == LEAST.keys()


def test_the_namespace_reaches_nothing():
    """So that the suites below prove something: there not even this machine answers."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        connect = f"import socket; socket.create_connection({listener.getsockname()!r}, 5)"
        command = [sys.executable, "-c", connect]
        assert subprocess.run(command).returncode == 0
        inside = subprocess.run([*no_network(), *command], capture_output=True, text=True)
        assert "Network is unreachable" in inside.stderr


# The seed's plain run is the one whose coverage test_apps_seed.py measures.
@pytest.mark.parametrize("name", sorted(LEAST.keys() - {"seed"}))
def test_a_suite_passes(name, tmp_path):
    before = files_of(APPS / name)
    assert_all_passed(run(APPS / name, tmp_path), LEAST[name])
    assert files_of(APPS / name) == before


@pytest.mark.parametrize("name", LEAST)
def test_a_suite_passes_without_a_network(name, tmp_path):
    assert_all_passed(run(APPS / name, tmp_path, prefix=no_network()), LEAST[name])


def no_network() -> tuple[str, ...]:
    """The prefix of a command that is to have no network; skips where that cannot be had."""
    prefix, refusal = without_interfaces()
    return prefix or pytest.skip(refusal)


def files_of(app: Path) -> set[Path]:
    return {path for path in app.rglob("*") if "__pycache__" not in path.parts}
