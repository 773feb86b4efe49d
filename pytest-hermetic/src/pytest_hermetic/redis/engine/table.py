"""Which commands Redis 7.0 knows, with their arity and flags: the first thing a server checks."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.resources import files


@dataclass(frozen=True, slots=True)
class Spec:
    """One command: ``arity`` counts the name and is negative where more may follow."""

    name: str
    arity: int
    flags: frozenset[str]
    first_key: int
    last_key: int
    step: int

    def accepts(self, count: int) -> bool:
        """Whether a request of ``count`` arguments, names included, has the right length."""
        return count == self.arity if self.arity >= 0 else count >= -self.arity


@cache
def commands() -> dict[str, Spec]:
    """Every command by lower-case name; a subcommand is ``container|name``."""
    table = {}
    text = files("pytest_hermetic.redis.engine").joinpath("commands.txt").read_text("ascii")
    for line in text.splitlines():
        name, arity, first, last, step, *flags = line.split()
        table[name] = Spec(name, int(arity), frozenset(flags), int(first), int(last), int(step))
    return table


@cache
def containers() -> frozenset[str]:
    """Names that take a subcommand: ``config``, ``client``, ``xinfo`` and so on."""
    return frozenset(name.split("|")[0] for name in commands() if "|" in name)
