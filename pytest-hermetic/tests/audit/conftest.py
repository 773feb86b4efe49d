"""Inner runs that are audited."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Mapping

import pytest
from audited_runs import INI, Audited, Run
from lean import lean


@pytest.fixture
def audited(pytester: pytest.Pytester) -> Run:
    """`audited(files, *args, ini=…)` writes the files, runs pytest on them and reads the report."""

    def run(files: Mapping[str, str], *args: str, ini: str = INI) -> Audited:
        if ini:
            pytester.path.joinpath("tox.ini").write_text(ini)
        for name, text in files.items():
            path = pytester.path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(textwrap.dedent(text))
        report = pytester.path / "audit.json"
        done = pytester.runpytest_subprocess(
            *lean(ini, *files.values(), *args), f"--hermetic-report={report}", *args
        )
        assert report.exists(), done.stderr.str() + done.stdout.str()
        return Audited(done, json.loads(report.read_text()))

    return run
