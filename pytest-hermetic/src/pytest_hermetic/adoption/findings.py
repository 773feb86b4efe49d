"""What is said about lines of the tests: delete them, replace them, rewrite them, or look."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from typing import Literal

from pytest_hermetic.adoption.sources import Source

Action = Literal["delete", "replace", "rewrite", "ask"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is to become of a statement, and why. `ask` is what cannot be told from the source."""

    action: Action
    why: str


@dataclass(frozen=True, slots=True)
class Finding:
    """Lines `first` to `last` (from 1) of a file, and what is to become of them."""

    place: str
    first: int
    last: int
    shown: str
    """The first of the lines that says something."""
    action: Action
    why: str
    text: tuple[str, ...] = ()
    """The lines to write instead, for `replace`."""


def span(node: ast.AST) -> tuple[int, int]:
    """The lines of a statement, its decorators included."""
    decorators = getattr(node, "decorator_list", [])
    first = min([node.lineno, *(one.lineno for one in decorators)])  # type: ignore[attr-defined]  # statements have it
    last: int | None = getattr(node, "end_lineno", None)
    return first, last or first


def finding(source: Source, node: ast.AST, verdict: Verdict, *text: str) -> Finding:
    """A finding about a whole statement."""
    first, last = span(node)
    named = getattr(node, "lineno", first)
    shown = source.lines[named - 1].strip()
    return Finding(source.place, first, last, shown, verdict.action, verdict.why, text)
