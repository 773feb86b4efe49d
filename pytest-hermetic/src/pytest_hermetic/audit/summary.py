"""The audit's section at the end of a run: each place, what is wrong there, what to do."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import pytest

from pytest_hermetic.audit.findings import Finding, Verdict
from pytest_hermetic.audit.results import Results
from pytest_hermetic.audit.rules import BY_CODE


def write(terminal: pytest.TerminalReporter, results: Results, *, is_full: bool) -> None:
    """Write the findings by rule, and after a full audit the verdicts; nothing if all is well."""
    findings = results.findings
    if not findings and not is_full:
        return
    terminal.section("hermetic audit")
    for code in sorted({finding.code for finding in findings}):
        rule = BY_CODE[code]
        terminal.write_line(f"{code} {rule.title}", bold=True)
        for finding in (one for one in findings if one.code == code):
            terminal.write_line(f"  {finding.where}  {_what(finding)}")
        terminal.write_line(f"  fix: {rule.fix}", cyan=True)
    if is_full:
        counts = Counter(str(test.verdict) for test in results.tests.values())
        said = (f"{counts[v]} {v}" for v in map(str, Verdict) if counts[v])
        terminal.write_line(f"{len(results.tests)} tests: {', '.join(said)}")
    terminal.write_line(_counts(results))


def static_line(results: Results, items: Sequence[pytest.Item]) -> str:
    """The last line of a static audit: what was read, and how much was found there."""
    tests = _counted(len(items), "test")
    files = _counted(len({item.path for item in items}), "file")
    return f"hermetic audit: read {tests} in {files}, ran none: {_counts(results)}"


def _counts(results: Results) -> str:
    ignored = len(results.ignored)
    also = f", {ignored} ignored with a reason" if ignored else ""
    return _counted(len(results.findings), "finding") + also


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _what(finding: Finding) -> str:
    name = finding.nodeid.partition("::")[2]
    is_named = not name or name.partition("[")[0] in finding.what
    return finding.what if is_named else f"{name}: {finding.what}"
