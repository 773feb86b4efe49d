"""What the audit has to say: findings about source lines, verdicts about tests."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any

from pytest_hermetic.audit.rules import BY_CODE, Rule


@dataclass(frozen=True, slots=True)
class Finding:
    """One place where a rule applies."""

    code: str
    file: str
    """Path from the root of the project, with forward slashes."""
    line: int
    what: str
    """What was found here, in a line."""
    nodeid: str = ""
    """The test it is about, where it is about one."""
    last: int = 0
    """The last line a comment may stand on to ignore it; 0 for the first."""
    ignored: str = ""
    """The reason given for ignoring it."""

    @property
    def rule(self) -> Rule:
        """The rule that applies."""
        return BY_CODE[self.code]

    @property
    def where(self) -> str:
        """`file:line`, as editors understand it."""
        return f"{self.file}:{self.line}" if self.line else self.file

    def as_dict(self) -> dict[str, Any]:
        """The finding in plain types, for JSON and for another process."""
        return asdict(self)


class Verdict(StrEnum):
    """What the constant-answer applications show about one test."""

    DISCRIMINATES = "discriminates"
    """Green against the application, red against every constant answer."""
    VACUOUS = "vacuous"
    """Green against the application, and against at least one constant answer."""
    RED = "always red"
    """Not green against the application either: it failed or ended as an error."""
    APART = "does not reach the application"
    """Green, and it makes no request that an application could answer."""
    SKIPPED = "skipped"
    """Skipped, or expected to fail: it says nothing."""
    NOT_JUDGED = "not judged"
    """Passed; no full audit was asked for."""


@dataclass(slots=True)
class TestRecord:
    """One test of the session, and what came of it."""

    __test__ = False  # pytest must not collect it

    nodeid: str
    outcome: str = "not run"
    """passed, failed, error, skipped, xfailed, xpassed, not run."""
    seconds: float = 0.0
    """What its set-up, call and teardown took together."""
    verdict: Verdict = Verdict.NOT_JUDGED
    green_under: list[str] = field(default_factory=list)
    """The constant answers it stayed green against."""
    requests: int = 0
    """Requests it made of an application in its process, when it was run again."""
    explain: list[tuple[str, str, str, int]] = field(default_factory=list)
    """What it was redirected to: (kind, what, where, how often)."""

    def as_dict(self) -> dict[str, Any]:
        """The record in plain types."""
        return {**asdict(self), "verdict": self.verdict.value}
