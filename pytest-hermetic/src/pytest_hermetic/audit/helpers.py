"""Which functions of the suite a call in it means.

Names are followed through imports; a method, whose object's class cannot be known by reading, is
looked for by its name among the suite's own classes.
"""

from __future__ import annotations

import ast
import sys
from functools import cached_property
from pathlib import Path

from pytest_hermetic.audit.sources import Function, Source, Sources, dotted

Found = list[tuple[Source, Function]]


class Helpers:
    """The functions, methods and fixtures of the suite's own files."""

    def __init__(self, sources: Sources) -> None:
        self._sources = sources
        self._methods: dict[str, Found] = {}
        self._fixtures: dict[str, Found] = {}
        for source in sources.test_code():
            for name, functions in source.methods.items():
                self._methods.setdefault(name, []).extend((source, one) for one in functions)
            for functions in source.functions.values():
                for one in functions:
                    if (fixture := fixture_name(one)) is not None:
                        self._fixtures.setdefault(fixture, []).append((source, one))

    @cached_property
    def bases(self) -> frozenset[str]:
        """The names of the classes that another class of the suite is derived from."""
        return frozenset(
            dotted(base).split(".")[-1]
            for source in self._sources.test_code()
            for node in source.nodes
            if isinstance(node, ast.ClassDef)
            for base in node.bases
        )

    def fixtures(self, name: str) -> Found:
        """The fixtures of that name, wherever in the suite."""
        return self._fixtures.get(name, [])

    def called(self, source: Source, inside: Function, call: ast.Call) -> Found:
        """The functions of the suite that `call`, standing in `inside`, may mean."""
        if isinstance(call.func, ast.Name):
            return self._named(source, inside, call.func.id)
        if not isinstance(call.func, ast.Attribute):
            return []
        path, _, name = dotted(call.func).rpartition(".")
        module = source.imported.get(path)
        if module is not None:
            return self._in_module(source, ".".join(filter(None, module)), name)
        if call.func.attr in _EVERYDAY:
            return []
        return self._methods.get(call.func.attr, [])

    def _named(self, source: Source, inside: Function, name: str) -> Found:
        if name in source.functions:
            return [(source, one) for one in source.functions[name] if one is not inside]
        if name in source.imported:
            module, there = source.imported[name]
            return self._in_module(source, module, there)
        # A value that a fixture hands out: what it is made of stands in the fixture.
        return self.fixtures(name)

    def _in_module(self, source: Source, module: str, name: str) -> Found:
        found = self._module(source, module)
        if found is None:
            return []
        if name in found.functions:
            return [(found, one) for one in found.functions[name]]
        if name in found.imported and found is not source:
            return self._in_module(found, *found.imported[name])
        return []

    def _module(self, source: Source, module: str) -> Source | None:
        """The suite's own file that holds a module, or None for everybody else's."""
        if module.startswith("."):
            folder = source.path.parent
            for _ in range(len(module) - len(module.lstrip(".")) - 1):
                folder = folder.parent
            path = folder.joinpath(*module.lstrip(".").split(".")).with_suffix(".py")
        else:
            path = Path(getattr(sys.modules.get(module), "__file__", None) or "/none")
        read = self._sources.read(path, is_test_code=_is_of_tests(module))
        if read is None:
            return None
        # In a flat project a helper lies beside the tests, as the application does.
        return read if read.is_test_code or path.parent == source.path.parent else None


_EVERYDAY = frozenset(
    {
        *("get", "post", "put", "patch", "delete", "head", "options", "request", "send"),
        *("open", "close", "start", "stop", "run", "execute", "join", "read", "write"),
        *("items", "keys", "values", "append", "add", "pop", "update", "copy", "split", "format"),
    }
)
"""Methods of everybody's objects: that a class of the suite has one too tells nothing."""


def _is_of_tests(module: str) -> bool:
    return any(part.startswith(("test", "conftest")) for part in module.split("."))


def fixture_name(function: Function) -> str | None:
    """The name under which a function is a fixture, or None."""
    for mark in function.decorator_list:
        called = mark.func if isinstance(mark, ast.Call) else mark
        if dotted(called).rpartition(".")[2] not in ("fixture", "async_fixture", "yield_fixture"):
            continue
        for keyword in mark.keywords if isinstance(mark, ast.Call) else ():
            if keyword.arg == "name" and isinstance(keyword.value, ast.Constant):
                return str(keyword.value.value)
        return function.name
    return None
