"""Marks, helpers and imports that nothing needs once the mocks are gone."""

from __future__ import annotations

import ast
import textwrap
from collections.abc import Iterator
from dataclasses import replace

from pytest_hermetic.adoption import fixtures
from pytest_hermetic.adoption.findings import Finding, Verdict, finding, span
from pytest_hermetic.adoption.names import literal, loads
from pytest_hermetic.adoption.suite import File, Reading


def marks(file: File, reading: Reading) -> Iterator[Finding]:
    """`usefixtures` marks that name a fixture that goes."""
    source = file.source
    for node in file.blocks:
        for decorator in getattr(node, "decorator_list", []):
            if not isinstance(decorator, ast.Call):
                continue
            if source.dotted(decorator.func) != "pytest.mark.usefixtures":
                continue
            names = [literal(one) or "" for one in decorator.args]
            kept = [name for name in names if name not in reading.gone]
            if len(kept) == len(names):
                continue
            first, last = decorator.lineno, decorator.end_lineno or decorator.lineno
            indent = source.lines[first - 1][: decorator.col_offset - 1]
            quoted = ", ".join(f'"{name}"' for name in kept)
            text = (f"{indent}@pytest.mark.usefixtures({quoted})",) if kept else ()
            shown = source.lines[first - 1].strip()
            why = "the fixture it names is gone"
            action = "replace" if kept else "delete"
            yield Finding(source.place, first, last, shown, action, why, text)  # type: ignore[arg-type]  # one of two


def helpers(file: File, said: list[Finding]) -> list[Finding]:
    """Functions of a test file that only deleted lines have used."""
    found: list[Finding] = []
    for node in file.source.tree.body:
        if (
            isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
            and node not in file.doomed
            and not fixtures.name(file.source, node)
            and not node.name.startswith(("test", "pytest_"))
            and _is_orphan(file, node.name, [*said, *found], span(node))
        ):
            verdict = Verdict("delete", "only what is deleted has used it")
            found.append(finding(file.source, node, verdict))
    return found


def imports(file: File, said: list[Finding]) -> list[Finding]:
    found: list[Finding] = []
    for node in file.source.nodes:
        if not isinstance(node, ast.Import | ast.ImportFrom) or node in file.doomed:
            continue
        kept = [
            alias
            for alias in node.names
            if not _is_orphan(
                file, (alias.asname or alias.name).partition(".")[0], said, span(node)
            )
        ]
        if len(kept) == len(node.names):
            continue
        why = "nothing needs it any more"
        if not kept:
            found.append(finding(file.source, node, Verdict("delete", why)))
            continue
        indent = " " * node.col_offset
        rest = ast.unparse(_with(node, kept))
        found.append(finding(file.source, node, Verdict("replace", why), indent + rest))
    if "pytest" in _written(said) and "pytest" not in file.source.names:
        return _with_pytest(found)
    return found


def _with_pytest(found: list[Finding]) -> list[Finding]:
    """The first import that goes makes room for the one that what is written instead needs."""
    for number, one in enumerate(found):
        if one.action == "delete":
            why = f"{one.why}, but pytest is"
            found[number] = replace(one, action="replace", why=why, text=("import pytest",))
            break
    return found


def _with(node: ast.Import | ast.ImportFrom, names: list[ast.alias]) -> ast.stmt:
    if isinstance(node, ast.Import):
        return ast.Import(names)
    return ast.ImportFrom(node.module, names, node.level)


def _is_orphan(file: File, name: str, said: list[Finding], own: tuple[int, int]) -> bool:
    """Whether a name was used, but only in lines that go."""
    gone = [one for one in said if one.action in ("delete", "replace")]
    lines = [line for line in file.uses.get(name, ()) if not own[0] <= line <= own[1]]
    if not gone or not lines or name in _written(gone):
        return False
    return all(any(one.first <= line <= one.last for one in gone) for line in lines)


def _written(gone: list[Finding]) -> set[str]:
    """The names in what is written instead."""
    found: set[str] = set()
    for one in gone:
        text = textwrap.dedent("\n".join(one.text))
        if text.rstrip().endswith(":"):
            text += " ..."
        elif text.lstrip().startswith("@"):
            text = text.lstrip()[1:]
        try:
            found.update(loads(ast.parse(text)))
        except SyntaxError:
            # A piece of a statement: what looks like a name is one.
            found.update(text.replace("(", " ").replace(".", " ").split())
    return found
