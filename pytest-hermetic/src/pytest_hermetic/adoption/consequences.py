"""What follows from what goes: parameters, bodies of `with`, lines that used a mock."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from pytest_hermetic.adoption import fixtures, leftovers
from pytest_hermetic.adoption.findings import Finding, Verdict, finding, span
from pytest_hermetic.adoption.kinds import Kind
from pytest_hermetic.adoption.names import Function, arguments
from pytest_hermetic.adoption.sources import Source
from pytest_hermetic.adoption.suite import File, Reading, surviving

_ASKED = "pytest-hermetic has it, and runs the start-up and the shutdown"


def findings(reading: Reading, *, has_app: bool) -> list[Finding]:
    """Everything to say about the tests, by file and line."""
    found: list[Finding] = []
    used = _asked(reading)
    for file in reading.files:
        said = list(_direct(file, used, reading))
        said += _functions(file, reading, has_app=has_app, said=said)
        said += leftovers.marks(file, reading)
        said += leftovers.helpers(file, said)
        said += leftovers.imports(file, said)
        found += _outermost(said)
    return sorted(found, key=lambda one: (one.place, one.first, one.last))


def edited(lines: tuple[str, ...], found: list[Finding]) -> list[str]:
    """The lines of a file after what is said about them was done, `rewrite` and `ask` left out."""
    result = list(lines)
    for one in sorted(found, key=lambda one: -one.first):
        if one.action in ("delete", "replace"):
            result[one.first - 1 : one.last] = one.text
    return result


def _asked(reading: Reading) -> frozenset[str]:
    """The fixtures that go, but whose object a remaining test works with."""
    return frozenset(
        argument.arg
        for file in reading.files
        for function in _kept(file)
        for argument in arguments(function)
        if argument.arg in reading.gone and _lines_with(file, function, argument.arg)
    )


def _direct(file: File, used: frozenset[str], reading: Reading) -> Iterator[Finding]:
    source = file.source
    for node, verdict in file.doomed.items():
        text: tuple[str, ...] = ()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            fixture = fixtures.name(source, node)
            text = fixtures.session(source, node) if fixture in used else ()
            if text:
                reading.gone.pop(fixture, None)
                verdict = Verdict("replace", verdict.why)  # noqa: PLW2901  # the one for its text
        yield finding(source, node, verdict, *text)
    for node, verdict in file.open:
        yield finding(source, node, verdict)
    for decorator, (verdict, line) in file.decorators.items():
        first, last = decorator.lineno, decorator.end_lineno or decorator.lineno
        indent = source.lines[first - 1][: decorator.col_offset - 1]
        text = (indent + line,) if line else ()
        shown = source.lines[first - 1].strip()
        yield Finding(source.place, first, last, shown, verdict.action, verdict.why, text)


def _functions(
    file: File, reading: Reading, *, has_app: bool, said: list[Finding]
) -> Iterator[Finding]:
    source = file.source
    for function in _kept(file):
        gone: dict[str, Kind | None] = dict(file.injected.get(function, []))
        parameters = {argument.arg for argument in arguments(function)}
        gone |= {name: reading.gone[name] for name in parameters & reading.gone.keys()}
        by_hand = {name: kind for name, kind in gone.items() if _lines_with(file, function, name)}
        for name, kind in by_hand.items():
            for line in _lines_with(file, function, name):
                why = f"{name} is gone" + (f": {kind.instead}" if kind else "")
                shown = source.lines[line - 1].strip()
                yield Finding(source.place, line, line, shown, "rewrite", why)
        left = surviving(file, function.body)
        reasons = list(_reasons(file, function))
        if (
            has_app
            and (gone or reasons)
            and not by_hand
            and not parameters - gone.keys()
            and _gives_client(source, function)
            and (same := fixtures.alias(source, function, left))
        ):
            why = "; ".join(dict.fromkeys([_ASKED, *reasons]))
            yield finding(source, function, Verdict("replace", why), same)
            continue
        if removed := frozenset(gone.keys() - by_hand.keys()):
            yield _header(source, function, removed)
        yield from _bound_before(file, function)
    yield from _unwrapped(file, said)


def _reasons(file: File, function: Function) -> Iterator[str]:
    """Why what goes within a function goes."""
    for node in ast.walk(function):
        if isinstance(node, ast.stmt) and node in file.doomed:
            yield file.doomed[node].why


def _gives_client(source: Source, function: Function) -> bool:
    return bool(fixtures.name(source, function)) and fixtures.builds_client(source, function)


def _header(source: Source, function: Function, gone: frozenset[str]) -> Finding:
    """The `def` line without the parameters that nobody fills in any more."""
    first = function.lineno
    last = span(function.body[0])[0] - 1
    while last > first and not source.lines[last - 1].split("#")[0].strip():
        last -= 1
    old = source.lines[first - 1]
    kept = [one for one in arguments(function) if one.arg not in gone]
    word = "async def" if isinstance(function, ast.AsyncFunctionDef) else "def"
    returns = f" -> {ast.unparse(function.returns)}" if function.returns else ""
    indent = old[: len(old) - len(old.lstrip())]
    text = f"{indent}{word} {function.name}({', '.join(map(ast.unparse, kept))}){returns}:"
    why = "the fixture of a parameter is gone"
    return Finding(source.place, first, last, old.strip(), "replace", why, (text,))


def _bound_before(file: File, function: Function) -> Iterator[Finding]:
    """Lines that use what a deleted statement of the same function has assigned."""
    names: dict[str, str] = {}
    inner = set(ast.walk(function)) if file.doomed or file.unwrapped else set()
    for node, verdict in file.doomed.items():
        if isinstance(node, ast.Assign) and node in inner:
            for target in node.targets:
                if isinstance(target, ast.Name):
                    names[target.id] = verdict.why
    for node, verdict in file.unwrapped.items():
        if node in inner:
            for item in node.items:
                if isinstance(item.optional_vars, ast.Name):
                    names[item.optional_vars.id] = verdict.why
    for name, why in names.items():
        for line in _lines_with(file, function, name):
            shown = file.source.lines[line - 1].strip()
            yield Finding(file.source.place, line, line, shown, "rewrite", f"{name} is gone: {why}")


def _unwrapped(file: File, said: list[Finding]) -> Iterator[Finding]:
    """The body of a `with` that goes, one level further left, what goes within it gone."""
    for node, verdict in file.unwrapped.items():
        if node in file.doomed:
            continue
        first, last = node.body[0].lineno, node.end_lineno or node.lineno
        inner = [one for one in said if first <= one.first and one.last <= last]
        shifted = [
            Finding(
                one.place, one.first - first + 1, one.last - first + 1, "", one.action, "", text
            )
            for one in inner
            if (text := one.text) is not None
        ]
        body = edited(file.source.lines[first - 1 : last], _outermost(shifted))
        width = node.body[0].col_offset - node.col_offset
        text_ = tuple(line[width:] if line[:width].isspace() else line for line in body)
        yield finding(file.source, node, Verdict("replace", verdict.why), *text_)


def _outermost(said: list[Finding]) -> list[Finding]:
    """Leave out what lies within lines that are gone as a whole."""
    whole = [one for one in said if one.action in ("delete", "replace")]
    return [
        one
        for one in dict.fromkeys(said)
        if not any(
            other is not one
            and other.first <= one.first
            and one.last <= other.last
            and (other.last - other.first, other.action == "delete")
            > (one.last - one.first, one.action == "delete")
            for other in whole
        )
    ]


def _kept(file: File) -> Iterator[Function]:
    doomed = [span(node) for node in file.doomed]
    for node in file.blocks:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            first, last = span(node)
            if not any(begin <= first and last <= end for begin, end in doomed):
                yield node


def _lines_with(file: File, function: Function, name: str) -> list[int]:
    """The lines of a function's body that read a name and stay."""
    if name not in file.uses:
        return []
    doomed = [span(node) for node in file.doomed]
    lines = {
        node.lineno
        for statement in function.body
        for node in ast.walk(statement)
        if isinstance(node, ast.Name) and node.id == name and isinstance(node.ctx, ast.Load)
    }
    return sorted(line for line in lines if not any(begin <= line <= end for begin, end in doomed))
