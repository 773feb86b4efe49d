"""H001 while running: assertions that stand in a loop, and the loop never gets to them.

Only the tests whose assertions all stand in loops are watched, and only until one is reached.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import CodeType, FrameType
from typing import Any

import pytest

from pytest_hermetic.audit.evidence import Evidence, Surely
from pytest_hermetic.audit.reading import Reading, TestCode, unwrapped


class Turns:
    """The assertions to watch, by the test they stand in."""

    def __init__(self, reading: Reading) -> None:
        self._lines = {
            test.nodeid: frozenset(_lines(reading.evidence, test))
            for test in reading.tests
            if reading.evidence.of_test(test.source, test.function) is Surely.TURNING
        }

    @contextmanager
    def watched(self, item: pytest.Item) -> Iterator[list[bool]]:
        """Watch the test run; the list is [False] afterwards if none was reached."""
        turned = [True]
        code = getattr(unwrapped(getattr(item, "obj", None)), "__code__", None)
        lines = self._lines.get(item.nodeid.partition("[")[0])
        if lines is None or code is None or sys.gettrace() is not None:
            yield turned  # a debugger or coverage traces already: it is left alone
            return
        turned[0] = False
        if sys.version_info >= (3, 12):
            with _monitored(code, lines, turned):
                yield turned
        else:
            with _traced(code, lines, turned):
                yield turned


def _lines(evidence: Evidence, test: TestCode) -> Iterator[int]:
    """The lines of the assertions that stand in loops."""
    for loop in ast.walk(test.function):
        if not isinstance(loop, ast.For | ast.AsyncFor | ast.While):
            continue
        for node in ast.walk(loop):
            if isinstance(node, ast.Call):
                found = evidence.of_call(test.source, test.function, node)
            elif isinstance(node, ast.Assert):
                found = Surely.ALWAYS
            else:
                continue
            if found is Surely.ALWAYS:
                yield from range(node.lineno, (node.end_lineno or node.lineno) + 1)


@contextmanager
def _traced(code: CodeType, lines: frozenset[int], turned: list[bool]) -> Iterator[None]:
    def inside(frame: FrameType, event: str, _argument: object) -> Any:
        if event == "line" and frame.f_lineno in lines:
            turned[0] = True
            sys.settrace(None)
            return None
        return inside

    def begin(frame: FrameType, _event: str, _argument: object) -> Any:
        return inside if frame.f_code is code else None

    sys.settrace(begin)
    try:
        yield
    finally:
        sys.settrace(None)


@contextmanager
def _monitored(code: CodeType, lines: frozenset[int], turned: list[bool]) -> Iterator[None]:
    monitoring: Any = sys.monitoring  # type: ignore[attr-defined]  # Python 3.12
    tool = next((n for n in range(6) if monitoring.get_tool(n) is None), None)
    if tool is None:
        turned[0] = True
        yield
        return

    def line(_code: CodeType, number: int) -> Any:
        turned[0] = turned[0] or number in lines
        return monitoring.DISABLE

    monitoring.use_tool_id(tool, "pytest-hermetic")
    monitoring.register_callback(tool, monitoring.events.LINE, line)
    monitoring.set_local_events(tool, code, monitoring.events.LINE)
    try:
        yield
    finally:
        monitoring.set_local_events(tool, code, 0)
        monitoring.free_tool_id(tool)
