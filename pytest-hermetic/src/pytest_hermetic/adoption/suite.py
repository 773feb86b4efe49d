"""Go through the tests: what can go, then what nothing is left of once that is gone."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from pytest_hermetic.adoption import fixtures, statements
from pytest_hermetic.adoption.findings import Verdict
from pytest_hermetic.adoption.kinds import CLOCK, Kind, Targets
from pytest_hermetic.adoption.names import Function, With, literal
from pytest_hermetic.adoption.sources import Project, Source

Block = ast.If | ast.For | ast.Try | With | Function | ast.ClassDef
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
_BLOCKS = (ast.If, ast.For, ast.Try, ast.With, ast.AsyncWith, ast.ClassDef, *_FUNCTIONS)
_FREEZERS = ("freezegun.freeze_time", "time_machine.travel")


@dataclass
class File:
    """What is to become of the statements of one test file."""

    source: Source
    blocks: tuple[ast.stmt, ...]
    """Its compound statements."""
    uses: Mapping[str, tuple[int, ...]]
    """The lines of each plain name, where it is read or written."""
    doomed: dict[ast.stmt, Verdict] = field(default_factory=dict)
    """The statements that go."""
    open: list[tuple[ast.stmt, Verdict]] = field(default_factory=list)
    """Those that somebody has to look at."""
    unwrapped: dict[With, Verdict] = field(default_factory=dict)
    """`with` statements whose body stays."""
    decorators: dict[ast.expr, tuple[Verdict, str]] = field(default_factory=dict)
    """Decorators that go, each with the line to write instead (or none)."""
    injected: dict[Function, list[tuple[str, Kind | None]]] = field(default_factory=dict)
    """The parameters that decorators which go have filled in."""


@dataclass
class Reading:
    """All test files, and the fixtures that go."""

    files: tuple[File, ...]
    gone: dict[str, Kind]
    """The names of fixtures that go, with what they stood in for."""
    variables: dict[str, str]
    """What the tests set in the environment."""
    resets: list[str]
    """Callables for `hermetic_reset`."""


def read(project: Project) -> Reading:
    """Judge every statement of every test file."""
    targets = Targets(project)
    reading = Reading(tuple(map(_file, project.tests)), {}, {}, [])
    for file in reading.files:
        _functions(file, reading, targets)
        _statements(file, reading, targets, file.source.tree.body, shared=True)
        _empty(file, reading)
    kept = any("dependency_overrides" in verdict.why for verdict in _open(reading))
    for file in reading.files:
        if not kept and not any("overrides " in verdict.why for verdict in _open(reading)):
            _clearing(file)
        _empty(file, reading)
    return reading


def _file(source: Source) -> File:
    uses: dict[str, tuple[int, ...]] = {}
    for node in source.nodes:
        if isinstance(node, ast.Name):
            uses[node.id] = (*uses.get(node.id, ()), node.lineno)
    blocks = tuple(node for node in source.nodes if isinstance(node, _BLOCKS))
    return File(source, blocks, uses)


def surviving(file: File, body: list[ast.stmt]) -> list[ast.stmt]:
    """The statements of a body that stay, documentation left out."""
    return [node for node in body if node not in file.doomed and not _is_text(node)]


def _open(reading: Reading) -> Iterator[Verdict]:
    for file in reading.files:
        yield from (verdict for _, verdict in file.open)


def _functions(file: File, reading: Reading, targets: Targets) -> None:
    for node in file.blocks:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            if judged := fixtures.judge(file.source, node, targets):
                file.doomed[node], kind = judged
                reading.gone[fixtures.name(file.source, node)] = kind
                _remember(file.source, node, reading)
            else:
                _decorators(file, node, targets)
        elif isinstance(node, ast.ClassDef):
            _decorators(file, node, targets)


def _statements(
    file: File, reading: Reading, targets: Targets, body: list[ast.stmt], *, shared: bool
) -> None:
    for node in body:
        if node in file.doomed:
            continue
        verdict = (
            statements.judge(file.source, node, targets, shared=shared)
            if (not isinstance(node, _BLOCKS) or isinstance(node, ast.If))
            else None
        )
        if verdict and verdict.action == "delete":
            file.doomed[node] = verdict
            _remember(file.source, node, reading)
            _bound(file, node, reading)
        elif verdict and not isinstance(node, ast.If):
            file.open.append((node, verdict))
        elif isinstance(node, _BLOCKS):
            inner = shared
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                inner = bool(fixtures.name(file.source, node)) or node.name.startswith("pytest_")
            elif isinstance(node, ast.ClassDef):
                inner = False
            if isinstance(node, ast.With | ast.AsyncWith):
                _unwrap(file, node, targets)
            for part in _bodies(node):
                _statements(file, reading, targets, part, shared=inner)


def _unwrap(file: File, node: With, targets: Targets) -> None:
    """Judge the patches a `with` statement makes."""
    verdicts = []
    for item in node.items:
        if not isinstance(item.context_expr, ast.Call):
            return
        called = file.source.dotted(item.context_expr.func)
        target = statements.patched(file.source, item.context_expr)
        if called in _FREEZERS:
            verdicts.append(Verdict("rewrite", f"{CLOCK.why}: {CLOCK.instead}"))
        elif target is not None:
            verdicts.append(statements.replaced(targets, target))
        else:
            return
    uncertain = [verdict for verdict in verdicts if verdict.action != "delete"]
    if uncertain:
        file.open.append((node, uncertain[0]))
    else:
        file.unwrapped[node] = verdicts[0]


def _decorators(file: File, node: Function | ast.ClassDef, targets: Targets) -> None:
    source = file.source
    # The decorator nearest to the function fills in its first mock.
    injections = 0
    for decorator in reversed(node.decorator_list):
        call = decorator if isinstance(decorator, ast.Call) else None
        called = source.dotted(call.func if call else decorator)
        target = statements.patched(source, call) if call else None
        if call and target is not None:
            verdict = statements.replaced(targets, target)
            if verdict.action == "delete":
                file.decorators[decorator] = (verdict, "")
            else:
                file.open.append((node, verdict))
            new = 2 if called.endswith(".object") else 1
            if len(call.args) == new and isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                names = [one.arg for one in node.args.args if one.arg not in ("self", "cls")]
                if verdict.action == "delete" and injections < len(names):
                    gone = (names[injections], targets.kind(target))
                    file.injected.setdefault(node, []).append(gone)
                injections += 1
        elif call and called in _FREEZERS:
            moment = literal(call.args[0]) if call.args else None
            text = f'@pytest.mark.hermetic(clock="{moment}")' if moment else ""
            file.decorators[decorator] = (
                Verdict("replace" if text else "rewrite", f"{CLOCK.why}; clock.freeze() stops it"),
                text,
            )
        elif statements.is_needless(source, decorator):
            why = "what it misses is there in every test"
            file.decorators[decorator] = (Verdict("delete", why), "")


def _remember(source: Source, node: ast.stmt, reading: Reading) -> None:
    for name, text in statements.variables(source, node):
        if text is not None:
            reading.variables.setdefault(name, text)
    for called, _ in source.calls(node):
        function, _, last = called.rpartition(".")
        if last == "cache_clear":
            module, _, attribute = function.rpartition(".")
            reading.resets.append(f"{module}:{attribute}.cache_clear")


def _bound(file: File, node: ast.stmt, reading: Reading) -> None:
    """A fixture made by an assignment: `postgresql = factories.postgresql(…)`."""
    if isinstance(node, ast.Assign) and node in file.source.tree.body:
        for called, _ in file.source.calls(node.value):
            if kind := statements.fake(called):
                for target in node.targets:
                    if isinstance(target, ast.Name):
                        reading.gone[target.id] = kind


def _clearing(file: File) -> None:
    """No override stays, so nothing is left for `dependency_overrides.clear()` to do."""
    for node in file.source.nodes:
        if isinstance(node, ast.Expr | ast.Assign | ast.Delete) and any(
            isinstance(one, ast.Attribute) and one.attr == "dependency_overrides"
            for one in ast.walk(node)
        ):
            file.doomed.setdefault(node, Verdict("delete", "nothing is overridden any more"))


def _empty(file: File, reading: Reading) -> None:
    """A block goes when all that is in it goes; a fixture also when it only yields."""
    while file.doomed:
        found = [node for node in file.blocks if node not in file.doomed and _is_empty(file, node)]
        if not found:
            return
        for node in found:
            inner = next(one for one in ast.walk(node) if one in file.doomed)
            file.doomed[node] = file.doomed[inner]
            if fixture := fixtures.name(file.source, node):
                reading.gone.setdefault(fixture, CLOCK)


def _is_empty(file: File, node: ast.stmt) -> bool:
    inner = [one for part in _bodies(node) for one in part]
    if not any(one in file.doomed for one in inner):
        return False
    left = surviving(file, inner)
    if fixtures.name(file.source, node):
        left = [one for one in left if not _is_bare(one)]
    return not left


def _is_bare(node: ast.stmt) -> bool:
    match node:
        case ast.Expr(value=ast.Yield(value=None)) | ast.Return(value=None) | ast.Pass():
            return True
    return False


def _is_text(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _bodies(node: ast.stmt) -> Iterator[list[ast.stmt]]:
    for name in ("body", "orelse", "finalbody"):
        yield getattr(node, name, [])
    for handler in getattr(node, "handlers", []):
        yield handler.body
