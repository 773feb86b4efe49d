"""The rules of the audit, one table: the terminal, the reports and the documentation read it.

A code is stable: it keeps its meaning for ever, and is never given to another rule.
"""

from __future__ import annotations

from pytest_hermetic.audit.rules import collecting, meaning, pretending
from pytest_hermetic.audit.rules.rule import Rule, Seen

__all__ = ["BY_CODE", "RULES", "Rule", "Seen"]

RULES: tuple[Rule, ...] = tuple(
    sorted((*meaning.RULES, *pretending.RULES, *collecting.RULES), key=lambda rule: rule.code)
)

BY_CODE: dict[str, Rule] = {rule.code: rule for rule in RULES}
