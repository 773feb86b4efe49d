"""What the rules read: the suite's files, its tests, and the configuration they run under."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest

from pytest_hermetic.audit.evidence import Evidence
from pytest_hermetic.audit.findings import Finding
from pytest_hermetic.audit.helpers import Helpers
from pytest_hermetic.audit.sources import Function, Source, Sources, header

_NOT_OURS = frozenset({"site-packages", "node_modules", "__pycache__", "venv", ".venv"})


@dataclass(frozen=True, slots=True)
class TestCode:
    """One test function of the suite; parametrized tests share one."""

    __test__ = False  # pytest must not collect it

    nodeid: str
    """Of the first of its tests, without what parametrization adds."""
    source: Source
    function: Function
    item: pytest.Function


class Reading:
    """Everything the rules that read look at."""

    def __init__(self, config: pytest.Config, items: Sequence[pytest.Item]) -> None:
        self.config = config
        self.items = items
        self.sources = Sources(config.rootpath)
        self.roots = tuple(_roots(config))
        for path in sorted({item.path for item in items} | self._files()):
            if self.is_ours(path):
                self.sources.read(path)

    @cached_property
    def helpers(self) -> Helpers:
        """The functions the tests may call."""
        return Helpers(self.sources)

    @cached_property
    def evidence(self) -> Evidence:
        """What asserts something."""
        return Evidence(self.helpers)

    @cached_property
    def tests(self) -> list[TestCode]:
        """The test functions that were collected and whose code is the suite's own."""
        found: dict[tuple[str, int], TestCode] = {}
        for item in self.items:
            code = self._code(item)
            if code is not None:
                found.setdefault((code.source.name, code.function.lineno), code)
        return list(found.values())

    def is_ours(self, path: Path) -> bool:
        """Whether a file belongs to the project: nothing installed, nothing outside of it."""
        if not path.is_relative_to(self.config.rootpath):
            return False
        return not _NOT_OURS & set(path.relative_to(self.config.rootpath).parts)

    def finding(self, code: str, source: Source, node: Any, what: str, nodeid: str = "") -> Finding:
        """A finding at a statement, an expression or a whole function."""
        if isinstance(node, Function):
            return Finding(code, source.name, node.lineno, what, nodeid, header(node)[1])
        return Finding(code, source.name, node.lineno, what, nodeid, node.end_lineno)

    def modules(self) -> Iterator[tuple[Path, bool]]:
        """Every Python file under the roots, and whether pytest would take its name."""
        patterns = self.config.getini("python_files")
        for root in self.roots:
            for path in [root] if root.is_file() else _walk(root, self.config):
                yield path, any(path.match(pattern) for pattern in patterns)

    def _files(self) -> set[Path]:
        """The files of the suite: what lies under the roots, and the conftests above them."""
        found = set()
        for root in self.roots:
            folder = root if root.is_dir() else root.parent
            if folder != self.config.rootpath:
                found |= {path for path in _walk(folder, self.config) if root.is_dir()}
                found |= set(folder.glob("*.py"))
            while folder.is_relative_to(self.config.rootpath):
                found |= {one for one in [folder / "conftest.py"] if one.exists()}
                folder = folder.parent
        return found

    def _code(self, item: pytest.Item) -> TestCode | None:
        if not isinstance(item, pytest.Function) or not self.is_ours(item.path):
            return None
        source = self.sources.read(item.path)
        name = item.originalname
        classes = item.cls.__qualname__.split(".") if item.cls is not None else []
        nodeid = item.nodeid.partition("[")[0]
        if source is not None and (function := source.definition([*classes, name])):
            return TestCode(nodeid, source, function, item)
        # Inherited from a class of another file.
        code = getattr(unwrapped(item.obj), "__code__", None)
        path = Path(code.co_filename) if code is not None else item.path
        source = self.sources.read(path) if code is not None and self.is_ours(path) else None
        if code is None or source is None:
            return None
        for one in source.functions.get(code.co_name, ()):
            if header(one)[0] <= code.co_firstlineno <= one.lineno:
                return TestCode(nodeid, source, one, item)
        return None


def unwrapped(function: Any) -> Any:
    """The function beneath its wrappers."""
    while hasattr(function, "__wrapped__"):
        function = function.__wrapped__
    return function


def _roots(config: pytest.Config) -> Iterator[Path]:
    for argument in config.args:
        path = (config.invocation_params.dir / argument.partition("::")[0]).resolve()
        if path.exists():
            yield path


def _walk(folder: Path, config: pytest.Config) -> Iterator[Path]:
    """The Python files of a folder that pytest would look through for tests."""
    skipped = config.getini("norecursedirs")
    for path in sorted(folder.iterdir()):
        if path.is_dir():
            is_left_out = path.name in _NOT_OURS or any(path.match(one) for one in skipped)
            if (
                not is_left_out
                and not _is_a_suite_of_its_own(path)
                and not _is_ignored(path, config)
            ):
                yield from _walk(path, config)
        elif path.suffix == ".py" and not _is_ignored(path, config):
            yield path


def _is_a_suite_of_its_own(folder: Path) -> bool:
    if any((folder / name).exists() for name in ("pytest.ini", "pytest.toml", "tox.ini")):
        return True
    project = folder / "pyproject.toml"
    return project.exists() and "[tool.pytest" in project.read_text(errors="replace")


def _is_ignored(path: Path, config: pytest.Config) -> bool:
    # conftest.collect_ignore and --ignore speak through this hook.
    return bool(config.hook.pytest_ignore_collect(collection_path=path, path=None, config=config))
