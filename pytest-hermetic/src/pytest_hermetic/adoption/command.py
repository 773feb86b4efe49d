"""The option `--hermetic-init`: read the project, print the advice, run no test."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from pytest_hermetic.adoption.report import advise, text
from pytest_hermetic.settings import INI

if TYPE_CHECKING:
    import pytest

_OTHERS = ("pythonpath", "testpaths", "env")


def show(config: pytest.Config) -> int:
    """Print the advice for the project pytest was called in; the exit code is 0."""
    configured = {name: _value(config, name) for name in (*(one[0] for one in INI), *_OTHERS)}
    advice = advise(config.rootpath, config.inipath, configured)
    sys.stdout.write("".join(f"{line}\n" for line in text(advice)))
    return 0


def _value(config: pytest.Config, name: str) -> object:
    try:
        found: object = config.getini(name)
    except (ValueError, KeyError):
        return None  # the ini name of a plugin that is not here
    return [str(one) for one in found] if isinstance(found, list) else found
