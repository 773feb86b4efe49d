"""What a suite inside leaves out: plugins that take longer to import than most of them to run."""

from __future__ import annotations

# By the word of who uses it. (Random order is proven by bench/leaks.py.)
_PLUGINS = {
    "anyio": "anyio",
    "faker": "faker",
    "hypothesispytest": "hypothesis",
    "platformdirs": "platformdirs",
    "randomly": "randomly",
    "respx": "respx",
    "pytest_httpx": "httpx_mock",
}


def lean(*texts: str) -> tuple[str, ...]:
    """Arguments that leave out what none of these texts speaks of, and pytest's own cache."""
    everything = "\n".join(texts)
    unused = [name for name, word in _PLUGINS.items() if word not in everything]
    return tuple(part for name in ("cacheprovider", *unused) for part in ("-p", f"no:{name}"))
