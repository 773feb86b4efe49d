"""`make check` and `make test` say which phase runs, and end with one line on all of them."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

PHASES = Path(__file__).parents[2] / "tools" / "phases.py"


def phases(*arguments: str) -> tuple[int, list[str]]:
    """The exit code and the lines, with every number of seconds as `n s`."""
    done = subprocess.run([sys.executable, PHASES, *arguments], stdout=subprocess.PIPE, text=True)
    return done.returncode, re.sub(r"\b\d+ s\b", "n s", done.stdout).splitlines()


def python(code: str) -> str:
    """A command of the phases."""
    return shlex.join([sys.executable, "-c", code])


def test_each_phase_is_announced_and_the_last_line_counts_the_seconds() -> None:
    code, lines = phases("check", "format", python("print('a b')"), "lint", python(""))
    assert code == 0
    assert lines == [
        "== check 1/2  format",
        "a b",
        "== check 2/2  lint",
        "check: format n s, lint n s: all passed in n s",
    ]


def test_the_first_phase_that_fails_is_named_and_ends_the_run() -> None:
    fails = python("import sys; print('1 failed'); sys.exit(3)")
    code, lines = phases("test", "traced", fails, "untraced", python("print('never')"))
    assert code == 3
    assert lines == [
        "== test 1/2  traced",
        "1 failed",
        "test: FAILED in traced n s (exit code 3); not run: untraced",
    ]


def test_a_phase_that_a_signal_ended_has_failed() -> None:
    code, lines = phases("test", "all", python("import os; os.kill(os.getpid(), 9)"))
    assert code == 137
    assert lines[-1] == "test: FAILED in all n s (exit code -9)"
