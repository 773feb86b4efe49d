"""How loud the audit is, and what makes it silent: only a reason does."""

from __future__ import annotations

import pytest
from audited_runs import INI, Run
from lean import lean

pytest_plugins = ["pytester"]

EMPTY = {"test_it.py": "def test_it():\n    sum([1])\n"}


@pytest.mark.parametrize(
    ("ini", "arguments", "code"),
    [
        (INI, (), 0),
        (f"{INI}hermetic_audit = error", (), 1),
        (INI, ("--hermetic-audit=error",), 1),
        (INI, ("--hermetic-audit=static",), 1),
        (f"{INI}hermetic_audit = error", ("--hermetic-audit=warn",), 0),
        (INI.replace("true", "false"), ("--hermetic-audit=error",), 1),
        (f"{INI}filterwarnings = error", (), 0),
    ],
)
def test_the_level_decides_whether_findings_fail_the_run(audited: Run, ini, arguments, code):
    run = audited(EMPTY, *arguments, ini=ini)
    assert run.codes() == ["H001"]
    assert run.run.ret == code
    run.run.stdout.fnmatch_lines(
        [
            "*= hermetic audit =*",
            "H001 the test passes without having asserted anything",
            "  test_it.py:1  test_it asserts nothing",
            "  fix: *",
            "1 finding",
        ]
    )


@pytest.mark.parametrize("ini", [f"{INI}hermetic_audit = off", INI.replace("true", "false")])
def test_off_means_that_nothing_of_it_is_imported(pytester: pytest.Pytester, ini: str):
    pytester.makeini(ini)
    pytester.makepyfile(
        "import sys\n"
        "def test_it(): assert 'pytest_hermetic.audit.hooks' not in sys.modules\n"
        "def test_that(): sum([1])\n"
    )
    result = pytester.runpytest_subprocess(*lean())
    result.assert_outcomes(passed=2)
    result.stdout.no_fnmatch_line("*hermetic audit*")


def test_static_runs_nothing(audited: Run):
    files = {"test_it.py": "def test_it():\n    assert 1 == 2\n"}
    run = audited(files, "--hermetic-audit=static")
    assert (run.codes(), run.document["tests"], run.run.ret) == ([], [], 0)
    run.run.stdout.no_fnmatch_line("*no tests ran*")
    assert run.run.outlines[-1] == "hermetic audit: read 1 test in 1 file, ran none: 0 findings"


def test_static_ends_with_what_was_read_and_found(audited: Run):
    ignored = "def test_that():  # hermetic: ignore[H001] it must not raise\n    sum([1])\n"
    run = audited({**EMPTY, "test_two.py": ignored}, "--hermetic-audit=static", "-q")
    assert run.run.ret == 1
    run.run.stdout.fnmatch_lines(["  test_it.py:1  test_it asserts nothing"])
    last = "hermetic audit: read 2 tests in 2 files, ran none: 1 finding, 1 ignored with a reason"
    assert run.run.outlines[-1] == last


def test_failed_tests_stay_failed_whatever_the_audit_says(audited: Run):
    files = {"test_it.py": "def test_it():\n    assert sum([1]) == 2\n"}
    assert audited(files, "--hermetic-audit=full").run.ret == 1


def test_a_comment_with_a_reason_ignores_one_rule(audited: Run):
    run = audited(
        {
            "test_it.py": """
                import time

                def test_it():  # hermetic: ignore[H001] it must not raise
                    sum([1])

                # hermetic: ignore[H001]: the same, above
                def test_above():
                    sum([1])

                def test_without_a_reason():  # hermetic: ignore[H001]
                    sum([1])

                def test_another_rule():  # hermetic: ignore[H002] it must not raise
                    sum([1])

                def test_inside():
                    time.sleep(1)  # hermetic: ignore[H015,H001] the kernel's clock is meant
                    assert (
                        True  # hermetic: ignore[H003] shows how it looks
                    )
            """
        },
        "--hermetic-audit=static",
    )
    assert [one["what"] for one in run.findings] == [
        "test_without_a_reason asserts nothing",
        "test_another_rule asserts nothing",
    ]
    reasons = [one["ignored"] for one in run.document["findings"] if one["ignored"]]
    assert reasons == [
        "it must not raise",
        "the same, above",
        "the kernel's clock is meant",
        "shows how it looks",
    ]
    run.run.stdout.fnmatch_lines(["2 findings, 4 ignored with a reason"])


def test_a_setting_ignores_by_file_or_test(audited: Run):
    files = {
        "tests/test_one.py": "def test_it(): sum([1])\ndef test_that(): sum([1])\n",
        "tests/test_two.py": "def test_it(): sum([1])\n",
    }
    lines = """
hermetic_audit_ignore =
    H001,H002 tests/test_two.py: they show what must not raise
    H001 */test_one.py::test_it: the same
"""
    run = audited(files, "--hermetic-audit=error", ini=INI + lines)
    assert [one["nodeid"] for one in run.findings] == ["tests/test_one.py::test_that"]
    assert run.document["figures"]["ignored"] == 2


@pytest.mark.parametrize(
    ("lines", "arguments", "complaint"),
    [
        ("hermetic_audit_ignore = H001 tests/*", (), "*with a reason, not*"),
        ("hermetic_audit_ignore = H999 tests/*: why", (), "*there is no rule H999*"),
        ("hermetic_audit = loud", (), "*hermetic_audit is one of off, warn, error*"),
        ("", ("--hermetic-report=audit.pdf",), "*ends in .json or .html*"),
        ("", ("--hermetic-audit=static", "-n", "2"), "*static runs no test: leave -n away*"),
    ],
)
def test_what_cannot_be_meant_stops_the_run(pytester: pytest.Pytester, lines, arguments, complaint):
    pytester.makeini(f"{INI}{lines}")
    result = pytester.runpytest_subprocess(*lean(), *arguments)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([complaint])
