"""Run tests of a session once more, quietly, and tell which are green."""

from __future__ import annotations

import signal
import sys
import threading
import time
import warnings
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

import pytest
from _pytest.config import apply_warning_filters, parse_warning_filter
from _pytest.runner import runtestprotocol

LEAST_SECONDS = 30.0
"""How long the set-up or the call of any test may take when it is run again."""
TIMES = 10.0
"""Or this many times its first duration, if that is longer."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one test run again."""

    item: pytest.Item
    is_green: bool
    reason: str
    """The last line of the failure; "" where it is green."""


class Rerun:
    """Runs tests of `session` again between `__enter__` and `__exit__`."""

    def __init__(self, session: pytest.Session) -> None:
        self._session = session
        self._config = session.config
        self._manager = session.config.pluginmanager
        self._reports: list[pytest.TestReport] = []
        self._seconds: dict[str, float] = {}

    def __enter__(self) -> Rerun:
        # They would tell the user, or xdist's controller, of warnings and subtests.
        self._silenced = [
            (name, self._manager.unregister(name=name))
            for name in ("terminalreporter", "workerinteractor")
            if self._manager.hasplugin(name)
        ]
        self._kept = (self._session.testsfailed, self._session.shouldfail)
        self._style = self._config.option.tbstyle
        self._config.option.tbstyle = "native"
        self._plugins: list[object] = []
        self.beside(self)
        return self

    def __exit__(self, *_: object) -> None:
        for plugin in self._plugins:
            self._manager.unregister(plugin)
        for name, plugin in self._silenced:
            self._manager.register(plugin, name)
        self._session.testsfailed, self._session.shouldfail = self._kept
        self._config.option.tbstyle = self._style

    def beside(self, plugin: object) -> None:
        """Have the hooks of `plugin` called while tests run again."""
        self._manager.register(plugin)
        self._plugins.append(plugin)

    def each(
        self, items: Sequence[pytest.Item], *, before: Callable[[pytest.Item], None]
    ) -> Iterator[Outcome]:
        """Run `items` in this order, call `before` with each first, yield what came of it."""
        # They judge and explain the first run. What is needed of it here is done below; thousands
        # of failures that nobody reads need no explanation.
        names = ("warnings", "timeout", "assertion")
        removed = [self._manager.get_plugin(name) for name in names]
        protocol = self._manager.subset_hook_caller(
            "pytest_runtest_protocol", [one for one in removed if one is not None]
        )
        for item, nextitem in zip_longest(items, items[1:]):
            self._reports = []
            before(item)
            with _filtered(item), _calm_hypothesis(item):
                begun = time.perf_counter()
                protocol(item=item, nextitem=nextitem)
            self._seconds.setdefault(item.nodeid, time.perf_counter() - begun)
            if self._session.shouldstop:
                return
            yield _outcome(item, self._reports)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item, nextitem: pytest.Item | None) -> bool:
        """Run the test without a word to the reporters."""
        self._reports = runtestprotocol(item, log=False, nextitem=nextitem)
        return True

    # Innermost, so that what is raised is the test's own failure and no plugin's.
    @pytest.hookimpl(wrapper=True, trylast=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> Generator[None, object, object]:
        """Bound a fixture that waits for ever."""
        with _bounded(self._bound(item)):
            return (yield)

    @pytest.hookimpl(wrapper=True, trylast=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Generator[None, object, object]:
        """Bound a test that waits for ever."""
        with _bounded(self._bound(item)):
            return (yield)

    def _bound(self, item: pytest.Item) -> float:
        return max(LEAST_SECONDS, TIMES * self._seconds.get(item.nodeid, 0.0))


@contextmanager
def _bounded(seconds: float) -> Iterator[None]:
    """End what waits for an answer that never comes: against a constant it is red."""
    if sys.platform == "win32" or threading.current_thread() is not threading.main_thread():
        yield
        return

    def expire(_signal: int, _frame: object) -> None:
        pytest.fail(f"did not end within {seconds:.0f} s", pytrace=False)

    before = signal.signal(signal.SIGALRM, expire)
    # Again and again: the first may be swallowed by the test's own retries.
    signal.setitimer(signal.ITIMER_REAL, seconds, 1.0)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def _outcome(item: pytest.Item, reports: Sequence[pytest.TestReport]) -> Outcome:
    for report in reports:
        if not report.passed:
            lines = report.longreprtext.strip().splitlines()
            return Outcome(item, False, lines[-1] if lines else report.outcome)
    return Outcome(item, bool(reports), "")


@contextmanager
def _filtered(item: pytest.Item) -> Iterator[None]:
    """The warning filters of the test's own run, its warnings kept to ourselves."""
    config = item.config
    with warnings.catch_warnings(record=True):
        apply_warning_filters(
            config.getini("filterwarnings"), config.known_args_namespace.pythonwarnings or []
        )
        for mark in item.iter_markers("filterwarnings"):
            for line in mark.args:
                warnings.filterwarnings(*parse_warning_filter(line, escape=False))
        yield


@contextmanager
def _calm_hypothesis(item: pytest.Item) -> Iterator[None]:
    """Let Hypothesis stop at the first failure: nobody wants it made small, or remembered."""
    function: Any = getattr(item, "obj", None)
    function = getattr(function, "__func__", function)
    own = getattr(function, "_hypothesis_internal_use_settings", None)
    if own is None:
        yield
        return
    from hypothesis import Phase, settings

    calm = settings(own, database=None, deadline=None, phases=[Phase.explicit, Phase.generate])
    function._hypothesis_internal_use_settings = calm
    try:
        yield
    finally:
        function._hypothesis_internal_use_settings = own
