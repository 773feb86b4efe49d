"""H012: an application that asks whether it is being tested."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

from pytest_hermetic.audit.findings import Finding
from pytest_hermetic.audit.reading import Reading
from pytest_hermetic.audit.sources import dotted

# Most files never mention tests: they are not parsed.
_HINT = re.compile(r"""["'](test|testing|tests|pytest)["']|PYTEST_|\b(is_test|testing)""", re.I)
_TEST_WORDS = frozenset({"test", "testing", "tests"})
_ENVIRONMENT = re.compile(r"(^|_|\.)(env|environment|mode|stage|app_env)$", re.IGNORECASE)
_SWITCH = re.compile(r"(^|[._])(is_testing|is_test|testing|test_mode|in_test)$", re.IGNORECASE)


def knows_of_tests(reading: Reading) -> Iterator[Finding]:
    """Conditions in the application's modules that are about tests."""
    for path in sorted(_application(reading)):
        if not _HINT.search(path.read_text(encoding="utf-8", errors="replace")):
            continue
        source = reading.sources.read(path, is_test_code=False)
        if source is None or source.is_test_code:
            continue
        for node in source.nodes:
            condition = node.test if isinstance(node, ast.If | ast.IfExp | ast.While) else None
            if condition is not None and (reason := _about_tests(condition)):
                yield reading.finding("H012", source, condition, reason)


def _application(reading: Reading) -> set[Path]:
    """The files of the project's own modules that were imported, the suite's left out."""
    found = set()
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None)
        if not file or not file.endswith(".py"):
            continue
        if any(part.startswith(("test", "conftest", "pytest")) for part in name.split(".")):
            continue
        path = Path(file)
        is_of_the_suite = any(path.is_relative_to(root) for root in _folders(reading))
        if reading.is_ours(path) and not is_of_the_suite and path.is_file():
            found.add(path)
    return found


def _folders(reading: Reading) -> list[Path]:
    return [root for root in reading.roots if root != reading.config.rootpath]


def _about_tests(condition: ast.expr) -> str:
    for node in ast.walk(condition):
        match node:
            case ast.Compare(left=left, ops=[ast.Eq() | ast.NotEq()], comparators=[right]):
                if _is_environment(left) and _is_test_word(right):
                    return f"branches on {ast.unparse(node)}"
                if _is_environment(right) and _is_test_word(left):
                    return f"branches on {ast.unparse(node)}"
            case ast.Compare(left=left, ops=[ast.In() | ast.NotIn()], comparators=[right]):
                is_module = isinstance(left, ast.Constant) and left.value == "pytest"
                if is_module and dotted(right) == "sys.modules":
                    return "looks for pytest among the imported modules"
                if _is_environment(left) and any(map(_is_test_word, ast.walk(right))):
                    return f"branches on {ast.unparse(node)}"
            case ast.Constant(value=str() as text) if text.startswith("PYTEST_"):
                return f"looks at {text}"
            case ast.Name() | ast.Attribute() if _SWITCH.search(dotted(node)):
                return f"branches on {ast.unparse(node)}"
    return ""


def _is_test_word(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and str(node.value).lower() in _TEST_WORDS


def _is_environment(node: ast.expr) -> bool:
    """`settings.env`, `os.environ["ENV"]`, `os.getenv("APP_ENV")`, `ENVIRONMENT.lower()`."""
    for one in ast.walk(node):
        if isinstance(one, ast.Constant) and isinstance(one.value, str):
            if _ENVIRONMENT.search(one.value):
                return True
        elif isinstance(one, ast.Name | ast.Attribute) and _ENVIRONMENT.search(dotted(one)):
            return True
    return False
