"""Projects on disk, and `--hermetic-init` as their owners run it."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from lean import lean
from mocked_app import APP

from pytest_hermetic.adoption.report import Advice, advise

KEPT = ("PATH", "HOME", "LANG", "TMPDIR", "VIRTUAL_ENV")

Project = Callable[[Mapping[str, str]], Path]
Init = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """`project({path: text})` writes a project and gives its folder."""

    def write(files: Mapping[str, str]) -> Path:
        for name, text in files.items():
            path = tmp_path / "project" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(textwrap.dedent(text).lstrip("\n"))
        return tmp_path / "project"

    return write


@pytest.fixture
def advice(project: Project) -> Callable[..., Advice]:
    """`advice({path: text}, **settings)`: what is advised to that project."""

    def ask(files: Mapping[str, str], **configured: object) -> Advice:
        root = project(files)
        path = next((root / name for name in ("pytest.ini", "tox.ini") if name in files), None)
        return advise(root, path, configured)

    return ask


@pytest.fixture
def init(shared_cache: Path) -> Init:
    """`init(folder, *arguments)` runs pytest there, `--hermetic-init` unless told otherwise."""

    def run(root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
        environment = {name: os.environ[name] for name in KEPT if name in os.environ}
        environment |= {"XDG_CACHE_HOME": str(shared_cache), "PYTHONDONTWRITEBYTECODE": "1"}
        texts = [path.read_text(errors="replace") for path in root.rglob("*.py")]
        command = [sys.executable, "-m", "pytest", *lean(*texts)]
        return subprocess.run(
            [*command, *(arguments or ("--hermetic-init",))],
            cwd=root,
            env=environment,
            capture_output=True,
            text=True,
        )

    return run


@pytest.fixture
def found(advice):
    """`found(source)`: what is said about a test module, as (action, first, last, new lines)."""

    def ask(source: str, name: str = "tests/test_it.py"):
        said = advice({**APP, name: source})
        return [(one.action, one.first, one.last, one.text) for one in said.findings]

    return ask
