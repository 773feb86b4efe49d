"""The rules that read source: each module finds what it says in its first line."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from pytest_hermetic.audit.checks.application import knows_of_tests
from pytest_hermetic.audit.checks.asserting import unasserted
from pytest_hermetic.audit.checks.collecting import missing_fixtures, not_collected
from pytest_hermetic.audit.checks.configuration import asynchronous_fixtures, ignored_settings
from pytest_hermetic.audit.checks.doubles import own_words, stand_ins
from pytest_hermetic.audit.checks.expressions import mixed_statuses, tautologies
from pytest_hermetic.audit.checks.waiting import never_awaited, skips, sleeps
from pytest_hermetic.audit.findings import Finding
from pytest_hermetic.audit.reading import Reading

CHECKS: tuple[Callable[[Reading], Iterator[Finding]], ...] = (
    unasserted,
    tautologies,
    mixed_statuses,
    stand_ins,
    own_words,
    skips,
    never_awaited,
    sleeps,
    ignored_settings,
    asynchronous_fixtures,
    knows_of_tests,
    not_collected,
    missing_fixtures,
)


def read_all(reading: Reading) -> list[Finding]:
    """All findings of the rules that read."""
    return [finding for check in CHECKS for finding in check(reading)]
