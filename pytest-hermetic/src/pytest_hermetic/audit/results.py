"""What the audit has gathered so far, from this process and from xdist's workers."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from pytest_hermetic.audit.checks.waiting import PROVIDED
from pytest_hermetic.audit.findings import Finding, TestRecord, Verdict
from pytest_hermetic.audit.ignoring import parse, silence
from pytest_hermetic.audit.sources import Sources


class Results:
    """Findings and test records of one session."""

    def __init__(self, root: Path, ignores: Iterable[str]) -> None:
        self.tests: dict[str, TestRecord] = {}
        self.was_read = False
        """Whether the rules that read were asked."""
        self._sources = Sources(root)
        self._ignores = parse(ignores)
        self._all: dict[tuple[str, str, int, str], Finding] = {}

    @property
    def findings(self) -> list[Finding]:
        """What is to be mended, by file and line."""
        return [one for one in self._sorted() if not one.ignored]

    @property
    def ignored(self) -> list[Finding]:
        """What is ignored, each with its reason."""
        return [one for one in self._sorted() if one.ignored]

    def read(self, findings: Iterable[Finding], sources: Sources) -> None:
        """Take what the rules that read found."""
        self.was_read = True
        self._sources = sources
        for finding in findings:
            self.found(finding)

    def found(self, finding: Finding) -> None:
        """Take one finding; the same place is named once by each rule."""
        source = self._sources.read(self._sources.root / finding.file)
        silenced = silence(finding, source, self._ignores)
        key = (finding.code, finding.file, finding.line, finding.nodeid)
        self._all.setdefault(key, silenced)

    def about(self, code: str, nodeid: str, what: str) -> None:
        """Take a finding about a test that ran."""
        file, line, last = self._place(nodeid)
        self.found(Finding(code, file, line, what, nodeid, last))

    def failed_to_collect(self, report: pytest.CollectReport) -> None:
        """Take a file that could not be collected; syntax errors are H016's."""
        text = report.longreprtext.strip()
        if "SyntaxError" in text:
            return
        last = text.splitlines()[-1].removeprefix("E").strip() if text else "no reason given"
        self.found(Finding("H008", report.nodeid.partition("::")[0], 0, last))

    def never_awaited(self, nodeid: str, text: str) -> None:
        """Take Python's warning that a coroutine was never awaited."""
        self.about("H010", nodeid, text.splitlines()[0])

    def add(self, report: pytest.TestReport) -> None:
        """Take one phase of one test."""
        record = self.tests.setdefault(report.nodeid, TestRecord(report.nodeid))
        record.seconds += report.duration
        record.explain += getattr(report, "hermetic_explain", None) or []
        outcome = _outcome(report)
        if outcome == "passed" and report.when != "call":
            return
        if record.outcome in ("not run", "passed") or outcome in ("failed", "error"):
            record.outcome = outcome
        if outcome == "skipped":
            reason = _reason(report)
            record.verdict = Verdict.SKIPPED
            if PROVIDED.search(reason):
                self.about("H007", report.nodeid, f"skipped: {reason}")
        elif outcome in ("failed", "error"):
            record.verdict = Verdict.RED
        elif outcome in ("xfailed", "xpassed"):
            record.verdict = Verdict.SKIPPED

    def judge(self, nodeid: str, verdict: Verdict, green_under: list[str], requests: int) -> None:
        """Take what the constant answers showed about a test."""
        record = self.tests.setdefault(nodeid, TestRecord(nodeid))
        record.verdict, record.green_under, record.requests = verdict, green_under, requests
        if verdict is Verdict.VACUOUS:
            self.about("H005", nodeid, f"green under {', '.join(green_under)}")

    def shipped(self) -> dict[str, Any]:
        """All that only this worker knows, in plain types."""
        judged = [one.as_dict() for one in self.tests.values() if one.requests or one.green_under]
        apart = [n for n, one in self.tests.items() if one.verdict == Verdict.APART]
        return {
            "findings": [one.as_dict() for one in self._all.values()],
            "judged": judged,
            "apart": apart,
            "was_read": self.was_read,
        }

    def merge(self, shipped: dict[str, Any] | None) -> None:
        """Take what a worker shipped; nothing if it crashed."""
        if shipped is None:
            return
        self.was_read |= shipped["was_read"]
        for values in shipped["findings"]:
            finding = Finding(**values)
            key = (finding.code, finding.file, finding.line, finding.nodeid)
            self._all.setdefault(key, finding)
        for values in shipped["judged"]:
            record = self.tests.setdefault(values["nodeid"], TestRecord(values["nodeid"]))
            record.verdict = Verdict(values["verdict"])
            record.green_under, record.requests = values["green_under"], values["requests"]
        for nodeid in shipped["apart"]:
            self.tests.setdefault(nodeid, TestRecord(nodeid)).verdict = Verdict.APART

    def _sorted(self) -> list[Finding]:
        return sorted(self._all.values(), key=lambda one: (one.file, one.line, one.code))

    def _place(self, nodeid: str) -> tuple[str, int, int]:
        """File, line and end of the header of the test `nodeid`."""
        file, *names = nodeid.partition("[")[0].split("::")
        source = self._sources.read(self._sources.root / file)
        function = source.definition(names) if source is not None and names else None
        if function is None:
            return file, 0, 0
        from pytest_hermetic.audit.sources import header

        return file, function.lineno, header(function)[1]


def _outcome(report: pytest.TestReport) -> str:
    is_expected = hasattr(report, "wasxfail")
    if report.skipped:
        return "xfailed" if is_expected else "skipped"
    if report.failed:
        return "failed" if report.when == "call" else "error"
    return "xpassed" if is_expected else "passed"


def _reason(report: pytest.TestReport) -> str:
    text = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longreprtext
    return re.sub(r"^Skipped: ", "", str(text))
