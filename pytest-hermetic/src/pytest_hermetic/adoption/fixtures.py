"""Which fixtures are mocks as a whole, and which only give a client of the application."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from pytest_hermetic.adoption import kinds
from pytest_hermetic.adoption.findings import Verdict
from pytest_hermetic.adoption.kinds import Kind, Targets
from pytest_hermetic.adoption.names import Function, keyword, literal
from pytest_hermetic.adoption.services import is_session
from pytest_hermetic.adoption.sources import Source
from pytest_hermetic.adoption.statements import fake, is_mock, patched, replaced

_CLIENTS = {
    "fastapi.testclient.TestClient": "hermetic_test_client",
    "starlette.testclient.TestClient": "hermetic_test_client",
    "httpx.AsyncClient": "hermetic_client",
    "httpx2.AsyncClient": "hermetic_client",
}
_AROUND = frozenset(("TestClient", "AsyncClient", "ASGITransport", "LifespanManager"))
_PLAIN_URLS = ("http://test", "http://testserver", "http://localhost")


def name(source: Source, function: ast.stmt) -> str:
    """The name by which tests ask for this fixture; empty if it is none."""
    for decorator in getattr(function, "decorator_list", []):
        call = decorator if isinstance(decorator, ast.Call) else None
        dotted = source.dotted(call.func if call else decorator)
        if dotted in ("pytest.fixture", "pytest_asyncio.fixture", "_pytest.fixtures.fixture"):
            given = keyword(call, "name") if call else None
            return literal(given) or str(getattr(function, "name", ""))
    return ""


def judge(source: Source, function: Function, targets: Targets) -> tuple[Verdict, Kind] | None:
    """The verdict on a fixture that does nothing but stand in for something."""
    fixture = name(source, function)
    if fixture == "event_loop":
        return Verdict("delete", kinds.LOOP.why), kinds.LOOP
    if not fixture or builds_client(source, function):
        return None
    found = tuple(_evidence(source, function, targets))
    if not found:
        return None
    unknown = [verdict for verdict, kind in found if kind is None or verdict.action == "ask"]
    if unknown:
        return None
    verdict, kind = found[0]
    return (verdict, kind) if kind else None


def builds_client(source: Source, function: Function) -> bool:
    """Whether it makes an HTTP client."""
    return any(called.rpartition(".")[2] in _AROUND for called, _ in source.calls(function))


def alias(source: Source, function: Function, survivors: list[ast.stmt]) -> str:
    """The line that gives the same client from pytest-hermetic; empty where it is not the same."""
    calls = [one for statement in survivors for one in source.calls(statement)]
    given = [_CLIENTS[called] for called, _ in calls if called in _CLIENTS]
    if len(given) != 1 or any(not _is_plain(called, call) for called, call in calls):
        return ""
    fixture = name(source, function)
    return f'{function.name} = pytest.fixture(lambda {given[0]}: {given[0]}, name="{fixture}")'


def session(source: Source, function: Function) -> tuple[str, ...]:
    """The same session from pytest-hermetic, for a fixture that yields one of its own engine."""
    called = {dotted for dotted, _ in source.calls(function)}
    if any(is_mock(one) for one in called) or not any(is_session(one) for one in called):
        return ()
    if not any(isinstance(node, ast.Yield) for node in ast.walk(function)):
        return ()
    is_async = isinstance(function, ast.AsyncFunctionDef)
    word, part = ("async ", "async_session") if is_async else ("", "session")
    decorator = source.lines[function.decorator_list[0].lineno - 1].strip()
    header = decorator.partition("(")[0] if "scope" in decorator else decorator
    return (
        header,
        f"{word}def {function.name}(hermetic_sql):",
        f"    {word}with hermetic_sql.{part}() as session:",
        "        yield session",
    )


def _evidence(
    source: Source, function: Function, targets: Targets
) -> Iterator[tuple[Verdict, Kind | None]]:
    for called, call in source.calls(function):
        if kind := fake(called):
            yield Verdict("delete", kind.why), kind
        elif is_mock(called) and not _within_patch(source, function, call):
            kind = kinds.by_words(function.name)
            yield Verdict("delete", kind.why if kind else ""), kind
        elif (target := patched(source, call)) is not None:
            yield replaced(targets, target), targets.kind(target)
        elif called.endswith(("generate_private_key", "Ed25519PrivateKey.generate")):
            yield Verdict("delete", kinds.KEYS.why), kinds.KEYS


def _within_patch(source: Source, function: Function, call: ast.Call) -> bool:
    """Whether a mock is made for a patch, which says what it stands for."""
    for _, other in source.calls(function):
        if other is not call and patched(source, other) is not None and _holds(other, call):
            return True
    return False


def _holds(outer: ast.AST, inner: ast.AST) -> bool:
    return any(one is inner for one in ast.walk(outer))


def _is_plain(called: str, call: ast.Call) -> bool:
    if called.rpartition(".")[2] not in _AROUND:
        return False
    url = keyword(call, "base_url")
    known = {"app", "transport", "base_url"}
    return {one.arg for one in call.keywords} <= known and (
        url is None or literal(url) in _PLAIN_URLS
    )
