"""A project is read as text and never imported; a file that does not parse is named, no more."""

from __future__ import annotations

import ast
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from pytest_hermetic.adoption.names import bound, imported

_SKIPPED = frozenset(
    ("__pycache__", "node_modules", "site-packages", "build", "dist", "venv", "env", "htmlcov")
)
_TEST_FOLDERS = frozenset(("tests", "test", "testing"))


@dataclass(frozen=True, slots=True)
class Source:
    """One Python file that parsed."""

    place: str
    """Its path from the root, as it is shown."""
    module: str
    """Its dotted name, as the application imports it."""
    is_test: bool
    lines: tuple[str, ...]
    tree: ast.Module
    names: Mapping[str, str]
    """What each imported or module-level name means, dotted: `redis` is `redis.asyncio`."""
    imports: tuple[str, ...]
    """The dotted names of all it imports."""
    nodes: tuple[ast.AST, ...]
    """The whole tree, flat."""

    def dotted(self, node: ast.AST | None) -> str:
        """The full dotted name of a name or attribute; empty for anything else."""
        if isinstance(node, ast.Name):
            return self.names.get(node.id, node.id)
        if isinstance(node, ast.Attribute):
            base = self.dotted(node.value)
            return f"{base}.{node.attr}" if base else ""
        return ""

    def calls(self, within: ast.AST | None = None) -> Iterator[tuple[str, ast.Call]]:
        """Every call of something that has a name."""
        for node in self.nodes if within is None else ast.walk(within):
            if isinstance(node, ast.Call) and (name := self.dotted(node.func)):
                yield name, node


@dataclass(frozen=True, slots=True)
class Project:
    """All that was read of one project."""

    root: Path
    sources: tuple[Source, ...]
    broken: tuple[tuple[str, str], ...]
    """The files that did not parse, each with the reason."""

    @property
    def application(self) -> tuple[Source, ...]:
        """The files that are not tests."""
        return tuple(source for source in self.sources if not source.is_test)

    @property
    def tests(self) -> tuple[Source, ...]:
        """Test modules, conftest files and what lies in a test folder."""
        return tuple(source for source in self.sources if source.is_test)

    def resolve(self, dotted: str) -> str:
        """Follow a name through the project's own modules to where it is defined."""
        for _ in range(8):
            module, _, name = dotted.rpartition(".")
            source = self.module(module)
            meant = source.names.get(name) if source else None
            if meant is None or meant == dotted:
                break
            dotted = meant
        return dotted

    def module(self, name: str) -> Source | None:
        """The source of a module of the project."""
        return next((source for source in self.sources if source.module == name), None)


def read(root: Path, *, pythonpath: Iterable[str] = (), testpaths: Iterable[str] = ()) -> Project:
    """Read every Python file under `root`, virtual environments and build output left out."""
    roots = [root / entry for entry in pythonpath]
    roots += [root / "src"] if (root / "src").is_dir() else []
    roots = sorted({path.resolve() for path in (*roots, root)}, key=lambda path: -len(path.parts))
    tested = tuple(Path(path).as_posix().rstrip("/") + "/" for path in testpaths if path != ".")
    sources, broken = [], []
    for path in _files(root):
        place = path.relative_to(root).as_posix()
        try:
            content = path.read_bytes()
            tree = ast.parse(content, filename=place)
            # Form feeds and the like are no line breaks to the parser.
            lines = tuple(content.decode("utf-8", "replace").replace("\r\n", "\n").split("\n"))
        except SyntaxError as error:
            broken.append((place, f"line {error.lineno}: {error.msg}"))
        except (OSError, ValueError, RecursionError) as error:
            broken.append((place, str(error) or type(error).__name__))
        else:
            module = _module(path, roots)
            is_package = path.name == "__init__.py"
            names = bound(tree, module, is_package=is_package)
            imports = tuple(imported(tree, module, is_package=is_package))
            is_test, nodes = _is_test(place, tested), tuple(ast.walk(tree))
            sources.append(Source(place, module, is_test, lines, tree, names, imports, nodes))
    return Project(root, tuple(sources), tuple(broken))


def _files(root: Path) -> Iterator[Path]:
    for folder, folders, files in os.walk(root):
        here = Path(folder)
        folders[:] = sorted(
            name
            for name in folders
            if name not in _SKIPPED
            and not name.startswith(".")
            and not name.endswith(".egg-info")
            and not (here / name / "pyvenv.cfg").exists()
        )
        yield from (here / name for name in sorted(files) if name.endswith(".py"))


def _is_test(place: str, tested: tuple[str, ...]) -> bool:
    *folders, file = place.split("/")
    return (
        file == "conftest.py"
        or file.startswith("test_")
        or file.endswith("_test.py")
        or place.startswith(tested)
        or not _TEST_FOLDERS.isdisjoint(folders)
    )


def _module(path: Path, roots: list[Path]) -> str:
    for root in roots:
        if path.resolve().is_relative_to(root):
            parts = path.resolve().relative_to(root).with_suffix("").parts
            return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
    return path.stem
