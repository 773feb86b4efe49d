"""How a command says that it did nothing: one sentence on stderr, and exit code 1."""

import sys

import typer


def refused(sentence: str) -> typer.Exit:
    """Print `sentence` on stderr and return what ends the command, to be raised.

    `sentence` says what was refused, why, and what to do next.
    """
    print(f"ostiary: {sentence}", file=sys.stderr)
    return typer.Exit(1)


def count(number: int, thing: str) -> str:
    """`number` with its noun, such as "1 session" or "2 sessions"."""
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"
