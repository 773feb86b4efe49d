"""Whether there is an audit, at which level, and where its reports go.

Read in every session; the audit itself is imported only where there is one.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal, cast

import pytest

INI: tuple[tuple[str, Literal["string", "linelist"], str], ...] = (
    ("hermetic_audit", "string", "warn (the default where hermetic is on), error or off"),
    ("hermetic_audit_ignore", "linelist", "findings to pass over: CODE PATTERN: reason"),
)

LEVELS = ("off", "warn", "error", "static", "full")


def add_options(parser: pytest.Parser) -> None:
    """Declare the ini names and command-line options of the audit."""
    group = parser.getgroup("hermetic")
    group.addoption(
        "--hermetic-audit",
        choices=LEVELS,
        default=None,
        help="which green tests mean something: warn, or error (findings fail the run); static "
        "reads the tests and runs none; full runs them against constant answers too",
    )
    group.addoption(
        "--hermetic-report",
        action="append",
        type=Path,
        default=[],
        metavar="FILE",
        help="write the audit to FILE.json or FILE.html",
    )
    for name, kind, text in INI:
        parser.addini(name, text, type=kind, default=None)


def start(config: pytest.Config, *, active: bool) -> None:
    """Register the audit's hooks where the configuration asks for them.

    Raises `pytest.UsageError` for a value that cannot be meant.
    """
    given: str = str(config.getini("hermetic_audit") or ("warn" if active else "off"))
    if given not in ("off", "warn", "error"):
        raise pytest.UsageError(f"hermetic_audit is one of off, warn, error, not {given!r}")
    level: str = config.getoption("--hermetic-audit") or given
    reports: list[Path] = config.getoption("--hermetic-report")
    for path in reports:
        if path.suffix not in (".json", ".html"):
            raise pytest.UsageError(f"--hermetic-report ends in .json or .html, not {path.name!r}")
    if reports and level == "off":
        level = "warn"
    if level == "static" and config.getoption("numprocesses", None):
        raise pytest.UsageError("--hermetic-audit=static runs no test: leave -n away")
    if level != "off":
        # Imported here: a session without an audit pays nothing for it.
        from pytest_hermetic.audit.hooks import Audit

        ignores = [line.strip() for line in cast("list[str]", config.getini(INI[1][0]) or [])]
        audit = Audit(config, level, [line for line in ignores if line], reports)
        config.pluginmanager.register(audit, "hermetic-audit")
