"""H016: tests that pytest passes over. H017: fixtures that do not exist."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from difflib import get_close_matches
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from pytest_hermetic.audit.evidence import Surely
from pytest_hermetic.audit.findings import Finding
from pytest_hermetic.audit.helpers import fixture_name
from pytest_hermetic.audit.reading import Reading
from pytest_hermetic.audit.sources import Function, Source, dotted


def not_collected(reading: Reading) -> Iterator[Finding]:
    """Hidden by a later definition, in a class or a file of another name, in a broken file."""
    collected = {item.path for item in reading.items}
    folders = {path.parent for path in collected}
    for path, is_matched in reading.modules():
        if not reading.is_ours(path):
            continue
        source = reading.sources.read(path)
        if source is None:
            error = reading.sources.errors.get(path)
            if error is not None:
                name = reading.sources.name(path)
                yield Finding("H016", name, error.lineno or 1, f"syntax error: {error.msg}")
        elif is_matched or path in collected:
            yield from _hidden(reading, source, source.tree.body, "the module")
            yield from _passed_over(reading, source)
        elif path.name != "conftest.py" and _is_among(path, folders):
            yield from _in_an_unmatched_file(reading, source)


def missing_fixtures(reading: Reading) -> Iterator[Finding]:
    """Arguments of tests, and of the fixtures they use, that no fixture has the name of."""
    said = set()
    for test in reading.tests:
        info: Any = getattr(test.item, "_fixtureinfo", None)
        if info is None:
            continue
        given = set(getattr(getattr(test.item, "callspec", None), "params", ()))
        known = set(getattr(test.item.session._fixturemanager, "_arg2fixturedefs", ()))
        for name in info.names_closure:
            is_there = name in info.name2fixturedefs or name in given or name == "request"
            if is_there or (test.nodeid, name) in said:
                continue
            said.add((test.nodeid, name))
            near = get_close_matches(name, known, n=1)
            hint = f"; is {near[0]} meant?" if near else ""
            what = f"there is no fixture {name}{hint}"
            yield reading.finding("H017", test.source, test.function, what, test.nodeid)


def _is_among(path: Path, folders: set[Path]) -> bool:
    """Whether a file lies beside or above collected tests, or in a folder called tests."""
    return path.parent in folders or bool({"test", "tests"} & set(path.parts[:-1]))


def _hidden(
    reading: Reading, source: Source, body: list[ast.stmt], where: str
) -> Iterator[Finding]:
    """Definitions that a later one of the same name, in the same scope, replaces."""
    last: dict[str, Function | ast.ClassDef] = {}
    for node in body:
        if isinstance(node, Function | ast.ClassDef) and _is_named_as_test(reading, node):
            before = last.get(node.name)
            if before is not None and not _is_kept(before, node):
                what = f"{node.name} is defined again in {where}, line {node.lineno}"
                yield reading.finding("H016", source, before, what)
            last[node.name] = node
        if isinstance(node, ast.ClassDef):
            yield from _hidden(reading, source, node.body, f"class {node.name}")


def _is_kept(before: ast.stmt, after: Function | ast.ClassDef) -> bool:
    """Whether the later definition is made from the earlier: overloads, setters, wrappers."""
    marks = [dotted(mark) for mark in getattr(before, "decorator_list", [])]
    return "overload" in " ".join(marks) or any(
        dotted(mark).startswith(f"{after.name}.") for mark in after.decorator_list
    )


def _is_named_as_test(reading: Reading, node: Function | ast.ClassDef) -> bool:
    setting = "python_classes" if isinstance(node, ast.ClassDef) else "python_functions"
    if isinstance(node, Function) and fixture_name(node) is not None:
        return False
    return any(
        node.name.startswith(pattern) or fnmatch(node.name, pattern)
        for pattern in reading.config.getini(setting)
    )


def _passed_over(reading: Reading, source: Source) -> Iterator[Finding]:
    """Classes with tests that pytest does not take."""
    bases = reading.helpers.bases
    for node in source.tree.body:
        if not isinstance(node, ast.ClassDef) or node.name in bases or _says_no_test(node):
            continue
        tests = [n for n in node.body if isinstance(n, Function) and _is_named_as_test(reading, n)]
        if not tests or any("TestCase" in dotted(base) for base in node.bases):
            continue
        if not _is_named_as_test(reading, node) and not _may_be_unittest(reading, source, node):
            what = f"the class {node.name} is not named as tests are: {len(tests)} tests"
            yield reading.finding("H016", source, tests[0], what)
        elif any(isinstance(n, Function) and n.name in ("__init__", "__new__") for n in node.body):
            what = f"the class {node.name} has a constructor: {len(tests)} tests"
            yield reading.finding("H016", source, tests[0], what)


def _may_be_unittest(reading: Reading, source: Source, node: ast.ClassDef) -> bool:
    """Whether pytest took it all the same, as it does any `unittest.TestCase`."""
    return any(
        test.source is source and getattr(test.item.cls, "__name__", "") == node.name
        for test in reading.tests
    )


def _in_an_unmatched_file(reading: Reading, source: Source) -> Iterator[Finding]:
    named = [
        node
        for node in source.tree.body
        if isinstance(node, Function)
        and _is_named_as_test(reading, node)
        and reading.evidence.of(source, node) is not Surely.NEVER
    ]
    used = {
        name
        for other in reading.sources.test_code()
        for (module, name) in other.imported.values()
        if module.split(".")[-1] == source.path.stem
    }
    lost = [node for node in named if node.name not in used and "*" not in used]
    if lost:
        patterns = ", ".join(reading.config.getini("python_files"))
        what = f"{len(lost)} tests in a file that is not named {patterns}"
        yield reading.finding("H016", source, lost[0], what)


def _says_no_test(node: ast.ClassDef) -> bool:
    return any(
        isinstance(one, ast.Assign)
        and dotted(one.targets[0]) == "__test__"
        and isinstance(one.value, ast.Constant)
        and not one.value.value
        for one in node.body
    )
