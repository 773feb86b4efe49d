"""H007: skips for want of a service. H010: calls never awaited. H015: real waiting."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from pytest_hermetic.audit.findings import Finding
from pytest_hermetic.audit.reading import Reading
from pytest_hermetic.audit.sources import Source, dotted

LONGEST_SLEEP = 0.05
"""Seconds a test may sleep: enough to let another task or thread go first."""

PROVIDED = re.compile(
    r"\b(mock\w*|fake[\w-]*|redis|valkey|network|internet|online|offline|database|postgres\w*|"
    r"mysql|docker|smtp|mail server|live server|external service)\b",
    re.IGNORECASE,
)
"""Words of a skip's reason that name what the plugin provides, or makes needless."""


def skips(reading: Reading) -> Iterator[Finding]:
    """Tests that are always skipped, for a reason the plugin takes away."""
    for source in reading.sources.test_code():
        for node in source.nodes:
            if isinstance(node, ast.Call) and dotted(node.func).endswith("mark.skip"):
                reason = _reason(node)
                if PROVIDED.search(reason):
                    yield reading.finding("H007", source, node, f"skipped: {reason}")


def never_awaited(reading: Reading) -> Iterator[Finding]:
    """Calls of the file's own asynchronous functions whose coroutine is thrown away."""
    for source in reading.sources.test_code():
        asynchronous = {
            name
            for name, functions in source.functions.items()
            if all(isinstance(one, ast.AsyncFunctionDef) and not _yields(one) for one in functions)
        }
        for node in source.nodes:
            if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
                function = node.value.func
                if isinstance(function, ast.Name) and function.id in asynchronous:
                    what = f"{function.id}(…) is called and not awaited"
                    yield reading.finding("H010", source, node, what)


def sleeps(reading: Reading) -> Iterator[Finding]:
    """Calls of a `sleep` with more than `LONGEST_SLEEP` seconds."""
    for source in reading.sources.test_code():
        constants = _constants(source)
        for node in source.nodes:
            if not isinstance(node, ast.Call) or not node.args:
                continue
            seconds = _seconds(node.args[0], constants)
            if seconds is not None and seconds > LONGEST_SLEEP and _is_sleep(source, node.func):
                yield reading.finding("H015", source, node, f"sleeps {seconds:g} s")


def _reason(node: ast.Call) -> str:
    given = [keyword.value for keyword in node.keywords if keyword.arg == "reason"] or node.args
    return str(given[0].value) if given and isinstance(given[0], ast.Constant) else ""


def _yields(function: ast.AsyncFunctionDef) -> bool:
    return any(isinstance(node, ast.Yield) for node in ast.walk(function))


def _is_sleep(source: Source, function: ast.expr) -> bool:
    path = dotted(function)
    if path in ("time.sleep", "asyncio.sleep", "anyio.sleep", "trio.sleep", "gevent.sleep"):
        return True
    return path == "sleep" and source.imported.get("sleep", ("",))[0] in (
        *("time", "asyncio", "anyio", "trio"),
    )


def _constants(source: Source) -> dict[str, float]:
    found = {}
    for node in source.tree.body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            seconds = _seconds(node.value, {})
            if seconds is not None:
                found[node.targets[0].id] = seconds
    return found


def _seconds(node: ast.expr, constants: dict[str, float]) -> float | None:
    match node:
        case ast.Constant(value=int() | float() as value):
            return float(value)
        case ast.Name(id=name):
            return constants.get(name)
        case ast.BinOp(left=left, op=ast.Add() | ast.Mult() as op, right=right):
            one, other = _seconds(left, constants), _seconds(right, constants)
            if one is None or other is None:
                return None
            return one + other if isinstance(op, ast.Add) else one * other
    return None
