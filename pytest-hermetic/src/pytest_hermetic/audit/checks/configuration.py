"""H009: settings pytest does not read. H011: asynchronous fixtures nobody runs."""

from __future__ import annotations

import configparser
import inspect
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from pytest_hermetic.audit.findings import Finding
from pytest_hermetic.audit.helpers import fixture_name
from pytest_hermetic.audit.reading import Reading

_HEADERS = {
    "pytest.ini": ("pytest",),
    ".pytest.ini": ("pytest",),
    "tox.ini": ("pytest",),
    "setup.cfg": ("tool:pytest",),
}
_MISTAKEN = ("pytest", "tool:pytest", "tool.pytest", "tool.pytest.ini_options")


def ignored_settings(reading: Reading) -> Iterator[Finding]:
    """Sections under a header pytest does not look for, and files that another one outranks."""
    used = reading.config.inipath
    for path in _candidates(reading.config):
        name = reading.sources.name(path)
        for header, line, keys in _sections(path):
            if not keys:
                continue
            said = f"{', '.join(keys[:4])}{' …' if len(keys) > 4 else ''}"
            if path.suffix != ".toml" and header not in _HEADERS.get(path.name, ()):
                wanted = _HEADERS.get(path.name, ("pytest",))[0]
                what = f"[{header}] is not read here, [{wanted}] is: {said}"
                yield Finding("H009", name, line, what)
            elif used is not None and path != used:
                what = f"not read, since {reading.sources.name(used)} is: {said}"
                yield Finding("H009", name, line, what)


def asynchronous_fixtures(reading: Reading) -> Iterator[Finding]:
    """Fixtures called `event_loop`, and plain asynchronous ones where no plugin runs them."""
    for source in reading.sources.test_code():
        for functions in source.functions.values():
            for node in functions:
                if fixture_name(node) == "event_loop":
                    what = "pytest-asyncio 1.0 and newer pass a fixture event_loop over"
                    yield reading.finding("H011", source, node, what)
    said = set()
    for test in reading.tests:
        if _is_run(test.item):
            continue
        for name, definitions in _fixtures(test.item):
            function = inspect.unwrap(definitions[-1].func)
            if not _is_asynchronous(function) or _is_marked(definitions[-1].func):
                continue
            path = Path(function.__code__.co_filename)
            place = reading.sources.read(path) if reading.is_ours(path) else None
            if place is None or (path, name) in said:
                continue
            said.add((path, name))
            what = f"nobody runs the asynchronous fixture {name} for {test.function.name}"
            for found in place.functions.get(function.__name__, [])[:1]:
                yield reading.finding("H011", place, found, what, test.nodeid)


def _candidates(config: pytest.Config) -> Iterator[Path]:
    for name in (*_HEADERS, "pytest.toml", ".pytest.toml", "pyproject.toml"):
        path = config.rootpath / name
        if path.is_file():
            yield path


def _sections(path: Path) -> Iterator[tuple[str, int, list[str]]]:
    """Header, line and keys of each section of a file that is about pytest."""
    text = path.read_text(encoding="utf-8", errors="replace")
    if path.suffix == ".toml":
        try:
            data = tomllib.loads(text)
        except tomllib.TOMLDecodeError:
            return  # pytest itself refuses the file
        table = data if path.stem.endswith("pytest") else data.get("tool", {})
        found = table.get("pytest", {})
        keys = list(found.get("ini_options", found))
        yield "pytest", _line(text, "pytest"), keys
        return
    parser = configparser.RawConfigParser(strict=False, allow_no_value=True)
    try:
        parser.read_string(text)
    except configparser.Error:
        return
    for header in parser.sections():
        if header in _MISTAKEN:
            yield header, _line(text, header), list(parser[header])


def _line(text: str, header: str) -> int:
    lines = text.splitlines()
    heads = (n for n, line in enumerate(lines, 1) if line.startswith("[") and header in line)
    return next(heads, 1)


def _is_run(item: pytest.Function) -> bool:
    """Whether some plugin runs plain asynchronous fixtures for this test."""
    if "anyio_backend" in item.fixturenames or item.get_closest_marker("trio"):
        return True
    manager = item.config.pluginmanager
    if not manager.hasplugin("asyncio"):
        return False
    mode = item.config.getoption("asyncio_mode", None) or item.config.getini("asyncio_mode")
    return str(getattr(mode, "value", mode)) == "auto"


def _fixtures(item: pytest.Function) -> Iterator[tuple[str, tuple[pytest.FixtureDef[object], ...]]]:
    info = getattr(item, "_fixtureinfo", None)
    if info is not None:
        yield from ((name, found) for name, found in info.name2fixturedefs.items() if found)


def _is_asynchronous(function: object) -> bool:
    return inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function)


def _is_marked(function: object) -> bool:
    """Whether `pytest_asyncio.fixture` was used."""
    plain = getattr(function, "__func__", function)
    return bool(getattr(plain, "_force_asyncio_fixture", False))
