"""What a rule of the audit is: a code, what it finds, why that matters, and what to do."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from textwrap import dedent


class Seen(StrEnum):
    """When a rule can see what it looks for."""

    READING = "reading"
    """In the source, before any test runs; `--hermetic-audit=static` sees it too."""
    RUNNING = "running"
    """While the tests run."""
    FULL = "full"
    """Only by `--hermetic-audit=full`, which runs tests again."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One thing a test suite can pretend, and what to do about it."""

    code: str
    title: str
    """What was found, in a line that is true of every finding."""
    why: str
    """What can go wrong unnoticed."""
    fix: str
    """What to do, as an order."""
    bad: str
    """A file the rule speaks about."""
    good: str
    """The same file, mended; no rule speaks about it."""
    seen: Seen = Seen.READING
    file: str = "test_shop.py"
    """The name of the file the two examples are."""

    def __post_init__(self) -> None:
        for name in ("bad", "good"):
            object.__setattr__(self, name, dedent(getattr(self, name)).strip() + "\n")
