"""Write the reference pages that are made from the code; with --check, fail where one is stale."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from inspect import cleandoc
from pathlib import Path
from typing import Any, TypeGuard

from pytest_hermetic import plugin
from pytest_hermetic import settings as configuration
from pytest_hermetic.audit import choice
from pytest_hermetic.audit.rules import RULES
from pytest_hermetic.settings import Settings

REFERENCE = Path(__file__).parent / "reference"
UNTYPED = {"hermetic_redis": "pytest_hermetic.redis.part.RedisPart"}
# What the plugin itself calls, as each test begins and ends.
INNER = frozenset(
    ("start", "begin", "shut_down", "end", "close", "install", "never_reset", "swallowed", "check")
) | {"strike", "spend", "meet", "deliver", "let_pass", "resolve"}
Function = ast.FunctionDef | ast.AsyncFunctionDef


class Declared:
    """A parser that keeps what the plugin declares."""

    def __init__(self) -> None:
        self.options: list[tuple[str, dict[str, Any]]] = []
        self.settings: list[tuple[str, str, str]] = []

    def getgroup(self, *_names: str) -> Declared:
        """Every group is this one."""
        return self

    def addoption(self, *names: str, **attributes: Any) -> None:
        """Keep an option."""
        self.options.append((names[0], attributes))

    def addini(self, name: str, text: str, *, type: str, **_attributes: Any) -> None:
        """Keep a setting."""
        self.settings.append((name, type, text))


def settings() -> Iterator[str]:
    """Every setting and every option."""
    declared = Declared()
    for module in (configuration, choice):
        module.add_options(declared)
    yield "# Settings and options"
    yield (
        "Settings go where pytest's own go: `[tool.pytest.ini_options]` of `pyproject.toml`, "
        "`pytest.ini`, `tox.ini`, `setup.cfg`; `-o name=value` sets one for a run. A name such as "
        "`app.main:app` means the attribute `app` of the module `app.main`."
    )
    rows = [
        f"| `{name}` | {_KINDS[kind]} | {_default(name)} | {_cell(text)} |"
        for name, kind, text in declared.settings
    ]
    yield "| setting | kind | default | meaning |\n|---|---|---|---|\n" + "\n".join(rows)
    yield "## Options of the command line"
    options = [
        f"| `{_usage(name, given)}` | {_cell(given['help'])} |" for name, given in declared.options
    ]
    yield "| option | meaning |\n|---|---|\n" + "\n".join(options)


def markers() -> Iterator[str]:
    """Every marker."""
    yield "# Markers"
    yield "Of two markers that say different things, the one nearer to the test wins."
    rows = [
        f"| `@pytest.mark.{usage}` | {_cell(meaning.strip())} |"
        for usage, _, meaning in (text.partition(": ") for text in _marker_lines())
    ]
    yield "| marker | meaning |\n|---|---|\n" + "\n".join(rows)


def fixtures() -> Iterator[str]:
    """Every fixture, with what its object can do."""
    yield "# Fixtures"
    yield (
        "All are synchronous, function-scoped and bound to no event loop. `hermetic` has each of "
        "the others as a property; none need be asked for, for isolation happens in every test."
    )
    tree = _module(plugin.__name__)
    for function in filter(_is_fixture, tree.body):
        yield f"## {function.name}"
        yield cleandoc(ast.get_docstring(function) or "")
        if found := _returned(function):
            yield from _class(*found, level=3)


def audit() -> Iterator[str]:
    """Every rule of the audit."""
    yield "# Rules of the audit"
    yield (
        "How it is run and how a finding is passed over is in "
        "[the guide](../how-to/audit.md). *reading*: the rule sees it in the source, before a "
        "test runs; *running*: while the tests run; *full*: only with `--hermetic-audit=full`."
    )
    for rule in RULES:
        yield f"## {rule.code}: {rule.title}"
        yield f"*{rule.seen}* · {rule.why}"
        yield f"**Do:** {rule.fix}"
        language = "ini" if rule.file.endswith((".ini", ".cfg")) else "python"
        language = "toml" if rule.file.endswith(".toml") else language
        # A file that does not parse is the very finding of some rules.
        bad = "text" if language == "python" and not _parses(rule.bad) else language
        yield f"`{rule.file}`, found:\n\n```{bad}\n{rule.bad}```"
        yield f"mended:\n\n```{language}\n{rule.good}```"


PAGES = {
    "settings.md": settings,
    "markers.md": markers,
    "fixtures.md": fixtures,
    "audit-rules.md": audit,
}
_KINDS = {"bool": "true or false", "string": "text", "linelist": "list"}


def _default(name: str) -> str:
    value = getattr(Settings(), name.removeprefix("hermetic_"), None)
    match name, value:
        case "hermetic", _:
            return "`false`"
        case "hermetic_audit", _:
            return "`warn`"
        case _, tuple() if value and all(isinstance(one, int) for one in value):
            return f"`{'.'.join(map(str, value))}`"
        case _, bool() | str():
            return f"`{str(value).lower()}`"
    return ""


def _usage(name: str, given: dict[str, Any]) -> str:
    if choices := given.get("choices"):
        return f"{name}={'/'.join(choices)}"
    return f"{name}={given['metavar']}" if "metavar" in given else name


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def _marker_lines() -> Iterator[str]:
    for node in ast.walk(_module(plugin.__name__)):
        match node:
            case ast.Call(
                func=ast.Attribute(attr="addinivalue_line"),
                args=[ast.Constant(value="markers"), ast.Constant(value=str(text))],
            ):
                yield text


def _returned(function: ast.FunctionDef) -> tuple[str, ast.ClassDef] | None:
    """The class of the object a fixture gives, where it is one of ours."""
    if dotted := UNTYPED.get(function.name):
        module, _, name = dotted.rpartition(".")
        return _found(module, name)
    return _found(plugin.__name__, ast.unparse(function.returns) if function.returns else "")


def _found(module: str, name: str) -> tuple[str, ast.ClassDef] | None:
    """The definition of a class, followed through the imports of the module that names it."""
    tree = _module(module)
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef) and node.name == name:
            return module, node
        if isinstance(node, ast.ImportFrom) and node.module and not node.level:
            for alias in node.names:
                known = node.module.startswith("pytest_hermetic")
                if known and (alias.asname or alias.name) == name:
                    return _found(node.module, alias.name)
    return None


def _class(module: str, node: ast.ClassDef, *, level: int) -> Iterator[str]:
    """A class, its public members, and the values they give."""
    if text := ast.get_docstring(node):
        yield cleandoc(text)
    rows, named = [], set()
    for member, text in _members(node):
        annotation = getattr(member, "returns", None) or getattr(member, "annotation", None)
        named |= {one.id for one in ast.walk(annotation or member) if isinstance(one, ast.Name)}
        rows.append(f"| `{_signature(member)}` | {_cell(text)} |")
    if rows:
        yield "| member | meaning |\n|---|---|\n" + "\n".join(rows)
    for name in sorted(named - _fixture_classes()):
        value = _found(module, name)
        if value and level < 4 and _is_value(value[1]):
            yield f"{'#' * level} {name}"
            yield from _class(*value, level=level + 1)


@cache
def _fixture_classes() -> frozenset[str]:
    """The classes that have a section of their own."""
    found = map(_returned, filter(_is_fixture, _module(plugin.__name__).body))
    return frozenset(one[1].name for one in found if one)


def _is_fixture(node: ast.stmt) -> TypeGuard[ast.FunctionDef]:
    return isinstance(node, ast.FunctionDef) and any(
        ast.unparse(one) == "pytest.fixture" for one in node.decorator_list
    )


def _is_value(node: ast.ClassDef) -> bool:
    return not node.name.startswith("_") and any(_members(node)) and "Part" not in node.name


def _members(node: ast.ClassDef) -> Iterator[tuple[Function | ast.AnnAssign, str]]:
    """Public methods, properties and documented fields, each with its meaning."""
    for member, following in zip(node.body, [*node.body[1:], None], strict=True):
        match member:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                text = ast.get_docstring(member)
                if text and not name.startswith("_") and name not in INNER:
                    yield member, text
            case ast.AnnAssign(target=ast.Name(id=name)) if not name.startswith("_"):
                match following:
                    case ast.Expr(value=ast.Constant(value=str(text))):
                        yield member, text


def _signature(member: Function | ast.AnnAssign) -> str:
    if isinstance(member, ast.AnnAssign):
        return f".{ast.unparse(member.target)}"
    if any("property" in ast.unparse(one) for one in member.decorator_list):
        return f".{member.name}"
    given = member.args
    for one in (*given.posonlyargs, *given.args, *given.kwonlyargs, given.vararg, given.kwarg):
        if one is not None:
            one.annotation = None
    shown = ast.unparse(given).removeprefix("self, /, ").removeprefix("self").removeprefix(", ")
    word = "await " if isinstance(member, ast.AsyncFunctionDef) else ""
    return f"{word}.{member.name}({shown})".replace("|", "\\|")


def _parses(text: str) -> bool:
    try:
        ast.parse(text)
    except SyntaxError:
        return False
    return True


@cache
def _module(name: str) -> ast.Module:
    spec = find_spec(name)
    path = spec.origin if spec and spec.origin else import_module(name).__file__
    return ast.parse(Path(str(path)).read_text())


def main() -> None:
    """Write the pages, or compare them with what they should be."""
    stale = []
    for name, make in PAGES.items():
        text = "\n\n".join(part for part in make() if part) + "\n"
        page = REFERENCE / name
        if page.exists() and page.read_text() == text:
            continue
        if "--check" in sys.argv:
            stale.append(name)
        else:
            page.parent.mkdir(exist_ok=True)
            page.write_text(text)
    if stale:
        pages = ", ".join(stale)
        sys.exit(f"stale: {pages} in pytest-hermetic/docs/reference; run `make docs`")


if __name__ == "__main__":
    main()
