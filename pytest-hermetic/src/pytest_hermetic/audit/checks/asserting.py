"""H001: tests that assert nothing. H002: tests whose assertions may be passed by."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from pytest_hermetic.audit.evidence import Surely
from pytest_hermetic.audit.findings import Finding
from pytest_hermetic.audit.reading import Reading, TestCode
from pytest_hermetic.audit.sources import dotted


def unasserted(reading: Reading) -> Iterator[Finding]:
    """Tests without any assertion, and those whose assertions are all guarded."""
    for test in reading.tests:
        if _is_skipped(test):
            continue
        surely = reading.evidence.of_test(test.source, test.function)
        name = test.function.name
        if surely is Surely.NEVER:
            yield reading.finding(
                "H001", test.source, test.function, f"{name} asserts nothing", test.nodeid
            )
        elif surely is Surely.PERHAPS and not _is_property(test):
            what = f"{name} asserts only under a condition, or where an error is swallowed"
            yield reading.finding("H002", test.source, test.function, what, test.nodeid)


def _is_property(test: TestCode) -> bool:
    """Whether Hypothesis calls it: a guard then says which of many examples a rule is about."""
    marks = [m.func if isinstance(m, ast.Call) else m for m in test.function.decorator_list]
    return any(dotted(mark).rpartition(".")[2] == "given" for mark in marks)


def _is_skipped(test: TestCode) -> bool:
    """Whether the test is never run, or runs something that judges itself."""
    marks = [m.func if isinstance(m, ast.Call) else m for m in test.function.decorator_list]
    if any(dotted(mark).endswith("mark.skip") for mark in marks):
        return True
    return "benchmark" in test.item.fixturenames
