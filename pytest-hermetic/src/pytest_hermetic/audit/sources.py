"""Source files, parsed once, with the comments that ask the audit to be silent."""

from __future__ import annotations

import ast
import re
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

Function = ast.FunctionDef | ast.AsyncFunctionDef

_IGNORE = re.compile(r"#\s*hermetic:\s*ignore\[([A-Z0-9,\s]+)\]\s*:?\s*(.*)")


@dataclass
class Source:
    """One parsed file."""

    path: Path
    name: str
    """Its path from the root of the project, with forward slashes."""
    text: str
    tree: ast.Module
    is_test_code: bool = True
    """Whether the suite owns it: a test, a conftest, a helper of theirs."""

    @cached_property
    def ignores(self) -> dict[int, tuple[frozenset[str], str]]:
        """Line number to (codes, reason) of each `# hermetic: ignore[…] reason`."""
        found = {}
        for number, line in enumerate(self.text.splitlines(), 1):
            if match := _IGNORE.search(line):
                codes = frozenset(code.strip() for code in match[1].split(","))
                found[number] = (codes, match[2].strip())
        return found

    def is_comment(self, line: int) -> bool:
        """Whether nothing but a comment stands on a line (counted from 1)."""
        return self.text.splitlines()[line - 1].lstrip().startswith("#")

    @cached_property
    def nodes(self) -> list[ast.AST]:
        """Every node of the tree."""
        return list(ast.walk(self.tree))

    @cached_property
    def functions(self) -> dict[str, list[Function]]:
        """Every function of the file by its own name, methods and inner functions included."""
        found: dict[str, list[Function]] = {}
        for node in self.nodes:
            if isinstance(node, Function):
                found.setdefault(node.name, []).append(node)
        return found

    @cached_property
    def methods(self) -> dict[str, list[Function]]:
        """Every function that is defined in a class, by its name."""
        found: dict[str, list[Function]] = {}
        for node in self.nodes:
            if isinstance(node, ast.ClassDef):
                for one in node.body:
                    if isinstance(one, Function):
                        found.setdefault(one.name, []).append(one)
        return found

    @cached_property
    def imported(self) -> dict[str, tuple[str, str]]:
        """Local name to (module, name there) of each import; the name is "" for a module."""
        found = {}
        for node in self.nodes:
            if isinstance(node, ast.ImportFrom):
                module = "." * node.level + (node.module or "")
                for alias in node.names:
                    found[alias.asname or alias.name] = (module, alias.name)
            elif isinstance(node, ast.Import):
                for alias in node.names:
                    found[alias.asname or alias.name.partition(".")[0]] = (alias.name, "")
        return found

    def definition(self, path: list[str]) -> Function | None:
        """The function that `path` (["TestCart", "test_total"]) names; the last one wins."""
        scope: list[ast.stmt] = self.tree.body
        for name in path[:-1]:
            inside = [n for n in flat(scope) if isinstance(n, ast.ClassDef) and n.name == name]
            if not inside:
                return None
            scope = inside[-1].body
        found = [n for n in flat(scope) if isinstance(n, Function) and n.name == path[-1]]
        return found[-1] if found else None


@dataclass
class Sources:
    """All files looked at, by path; a file that cannot be parsed is None."""

    root: Path
    errors: dict[Path, SyntaxError] = field(default_factory=dict)
    _files: dict[Path, Source | None] = field(default_factory=dict)

    def read(self, path: Path, *, is_test_code: bool = True) -> Source | None:
        """The parsed file at `path`."""
        if path not in self._files:
            self._files[path] = self._parse(path, is_test_code)
        return self._files[path]

    def name(self, path: Path) -> str:
        """The path from the root of the project, or the whole path of a file outside it."""
        try:
            return path.relative_to(self.root).as_posix()
        except ValueError:
            return path.as_posix()

    def named(self, name: str) -> Source | None:
        """The file already read whose name is `name`."""
        return self._files.get(self.root / name)

    def test_code(self) -> Iterator[Source]:
        """The files of the suite that could be parsed."""
        for source in list(self._files.values()):
            if source is not None and source.is_test_code:
                yield source

    def _parse(self, path: Path, is_test_code: bool) -> Source | None:
        try:
            with tokenize.open(path) as file:
                text = file.read()
            tree = ast.parse(text, str(path))
        except SyntaxError as error:
            self.errors[path] = error
            return None
        except (OSError, ValueError):
            # Gone meanwhile, or no text: nothing to say about it.
            return None
        return Source(path, self.name(path), text, tree, is_test_code)


def flat(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """The statements of a scope, those under `if`, `try` and `with` included."""
    for node in body:
        yield node
        if isinstance(node, ast.If | ast.Try | ast.With):
            for part in ("body", "orelse", "finalbody"):
                yield from flat(getattr(node, part, []))
            for handler in getattr(node, "handlers", []):
                yield from flat(handler.body)


def dotted(node: ast.AST) -> str:
    """`a.b.c` of a chain of names; calls and subscripts in it are left out; "" for no chain."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        before = dotted(node.value)
        return f"{before}.{node.attr}" if before else node.attr
    if isinstance(node, ast.Call):
        return dotted(node.func)
    if isinstance(node, ast.Subscript | ast.Await):
        return dotted(node.value)
    return ""


def header(function: Function) -> tuple[int, int]:
    """The first and last line of a function before its body, decorators included."""
    first = min([function.lineno, *(one.lineno for one in function.decorator_list)])
    return first, max(function.lineno, function.body[0].lineno - 1)
