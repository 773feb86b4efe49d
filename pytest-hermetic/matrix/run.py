# ruff: noqa: S603, T201  # a command line: it prints, and starts the interpreters it has built
"""Runs the behaviours on every supported redis-py, with and without hiredis, in RESP2 and RESP3.

Each version of redis-py gets a virtual environment of its own under ``build/matrix``; hiredis is
installed beside them once and joins by PYTHONPATH, which is how redis-py finds out about it.

    python pytest-hermetic/matrix/run.py            # everything
    python pytest-hermetic/matrix/run.py 5.0 8.1    # these versions
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
import venv
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / "build" / "matrix"
PACKAGE = ROOT / "pytest-hermetic"
VERSIONS = {
    "5.0": "redis>=5.0,<5.1",
    "5.2": "redis>=5.2,<5.3",
    "6.4": "redis>=6.4,<6.5",
    "7.1": "redis>=7.1,<7.2",
    "8.1": "redis>=8.1,<8.2",
}
SHARED = (
    "fakeredis>=2.40,<2.41",
    "lupa>=2.1",
    "pytest>=8",
    "pytest-asyncio>=1",
    "pytest-timeout",
    "time-machine>=3",
    "valkey>=6",
)
HIREDIS = "hiredis>=3.2"


@dataclass(frozen=True)
class Cell:
    """One combination; ``hiredis`` and ``protocol`` are set by the environment."""

    version: str
    hiredis: bool
    protocol: int

    def __str__(self) -> str:
        parser = "hiredis" if self.hiredis else "python "
        return f"redis-py {self.version}  {parser}  RESP{self.protocol}"


def main(wanted: list[str]) -> int:
    """Build what is missing, run every cell, print a line for each; 1 when one failed."""
    unknown = set(wanted) - set(VERSIONS)
    if unknown:
        print(f"unknown versions: {', '.join(sorted(unknown))}; known: {', '.join(VERSIONS)}")
        return 2
    speedup = _install_hiredis()
    failed = 0
    for version in wanted or VERSIONS:
        python = _environment(version)
        for hiredis in (True, False):
            for protocol in (2, 3):
                cell = Cell(version, hiredis, protocol)
                started = time.perf_counter()
                passed, summary = _run(python, cell, speedup)
                failed += not passed
                verdict = "ok  " if passed else "FAIL"
                print(f"{verdict} {cell}  {summary}  {time.perf_counter() - started:.1f} s")
    print("all green" if not failed else f"{failed} cells failed")
    return int(bool(failed))


def _environment(version: str) -> Path:
    folder = BUILD / f"redis-{version}"
    python = folder / "bin" / "python"
    ready = folder / ".ready"
    if not ready.exists():
        venv.create(folder, with_pip=True, clear=True)
        _pip(python, "install", VERSIONS[version], *SHARED)
        _pip(python, "install", "--no-deps", "hatchling", "packaging", "pathspec", "pluggy",
             "trove-classifiers", "editables")  # fmt: skip
        _pip(python, "install", "--no-deps", "--no-build-isolation", "-e", str(PACKAGE))
        ready.touch()
    return python


def _install_hiredis() -> Path:
    folder = BUILD / "hiredis"
    if not folder.exists():
        _pip(Path(sys.executable), "install", "--no-deps", "--target", str(folder), HIREDIS)
    return folder


def _pip(python: Path, *arguments: str) -> None:
    command = [str(python), "-m", "pip", arguments[0], "--quiet", "--disable-pip-version-check"]
    subprocess.run([*command, *arguments[1:]], check=True)


def _run(python: Path, cell: Cell, speedup: Path) -> tuple[bool, str]:
    environment = {
        **{name: value for name, value in os.environ.items() if name != "PYTHONPATH"},
        "BEHAVIOURS_PROTOCOL": str(cell.protocol),
        "BEHAVIOURS_PARSER": "hiredis" if cell.hiredis else "python",
        "BEHAVIOURS_VERSION": cell.version,
    }
    if cell.hiredis:
        environment["PYTHONPATH"] = str(speedup)
    run = subprocess.run(
        [str(python), "-m", "pytest", "-q", "-c", "pytest.ini", "--rootdir=.", "."],
        cwd=PACKAGE / "tests" / "redis" / "behaviours",
        env=environment,
        capture_output=True,
        text=True,
        check=False,  # a failed cell is a line of the report
    )
    if run.returncode:
        print(run.stdout[-6000:], run.stderr[-2000:], sep="\n")
    summary = re.findall(r"\d+ (?:passed|failed|error|skipped)[^\n]*?(?= in )", run.stdout)
    return run.returncode == 0, summary[-1] if summary else "no tests ran"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
