"""A finding can be ignored where it stands, or by a setting; either way with a reason.

assert total == total  # hermetic: ignore[H003] proves that __eq__ is reflexive

hermetic_audit_ignore =
    H007 tests/redis/*: there a real server is compared with
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from fnmatch import fnmatch

import pytest

from pytest_hermetic.audit.findings import Finding
from pytest_hermetic.audit.rules import BY_CODE
from pytest_hermetic.audit.sources import Source


@dataclass(frozen=True, slots=True)
class Ignore:
    """One line of `hermetic_audit_ignore`."""

    codes: frozenset[str]
    pattern: str
    """A shell pattern for the file's path or the test's id."""
    reason: str

    def applies(self, finding: Finding) -> bool:
        """Whether it is about this finding."""
        if finding.code not in self.codes:
            return False
        return fnmatch(finding.file, self.pattern) or fnmatch(finding.nodeid, self.pattern)


def parse(lines: Iterable[str]) -> tuple[Ignore, ...]:
    """Read `CODE[,CODE] PATTERN: reason` lines.

    Raises `pytest.UsageError` for an unknown code and for a line without a reason.
    """
    return tuple(map(_parsed, lines))


def silence(finding: Finding, source: Source | None, ignores: Iterable[Ignore]) -> Finding:
    """The finding, with the reason for ignoring it where there is one."""
    reason = _comment(finding, source) if source is not None else ""
    if not reason:
        reason = next((one.reason for one in ignores if one.applies(finding)), "")
    return replace(finding, ignored=reason) if reason else finding


def _parsed(line: str) -> Ignore:
    head, colon, reason = line.partition(": ")
    named, _, pattern = head.strip().partition(" ")
    codes = frozenset(named.split(","))
    if not colon or not pattern.strip() or not reason.strip():
        raise pytest.UsageError(
            f"hermetic_audit_ignore holds `CODE PATTERN: reason`, with a reason, not {line!r}"
        )
    if unknown := codes - BY_CODE.keys():
        raise pytest.UsageError(
            f"hermetic_audit_ignore: there is no rule {', '.join(sorted(unknown))}"
        )
    return Ignore(codes, pattern.strip(), reason.strip())


def _comment(finding: Finding, source: Source) -> str:
    """The reason in a comment on the finding's lines, or alone on the line before them."""
    for line in range(finding.line - 1, max(finding.last, finding.line) + 1):
        codes, reason = source.ignores.get(line, (frozenset(), ""))
        is_before = line == finding.line - 1
        if finding.code in codes and (not is_before or source.is_comment(line)):
            return reason
    return ""
