"""How surely a test asserts something: always, perhaps, or never.

A test's own assertions are counted: `assert`, `pytest.raises` and its kin, unittest's methods,
everything named `assert…`; in the test, in the helpers and fixtures of the suite it calls. What
an `if`, or an exception that is swallowed, can pass by is only perhaps.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable
from enum import IntEnum

from pytest_hermetic.audit.helpers import Helpers
from pytest_hermetic.audit.sources import Function, Source, dotted, header


class Surely(IntEnum):
    """How surely an assertion is reached."""

    NEVER = 0
    PERHAPS = 1
    TURNING = 2
    """In a loop of the test itself: if it turns, and gets there."""
    ALWAYS = 3


CHECKS = frozenset(
    {
        *("raises", "warns", "deprecated_call", "fail", "raise_for_status", "expect", "subtest"),
        *("fnmatch_lines", "fnmatch_lines_random", "no_fnmatch_line"),
        *("re_match_lines", "re_match_lines_random", "no_re_match_line"),
        *("run_state_machine_as_test", "call_and_validate"),
    }
)
"""Functions that fail a test by themselves and are not called `assert…`."""


def is_check(call: ast.Call) -> bool:
    """Whether a call, by its name, is an assertion."""
    path = dotted(call.func)
    name = path.rpartition(".")[2]
    if name.lstrip("_").lower().startswith(("assert", "expect_")) or name in CHECKS:
        return True
    # pytest-regressions: data_regression.check(…)
    return name == "check" and path.rpartition(".")[0].endswith("regression")


class Evidence:
    """Looks through functions for assertions, and remembers what it saw."""

    def __init__(self, helpers: Helpers) -> None:
        self._helpers = helpers
        self._seen: dict[tuple[str, int], Surely] = {}

    def of(self, source: Source, function: Function) -> Surely:
        """How surely `function`, called, asserts something."""
        key = (source.name, header(function)[0])
        if key not in self._seen:
            self._seen[key] = Surely.NEVER  # what calls itself adds nothing by that
            self._seen[key] = _Reader(self, source, function).block(function.body)
        return self._seen[key]

    def of_test(self, source: Source, function: Function) -> Surely:
        """The same, with the fixtures the test asks for by name."""
        wanted = [argument.arg for argument in _arguments(function)]
        for mark in function.decorator_list:
            if isinstance(mark, ast.Call) and dotted(mark.func).endswith("usefixtures"):
                wanted += [str(one.value) for one in mark.args if isinstance(one, ast.Constant)]
        found = self.of(source, function)
        fixtures = (self.of(*one) for name in wanted for one in self._helpers.fixtures(name))
        asserted = max(fixtures, default=Surely.NEVER)
        return max(found, Surely.ALWAYS if asserted is Surely.TURNING else asserted)

    def of_call(self, source: Source, inside: Function, call: ast.Call) -> Surely:
        """How surely a call asserts something."""
        if is_check(call):
            return Surely.ALWAYS
        called = self._helpers.called(source, inside, call)
        found = max((self.of(*one) for one in called), default=Surely.NEVER)
        # What a helper loops over is its own affair.
        return Surely.ALWAYS if found is Surely.TURNING else found


class _Reader:
    """Reads one function's statements, as they are run."""

    def __init__(self, evidence: Evidence, source: Source, function: Function) -> None:
        self._evidence = evidence
        self._source = source
        self._function = function

    def block(self, body: Iterable[ast.stmt]) -> Surely:
        found, is_certain = Surely.NEVER, True
        for statement in body:
            here = self.statement(statement)
            found = max(found, here if is_certain else min(here, Surely.PERHAPS))
            if _may_return(statement):
                is_certain = False
        return found

    def statement(self, node: ast.stmt) -> Surely:
        match node:
            case ast.Assert():
                return Surely.ALWAYS
            case ast.Raise(exc=raised):
                named = dotted(raised) if raised is not None else ""
                return Surely.ALWAYS if named.endswith("AssertionError") else Surely.NEVER
            case ast.If():
                return self._branches(node.test, [node.body, node.orelse])
            case ast.Match():
                blocks = [case.body for case in node.cases]
                if not _is_exhaustive(node):
                    blocks.append([])
                return self._branches(node.subject, blocks)
            case ast.For() | ast.AsyncFor() | ast.While():
                inside = self.block([*node.body, *node.orelse])
                # What a loop turns over, and which of it an `if` in it selects, is seen running.
                if inside is Surely.PERHAPS or (inside and not _turns(node)):
                    inside = Surely.TURNING
                return max(inside, self.expressions(node))
            case ast.With() | ast.AsyncWith():
                inside = self.block(node.body)
                if any(dotted(item.context_expr).endswith("suppress") for item in node.items):
                    inside = min(inside, Surely.PERHAPS)
                return max(inside, self.expressions(node))
            case ast.Try() | ast.TryStar():
                return self._attempt(node)
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                return self._inner(node)
        return self.expressions(node)

    def expressions(self, node: ast.AST) -> Surely:
        """What the expressions of a statement assert, those of inner blocks left out."""
        found = Surely.NEVER
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.stmt | ast.ExceptHandler | ast.match_case):
                continue
            if isinstance(child, ast.Call):
                found = max(found, self._evidence.of_call(self._source, self._function, child))
            found = max(found, self.expressions(child))
        return found

    def _branches(self, test: ast.expr, blocks: list[list[ast.stmt]]) -> Surely:
        if any(_fails(block) for block in blocks):
            return Surely.ALWAYS  # `if wrong: pytest.fail(…)` is an assertion written out
        found = [self.block(block) for block in blocks]
        # A branch that skips the test says so in the summary.
        found = [Surely.ALWAYS if _skips(b) else f for b, f in zip(blocks, found, strict=True)]
        if all(_skips(block) or not block for block in blocks):
            found = [Surely.NEVER]
        inside = min(found) if min(found) else min(max(found), Surely.PERHAPS)
        return max(inside, self.expressions(test), self._of_call(test))

    def _of_call(self, node: ast.expr) -> Surely:
        if isinstance(node, ast.Call):
            return self._evidence.of_call(self._source, self._function, node)
        return Surely.NEVER

    def _attempt(self, node: ast.Try | ast.TryStar) -> Surely:
        attempted = self.block([*node.body, *node.orelse])
        handled = [self.block(handler.body) for handler in node.handlers]
        for handler, found in zip(node.handlers, handled, strict=True):
            is_let_out = any(isinstance(n, ast.Raise) for n in ast.walk(handler))
            if found <= Surely.PERHAPS and not is_let_out and not _skips(handler.body):
                attempted = min(attempted, Surely.PERHAPS)
        # What only a handler asserts is not reached when nothing is raised.
        in_handlers = min(max(handled, default=Surely.NEVER), Surely.PERHAPS)
        return max(attempted, in_handlers, self.block(node.finalbody))

    def _inner(self, node: Function | ast.ClassDef) -> Surely:
        """An inner function counts where it is mentioned: called, or handed to what calls it."""
        mentions = (n for n in ast.walk(self._function) if isinstance(n, ast.Name))
        if not any(mention.id == node.name for mention in mentions):
            return Surely.NEVER
        return self.block(node.body)


def _arguments(function: Function) -> list[ast.arg]:
    return [*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs]


def _may_return(node: ast.stmt) -> bool:
    """Whether a guard clause may end the function here without a word."""
    return (
        isinstance(node, ast.If)
        and not node.orelse
        and isinstance(node.body[-1], ast.Return)
        and not any(isinstance(n, ast.Assert) for n in ast.walk(node))
    )


def _turns(node: ast.stmt) -> bool:
    """Whether a loop is certain to turn once: over items written out, or `while True`."""
    if isinstance(node, ast.While):
        return isinstance(node.test, ast.Constant)
    over = getattr(node, "iter", None)
    if isinstance(over, ast.Tuple | ast.List | ast.Set):
        return bool(over.elts)
    if isinstance(over, ast.Call) and dotted(over.func) == "range":
        return all(isinstance(one, ast.Constant) for one in over.args)
    return False


def _fails(body: list[ast.stmt]) -> bool:
    for node in body:
        if isinstance(node, ast.Raise):
            return True
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
            name = dotted(node.value.func)
            if name in ("fail", "pytest.fail", "self.fail"):
                return True
    return False


def _skips(body: list[ast.stmt]) -> bool:
    return any(
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Call)
        and dotted(node.value.func).rpartition(".")[2] in ("skip", "skipTest", "xfail")
        for node in body
    )


def _is_exhaustive(node: ast.Match) -> bool:
    last = node.cases[-1]
    return (
        last.guard is None
        and isinstance(last.pattern, ast.MatchAs)
        and last.pattern.pattern is None
    )
