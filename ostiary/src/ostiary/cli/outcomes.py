"""How a command ends: with one sentence that says what it did, or why it did nothing."""


class CommandFailed(Exception):
    """A command cannot go on; the text says what failed, why, and what to do next."""


def count(number: int, thing: str) -> str:
    """`number` with its noun, such as "1 session" or "2 sessions"."""
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"
