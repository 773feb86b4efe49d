"""`--hermetic-explain` on the terminal; and what was blocked, in the report of a failed test.

What a test met travels on the report of its teardown, so that xdist's workers hand it over too.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import TYPE_CHECKING

from pytest_hermetic.explain import OUTSIDE, Row, lines
from pytest_hermetic.network.errors import BlockedWarning

if TYPE_CHECKING:
    import pytest

    from pytest_hermetic.explain import Recorder
    from pytest_hermetic.facade import Hermetic

ATTRIBUTE = "hermetic_explain"
"""Of a teardown's `TestReport`: {node id: [(kind, what, where, how often)]}."""


def attach(report: pytest.TestReport, recorder: Recorder) -> None:
    """Put on a report what there is to tell: of a failure at once, of a test at its end."""
    if report.failed:
        entries = recorder.entries(report.nodeid)
        blocked = [entry.what for entry in entries if entry.kind == "blocked"]
        if blocked:
            report.sections.append(("hermetic: blocked addresses", "\n".join(blocked)))
    if report.when == "teardown":
        setattr(report, ATTRIBUTE, recorder.take())


def warn_of_swallowed(item: pytest.Item, hermetic: Hermetic) -> None:
    """Warn of addresses that were blocked in a test that did not notice it."""
    addresses = hermetic.swallowed(item.path)
    if not addresses:
        return
    text = (
        f"{', '.join(addresses)} was blocked and the test passed: its application swallowed the "
        "error. If that is meant, assert it: hermetic.network.blocked"
    )
    _, line, _ = item.location
    warnings.warn_explicit(BlockedWarning(text), None, str(item.path), (line or 0) + 1)


class Explanation:
    """What every test of the run met, collected from the reports; a pytest plugin."""

    def __init__(self) -> None:
        self.tests: dict[str, list[Row]] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        found: Mapping[str, list[Row]] = getattr(report, ATTRIBUTE, {})
        if report.when == "teardown":
            self.tests.setdefault(report.nodeid, [])
        for nodeid, rows in found.items():
            self.tests.setdefault(nodeid, []).extend(rows)

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        terminalreporter.section("hermetic: what each test met")
        silent = 0
        for nodeid, rows in self.tests.items():
            if not rows:
                silent += 1
                continue
            terminalreporter.line(nodeid if nodeid != OUTSIDE else "outside any test")
            for line in lines(rows):
                terminalreporter.line(f"  {line}")
        if silent:
            tests = "1 test" if silent == 1 else f"{silent} tests"
            terminalreporter.line(f"{tests} met nothing outside the process")
