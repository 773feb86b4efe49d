"""H006: mocks in place of the database or Redis. H014: tests that assert only their own mock."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from pytest_hermetic.audit.evidence import Surely
from pytest_hermetic.audit.findings import Finding
from pytest_hermetic.audit.helpers import fixture_name
from pytest_hermetic.audit.reading import Reading, TestCode
from pytest_hermetic.audit.sources import Function, Source, dotted

MOCKS = frozenset(
    {"Mock", "MagicMock", "AsyncMock", "NonCallableMock", "PropertyMock", "create_autospec"}
)
_STORES = re.compile(
    r"(^|[_.])(db|database|session|sessionmaker|async_session|engine|redis|cache|valkey|"
    r"postgres|sql|get_db|get_redis|get_session|redis_client)($|[_.\d])",
    re.IGNORECASE,
)
_MENTIONED = re.compile(r"Mock|patch|create_autospec")
_OF_MOCKS = re.compile(r"^(called|call_count|call_args(_list)?|mock_calls|method_calls|await\w*)$")


def stand_ins(reading: Reading) -> Iterator[Finding]:
    """Fixtures, dependency overrides and patches that put a mock where a store belongs."""
    for source in reading.sources.test_code():
        for node in source.nodes:
            if isinstance(node, Function):
                name = fixture_name(node)
                if name and _STORES.search(name) and _hands_out_a_mock(node):
                    what = f"the fixture {name} hands out a mock"
                    yield reading.finding("H006", source, node, what)
            elif isinstance(node, ast.Assign):
                yield from _override(reading, source, node)
            elif isinstance(node, ast.Call):
                yield from _patch(reading, source, node)


def own_words(reading: Reading) -> Iterator[Finding]:
    """Tests in which every assertion is about a mock they made, or what it was told to say."""
    for test in reading.tests:
        if not _MENTIONED.search(test.source.text):
            continue
        asserted = [n for n in ast.walk(test.function) if isinstance(n, ast.Assert)]
        calls = [n for n in ast.walk(test.function) if isinstance(n, ast.Call)]
        on_mocks = [c for c in calls if re.search(r"\.assert_(\w*_)?(call|await)", dotted(c.func))]
        others = [
            c
            for c in calls
            if c not in on_mocks
            and reading.evidence.of_call(test.source, test.function, c) is not Surely.NEVER
        ]
        mocks = _mocks(test)
        if others or not mocks or not (asserted or on_mocks):
            continue
        expressions = [one.test for one in asserted] + [call.func for call in on_mocks]
        if all(_is_only_about(expression, mocks) for expression in expressions):
            # A call that the code under test made on a mock is a fact about that code.
            are_of_calls = bool(on_mocks) or any(_asks_for_calls(one) for one in expressions)
            if not (are_of_calls and _calls_beside(test, mocks)):
                what = f"{test.function.name} asserts nothing but {', '.join(sorted(mocks))}"
                yield reading.finding("H014", test.source, test.function, what, test.nodeid)


def _override(reading: Reading, source: Source, node: ast.Assign) -> Iterator[Finding]:
    """`app.dependency_overrides[get_db] = …`"""
    for target in node.targets:
        if not isinstance(target, ast.Subscript):
            continue
        if not dotted(target.value).endswith("dependency_overrides"):
            continue
        replaced = dotted(target.slice)
        if _STORES.search(replaced) and _makes_a_mock(source, node.value):
            yield reading.finding("H006", source, node, f"{replaced} is overridden by a mock")


def _patch(reading: Reading, source: Source, node: ast.Call) -> Iterator[Finding]:
    """`patch("app.redis.client")`, `monkeypatch.setattr(database, "engine", Mock())`."""
    path = dotted(node.func)
    texts = [a.value for a in node.args if isinstance(a, ast.Constant) and isinstance(a.value, str)]
    # The last two names: the module and what is replaced in it.
    stores = [".".join(text.split(".")[-2:]) for text in texts]
    if not any(map(_STORES.search, stores)):
        return
    is_patch = path.split(".")[-1] == "patch" or path.endswith("patch.object")
    is_set = path.endswith("monkeypatch.setattr") and any(
        _makes_a_mock(source, argument) for argument in node.args
    )
    if is_patch or is_set:
        yield reading.finding("H006", source, node, f"{texts[0]} is replaced by a mock")


def _hands_out_a_mock(function: Function) -> bool:
    mocks = _assigned_mocks(function)
    for node in ast.walk(function):
        handed_out = node.value if isinstance(node, ast.Return | ast.Yield) else None
        if handed_out is not None and (_is_mock(handed_out) or dotted(handed_out) in mocks):
            return True
    return False


def _makes_a_mock(source: Source, node: ast.expr) -> bool:
    if isinstance(node, ast.Lambda):
        return _makes_a_mock(source, node.body)
    if _is_mock(node) or dotted(node) in MOCKS:
        return True
    if isinstance(node, ast.Name):
        return node.id in _assigned_mocks(source.tree) or any(
            _hands_out_a_mock(one) for one in source.functions.get(node.id, ())
        )
    return False


def _is_mock(node: ast.expr) -> bool:
    return isinstance(node, ast.Call) and dotted(node.func).split(".")[-1] in MOCKS


def _assigned_mocks(scope: ast.AST) -> set[str]:
    found = set()
    for node in ast.walk(scope):
        if isinstance(node, ast.Assign) and _is_mock(node.value):
            found |= {target.id for target in node.targets if isinstance(target, ast.Name)}
    return found


def _mocks(test: TestCode) -> set[str]:
    """The names that hold a mock made for this test, and what was got from one."""
    found = _assigned_mocks(test.function)
    for node in ast.walk(test.function):
        if isinstance(node, ast.withitem) and isinstance(node.optional_vars, ast.Name):
            if dotted(node.context_expr).split(".")[-1] in ("patch", "object"):
                found.add(node.optional_vars.id)
        elif isinstance(node, ast.Assign) and dotted(node.value).endswith("mocker.patch"):
            found |= {target.id for target in node.targets if isinstance(target, ast.Name)}
    for node in ast.walk(test.function):
        # `answer = await gateway.charge(5)`, where gateway is a mock
        if isinstance(node, ast.Assign) and dotted(node.value).split(".")[0] in found:
            found |= {target.id for target in node.targets if isinstance(target, ast.Name)}
    return found


def _is_only_about(expression: ast.expr, mocks: set[str]) -> bool:
    names = {node.id for node in ast.walk(expression) if isinstance(node, ast.Name)}
    return bool(names & mocks) and names <= mocks | {"len", "str", "list", "dict", "True"}


def _asks_for_calls(expression: ast.expr) -> bool:
    attributes = (node.attr for node in ast.walk(expression) if isinstance(node, ast.Attribute))
    return any(_OF_MOCKS.match(attribute) for attribute in attributes)


def _calls_beside(test: TestCode, mocks: set[str]) -> bool:
    """Whether the test calls anything but its mocks: code that may be what called them."""
    for node in ast.walk(test.function):
        if isinstance(node, ast.Call) and not _is_mock(node):
            root = dotted(node.func).split(".")[0]
            if root not in mocks and root not in ("patch", "mock", "mocker", "call", "len"):
                return True
    return False
