"""What a name in a file means, told from its imports and definitions alone."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from typing import TypeAlias

Function: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef
With: TypeAlias = ast.With | ast.AsyncWith


def bound(tree: ast.Module, module: str, *, is_package: bool) -> Mapping[str, str]:
    """Every imported name, and every one defined at module level, with its dotted meaning."""
    names = {name: f"{module}.{name}" if module else name for name in _defined(tree.body)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                first = alias.name.partition(".")[0]
                names[alias.asname or first] = alias.name if alias.asname else first
        elif isinstance(node, ast.ImportFrom):
            base = _base(node, module, is_package=is_package)
            for alias in node.names:
                names[alias.asname or alias.name] = f"{base}.{alias.name}".lstrip(".")
    return names


def imported(tree: ast.AST, module: str, *, is_package: bool) -> Iterator[str]:
    """The dotted names of all that a file imports."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = _base(node, module, is_package=is_package)
            yield base
            yield from (f"{base}.{alias.name}" for alias in node.names)


def words(text: str) -> frozenset[str]:
    """The words of a name: `getRedis_client` has get, redis and client."""
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", text)
    return frozenset(re.split(r"[^a-z0-9]+", spaced.lower())) - {""}


def literal(node: ast.AST | None) -> str | None:
    """The text of a string constant; of an f-string, its constant parts."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(literal(part) or "…" for part in node.values)
    return None


def keyword(call: ast.Call, *names: str) -> ast.expr | None:
    """The value of the first of these keyword arguments."""
    return next((one.value for one in call.keywords if one.arg in names), None)


def texts(node: ast.AST) -> Iterator[str]:
    """Every string constant within."""
    for one in ast.walk(node):
        if isinstance(one, ast.Constant) and isinstance(one.value, str):
            yield one.value


def loads(node: ast.AST) -> Iterator[str]:
    """Every plain name within that is read or written."""
    for one in ast.walk(node):
        if isinstance(one, ast.Name):
            yield one.id


def arguments(function: Function) -> list[ast.arg]:
    """The parameters that a caller, or pytest, fills in by name."""
    spec = function.args
    return [*spec.posonlyargs, *spec.args, *spec.kwonlyargs]


def _defined(body: list[ast.stmt]) -> Iterator[str]:
    for node in body:
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                yield node.name
            case ast.Assign():
                for one in (one for target in node.targets for one in ast.walk(target)):
                    if isinstance(one, ast.Name) and isinstance(one.ctx, ast.Store):
                        yield one.id
            case ast.AnnAssign(target=ast.Name(id=name)):
                yield name
            case ast.If() | ast.Try() | ast.With():
                yield from _defined(node.body)
                yield from _defined(getattr(node, "orelse", []))


def _base(node: ast.ImportFrom, module: str, *, is_package: bool) -> str:
    if not node.level:
        return node.module or ""
    parts = module.split(".")
    parts = parts[: len(parts) - node.level + (1 if is_package else 0)]
    return ".".join([*parts, node.module] if node.module else parts)
