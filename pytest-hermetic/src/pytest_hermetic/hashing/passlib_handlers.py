"""passlib: a handler that hashes does so as a copy of itself with the least rounds.

So everything above it (`CryptContext`, `using`, `verify_and_update`) and below it (its backends
with their self-checks) is untouched.
"""

from __future__ import annotations

from typing import Any

from pytest_hermetic.hashing.costs import Costs, IsOn, Restore, replace

_MARK = "_hermetic_is_cheap"
_ARGON2_MEMORY = 9  # KiB; one more than the least


def install(module: Any, costs: Costs, is_on: IsOn) -> list[Restore]:
    """Patch `passlib.utils.handlers`."""
    handler = module.GenericHandler

    def needs_update(cls: Any, /, hash: Any, secret: Any = None, **kwargs: Any) -> bool:
        parsed = cls.from_string(hash)
        for name, value in _settings_meant(cls, parsed, costs):
            setattr(parsed, name, value)
        return bool(parsed._calc_needs_update(secret=secret, **kwargs))

    return [
        _cheapened(handler, costs, is_on),
        replace(handler, "needs_update", classmethod(needs_update)),
    ]


def install_argon2(module: Any, costs: Costs, is_on: IsOn) -> list[Restore]:
    """Patch `passlib.handlers.argon2`, whose backend has a `hash` of its own."""
    # Whoever hashes first is sent here when the backend is chosen.
    backend = getattr(module, "_CffiBackend", None)
    return [] if backend is None else [_cheapened(backend, costs, is_on)]


def _cheapened(owner: Any, costs: Costs, is_on: IsOn) -> Restore:
    make = vars(owner)["hash"]

    def hash_(cls: Any, /, secret: Any, **kwargs: Any) -> str:
        if is_on() and not getattr(cls, _MARK, False):
            cls = _cheaper(cls, costs)
        made: str = make.__func__(cls, secret, **kwargs)
        return made

    return replace(owner, "hash", classmethod(hash_))


def _cheaper(cls: Any, costs: Costs) -> Any:
    rounds = getattr(cls, "default_rounds", None)
    if rounds is None:
        return cls
    names: tuple[str, ...] = ("rounds",)
    if hasattr(cls, "memory_cost"):
        names = ("memory_cost", "rounds", "parallelism")
    asked = tuple(rounds if name == "rounds" else getattr(cls, name) for name in names)
    number = costs.number(_algorithm(cls), tuple(zip(names, asked, strict=True)))
    cheap = (_least(cls) + number,) if len(names) == 1 else (_ARGON2_MEMORY + number, 1, 1)
    if cheap[0] >= asked[0]:
        return cls
    made = cls.using(**dict(zip(names, cheap, strict=True)))
    setattr(made, _MARK, True)
    return made


def _settings_meant(cls: Any, parsed: Any, costs: Costs) -> tuple[tuple[str, int], ...]:
    """What the hash would say had it cost what was asked for; nothing for any other hash."""
    rounds = getattr(parsed, "rounds", None)
    if rounds is None:
        return ()
    if not hasattr(cls, "memory_cost"):
        number = rounds - _least(cls)
    elif (rounds, parsed.parallelism) == (1, 1):
        number = parsed.memory_cost - _ARGON2_MEMORY
    else:
        return ()
    return costs.cost(_algorithm(cls), number) or ()


def _least(cls: Any) -> int:
    # Where a round more costs next to nothing, the least stays free for those who ask for it.
    least: int = cls.min_rounds
    return least if cls.rounds_cost == "log2" else least + 1


def _algorithm(cls: Any) -> str:
    return f"passlib {cls.name}"
