"""Find the object an ini line names: `module:attribute`."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import pytest


def find(name: str, *, setting: str) -> Any:
    """Import and return what `name` (`module:attribute.of.it`) means.

    Raises `pytest.UsageError`, naming the `setting`, where there is no such thing. An error
    inside the module itself is not caught: it is the application's, and says more.
    """
    module_name, colon, path = name.partition(":")
    if not colon or not path:
        raise pytest.UsageError(f"{setting} holds module:attribute, not {name!r}")
    try:
        found: Any = import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{module_name}.".startswith(f"{error.name}."):
            raise
        raise pytest.UsageError(f"{setting}: there is no module {error.name}") from error
    for part in path.split("."):
        try:
            found = getattr(found, part)
        except AttributeError:
            raise pytest.UsageError(f"{setting}: {name!r}: there is no {part}") from None
    return found
