"""The audit's section at the end of a run: each place, what is wrong there, what to do."""

from __future__ import annotations

from collections import Counter

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
    ignored = len(results.ignored)
    also = f", {ignored} ignored with a reason" if ignored else ""
    noun = "finding" if len(findings) == 1 else "findings"
    terminal.write_line(f"{len(findings)} {noun}{also}")


def _what(finding: Finding) -> str:
    name = finding.nodeid.partition("::")[2]
    is_named = not name or name.partition("[")[0] in finding.what
    return finding.what if is_named else f"{name}: {finding.what}"
