"""H003: assertions that cannot fail. H004: statuses that accept success and failure alike."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from pytest_hermetic.audit.findings import Finding
from pytest_hermetic.audit.reading import Reading
from pytest_hermetic.audit.sources import dotted


def tautologies(reading: Reading) -> Iterator[Finding]:
    """Assertions of what is true whatever happens."""
    for source in reading.sources.test_code():
        for node in source.nodes:
            if isinstance(node, ast.Assert) and (reason := _always_true(node.test)):
                yield reading.finding("H003", source, node, reason)


def mixed_statuses(reading: Reading) -> Iterator[Finding]:
    """Comparisons of a status with a set that holds both a success and 404 or a 5xx."""
    for source in reading.sources.test_code():
        for assertion in source.nodes:
            if not isinstance(assertion, ast.Assert):
                continue
            accepted = sorted(_accepted(assertion.test))
            if any(200 <= s < 300 for s in accepted) and any(
                s == 404 or s >= 500 for s in accepted
            ):
                what = f"accepts {', '.join(map(str, accepted))}"
                yield reading.finding("H004", source, assertion, what)


def _always_true(node: ast.expr) -> str:
    """Why an expression can only be true, or ""."""
    match node:
        case ast.Tuple(elts=[_, *_]):
            return "asserts a tuple, which is true: the message belongs outside the parentheses"
        case ast.Constant(value=value) if value:
            return f"asserts the constant {value!r}"
        case ast.JoinedStr() | ast.Lambda():
            return "asserts a text or a function, which is true"
        case ast.BoolOp(op=ast.Or(), values=values):
            return next(filter(None, map(_always_true, values)), "")
        case ast.BoolOp(op=ast.And(), values=values):
            reasons = [_always_true(value) for value in values]
            return reasons[0] if all(reasons) else ""
        case ast.UnaryOp(op=ast.Not(), operand=ast.Constant(value=value)) if not value:
            return f"asserts that {value!r} is false"
        case ast.Compare(left=left, ops=[op], comparators=[right]):
            return _always_holds(left, op, right)
        case ast.Call(func=ast.Name(id="isinstance"), args=[_, ast.Name(id="object")]):
            return "everything is an object"
    return ""


def _always_holds(left: ast.expr, op: ast.cmpop, right: ast.expr) -> str:
    if isinstance(op, ast.Eq | ast.Is | ast.LtE | ast.GtE):
        both = isinstance(left, ast.Name) and isinstance(right, ast.Name) and left.id == right.id
        if both or (isinstance(left, ast.Constant) and ast.dump(left) == ast.dump(right)):
            return f"compares {ast.unparse(left)} with itself"
    is_length = isinstance(left, ast.Call) and dotted(left.func) == "len"
    is_zero = isinstance(right, ast.Constant) and right.value == 0
    if is_length and is_zero and isinstance(op, ast.GtE):
        return "a length is never below zero"
    return ""


def _accepted(node: ast.expr) -> set[int]:
    """The statuses that one assertion accepts, where it names them."""
    match node:
        case ast.BoolOp(op=ast.Or(), values=values):
            return set().union(*map(_accepted, values))
        case ast.Compare(left=left, ops=[ast.Eq()], comparators=[right]) if _is_status(left):
            return _numbers([right])
        case ast.Compare(left=left, ops=[ast.In()], comparators=[right]) if _is_status(left):
            if isinstance(right, ast.Tuple | ast.List | ast.Set):
                return _numbers(right.elts)
    return set()


def _is_status(node: ast.expr) -> bool:
    return "status" in dotted(node).lower() or dotted(node).endswith("code")


def _numbers(nodes: list[ast.expr]) -> set[int]:
    found = set()
    for node in nodes:
        if isinstance(node, ast.Constant) and isinstance(node.value, int):
            found.add(node.value)
        elif (name := dotted(node).rpartition(".")[2]).startswith("HTTP_"):
            # starlette.status.HTTP_404_NOT_FOUND
            found |= {int(part) for part in name.split("_")[1:2] if part.isdigit()}
    return found
