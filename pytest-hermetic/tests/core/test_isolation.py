"""No test sees what another wrote, in whatever order and in however many processes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "bench" / "leaks.py"


@pytest.mark.parametrize("workers", ["0", "2"])
def test_200_tests_that_write_the_same_keys_and_rows(workers: str) -> None:
    """A smaller run of the script behind the published figure."""
    command = [sys.executable, SCRIPT, "--tests", "200", "--orders", "2", "--workers", workers]
    result = subprocess.run(command, capture_output=True, text=True)
    assert "0 leaks" in result.stdout, result.stdout + result.stderr
    assert result.returncode == 0


def test_the_script_sees_a_leak() -> None:
    """Without the plugin's reset the same tests do meet each other."""
    command = [sys.executable, SCRIPT, "--tests", "50", "--orders", "1", "--workers", "0", "--leak"]
    result = subprocess.run(command, capture_output=True, text=True)
    assert result.returncode == 1
    assert "0 leaks" not in result.stdout
