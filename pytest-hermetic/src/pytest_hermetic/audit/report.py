"""The audit as a file: JSON for programs, one HTML page for people."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import Any

from pytest_hermetic.audit.constant import ANSWERS
from pytest_hermetic.audit.findings import Verdict
from pytest_hermetic.audit.results import Results
from pytest_hermetic.audit.rules import RULES

VERSION = 1
"""Of the shape of the JSON; it grows when a reader of the old one would go wrong."""


def write(path: Path, results: Results, *, level: str) -> None:
    """Write the report in the form that the name's suffix says; folders are made."""
    document = as_document(results, level=level)
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".json":
        path.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
        return
    from pytest_hermetic.audit.page import render

    path.write_text(render(document), encoding="utf-8")


def as_document(results: Results, *, level: str) -> dict[str, Any]:
    """Everything in plain types: figures, rules, findings, tests."""
    tests = [test.as_dict() for _, test in sorted(results.tests.items())]
    verdicts = Counter(str(test["verdict"]) for test in tests)
    outcomes = Counter(str(test["outcome"]) for test in tests)
    return {
        "version": VERSION,
        "level": level,
        "figures": {
            "tests": len(tests),
            "findings": len(results.findings),
            "ignored": len(results.ignored),
            "seconds": round(sum(test["seconds"] for test in tests), 3),
            "verdicts": {str(one): verdicts[one] for one in Verdict if verdicts[one]},
            "outcomes": dict(sorted(outcomes.items())),
        },
        "answers": [{"name": one.name, "status": one.status} for one in ANSWERS],
        "rules": [asdict(rule) for rule in RULES],
        "findings": [one.as_dict() for one in (*results.findings, *results.ignored)],
        "tests": tests,
    }
