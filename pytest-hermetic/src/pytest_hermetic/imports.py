"""Act right after a module was imported, without importing it ourselves."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any


class AfterImport(MetaPathFinder):
    """A finder at the head of `sys.meta_path` that reports the modules it watches.

    `told(name)` is called once per watched module: at once for those already imported, else
    when the module's own code has run, before the importer gets it.
    """

    def __init__(self) -> None:
        self._watched: dict[str, Callable[[str], None]] = {}

    def watch(self, name: str, told: Callable[[str], None]) -> None:
        """Have `told` called after the import of module `name`."""
        if name in sys.modules:
            told(name)
        else:
            self._watched[name] = told

    def start(self) -> None:
        """Begin to look at imports."""
        sys.meta_path.insert(0, self)

    def stop(self) -> None:
        """Look no longer; modules imported from now on are not reported."""
        self._watched.clear()
        if self in sys.meta_path:
            sys.meta_path.remove(self)

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None,
        target: ModuleType | None = None,
    ) -> ModuleSpec | None:
        """Let the other finders find a watched module, and wrap the loader they name."""
        if fullname not in self._watched:
            return None
        for finder in sys.meta_path:
            if finder is self:
                continue
            spec = finder.find_spec(fullname, path, target)
            if spec is not None:
                if spec.loader is not None:
                    spec.loader = _Telling(spec.loader, self)
                return spec
        return None

    def imported(self, name: str) -> None:
        """Report module `name`, once."""
        told = self._watched.pop(name, None)
        if told is not None:
            told(name)


class _Telling(Loader):
    """The loader of a watched module: does what the real one does, then reports."""

    def __init__(self, loader: Any, finder: AfterImport) -> None:
        self._loader = loader
        self._finder = finder

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        created: ModuleType | None = self._loader.create_module(spec)
        return created

    def exec_module(self, module: ModuleType) -> None:
        # The module keeps its real loader: resources and reloads ask for it.
        if module.__spec__ is not None:
            module.__spec__.loader = self._loader
        module.__loader__ = self._loader
        self._loader.exec_module(module)
        self._finder.imported(module.__name__)
