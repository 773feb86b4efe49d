"""The suites inside: what a user would write, run with the plugin on, in a process of its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from lean import lean

INI = """
[pytest]
hermetic = true
pythonpath = .
asyncio_mode = auto
asyncio_default_fixture_loop_scope = function
filterwarnings = error
"""

Suite = Callable[..., pytest.RunResult]

HERE = Path(__file__).parent


# Begun last, one of these would keep one process busy while the others have nothing left to do.
LONGEST = {"test_isolation.py", "test_apps_seed.py", "test_schema.py", "test_docs_pages.py"}


@pytest.hookimpl(trylast=True)  # behind whatever puts the tests in a random order
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A suite inside is a Python of its own: minutes on a busy machine, and still not a hang."""
    ours = [item for item in items if HERE in item.path.parents]
    for item in ours:
        if item.get_closest_marker("timeout") is None:
            item.add_marker(pytest.mark.timeout(900))
    longest = {item for item in ours if item.path.name in LONGEST}
    items.sort(key=lambda item: item not in longest)


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
        texts = (source, *ini, *(files or {}).values(), *args)
        return pytester.runpytest_subprocess(*lean(*texts), *args)

    return run


def _dedented(text: str) -> str:
    import textwrap

    return textwrap.dedent(text)
