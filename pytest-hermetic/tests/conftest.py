"""The suites inside: what a user would write, run with the plugin on, in a process of its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

INI = """
[pytest]
hermetic = true
pythonpath = .
asyncio_mode = auto
asyncio_default_fixture_loop_scope = function
filterwarnings = error
"""

Suite = Callable[..., pytest.RunResult]

# What takes longer to import than most suites inside take to run, by the word of who uses it.
# (Random order is proven by bench/leaks.py.)
LEFT_OUT = {
    "faker": "faker",
    "hypothesispytest": "hypothesis",
    "randomly": "randomly",
    "respx": "respx",
    "pytest_httpx": "httpx_mock",
}


HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A suite inside is a Python of its own: minutes on a busy machine, and still not a hang."""
    for item in items:
        if HERE in item.path.parents and item.get_closest_marker("timeout") is None:
            item.add_marker(pytest.mark.timeout(900))


@pytest.fixture(scope="session")
def shared_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The cache of all suites inside: one PostgreSQL is created for all of them."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def suite(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, shared_cache: Path) -> Suite:
    """`suite(source, *ini_lines, files={path: text}, args=[…])` runs a test module inside."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(shared_cache))

    def run(
        source: str,
        *ini: str,
        files: Mapping[str, str] | None = None,
        args: tuple[str, ...] = (),
    ) -> pytest.RunResult:
        pytester.makeini("\n".join([INI, *ini]))
        for name, text in (files or {}).items():
            path = pytester.path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            if path.parent != pytester.path:
                (path.parent / "__init__.py").touch()
            path.write_text(_dedented(text))
        pytester.path.joinpath("test_inside.py").write_text(_dedented(source))
        everything = "\n".join([source, *ini, *(files or {}).values(), *args])
        left_out = [f"no:{name}" for name, word in LEFT_OUT.items() if word not in everything]
        plugins = [part for name in ["no:cacheprovider", *left_out] for part in ("-p", name)]
        return pytester.runpytest_subprocess(*plugins, *args)

    return run


def _dedented(text: str) -> str:
    import textwrap

    return textwrap.dedent(text)
