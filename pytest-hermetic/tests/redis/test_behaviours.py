"""The behaviours hold on the installed redis-py, in both protocols and on both backends.

``matrix/run.py`` runs the same files on the oldest and newest versions, with and without hiredis.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from lean import lean

BEHAVIOURS = Path(__file__).parent / "behaviours"


@pytest.mark.parametrize(
    ("protocol", "backend"),
    [
        (2, "memory"),
        (3, "memory"),
        pytest.param(
            3,
            "server",
            marks=pytest.mark.skipif(
                shutil.which("redis-server") is None, reason="no redis-server on the PATH"
            ),
        ),
    ],
)
def test_behaviours(protocol, backend):
    run = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "-q", "-c", "pytest.ini", "--rootdir=.", "."),
            *lean(),
            f"--hermetic-backend={backend}",
        ],
        cwd=BEHAVIOURS,
        env={**os.environ, "BEHAVIOURS_PROTOCOL": str(protocol)},
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stdout[-4000:]
    passed = re.search(r"(\d+) passed", run.stdout)
    assert passed is not None
    assert int(passed[1]) >= 80
    assert "skipped" not in run.stdout
