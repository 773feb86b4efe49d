"""The full audit: the tests that passed, run again in another order and against constants.

Nothing of it is seen by the reporters: the outcome of the session is that of the tests' first,
real run. Each run takes place in the same process with fixtures of every scope made anew.
"""

from __future__ import annotations

import os
import time
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from random import Random  # noqa: TID251  # an order of tests that a seed repeats, not a secret

import pytest

from pytest_hermetic.audit.constant import ANSWERS, Switch
from pytest_hermetic.audit.findings import TestRecord, Verdict
from pytest_hermetic.audit.rerun import Rerun
from pytest_hermetic.audit.results import Results

LEAST_REQUESTS = 100
"""How many constant answers any test is given, or `TIMES` its real requests if that is more."""
TIMES = 3


class Matrix:
    """Runs the tests of this process that passed, once per constant answer."""

    def __init__(self, session: pytest.Session, results: Results) -> None:
        self._session = session
        self._results = results
        self._terminal = session.config.pluginmanager.get_plugin("terminalreporter")
        self._is_worker = hasattr(session.config, "workerinput")
        self._begun = time.perf_counter()

    def run(self) -> None:
        """Judge every test that passed."""
        passed = [item for item in self._session.items if self._record(item).outcome == "passed"]
        if not self._is_worker and self._terminal is not None:
            self._terminal.write_line("")  # after the dots
        with Rerun(self._session) as rerun, _installed() as switch:
            self._wide = WideFixtures(switch)
            rerun.beside(self._wide)
            requests = self._shuffled(rerun, switch, passed)
            asking = [item for item in passed if requests.get(item.nodeid)]
            greens = self._constants(rerun, switch, asking, requests)
        if self._session.shouldstop:
            return  # interrupted: nothing is known of the rest
        for item in passed:
            made, green_under = requests.get(item.nodeid, 0), greens.get(item.nodeid, [])
            verdict = Verdict.VACUOUS if green_under else Verdict.DISCRIMINATES
            verdict = verdict if made else Verdict.APART
            self._results.judge(item.nodeid, verdict, green_under, made)

    def _shuffled(
        self, rerun: Rerun, switch: Switch, passed: Sequence[pytest.Item]
    ) -> dict[str, int]:
        """Run all in an order nobody chose: whoever leans on a neighbour falls.

        Returns how many requests each made: without one there is nothing to answer.
        """
        requests = {}
        seed = int(os.environ.get("HERMETIC_AUDIT_SEED", "1"))
        order = _shuffle(passed, Random(seed))  # noqa: S311  # an order, not a secret
        self._say(f"another order, seed {seed}", len(order))
        for outcome in rerun.each(order, before=lambda _: switch.begin()):
            requests[outcome.item.nodeid] = max(switch.requests, self._wide.requests(outcome.item))
            if not outcome.is_green:
                what = f"not green when run again in another order (seed {seed}): {outcome.reason}"
                self._results.about("H013", outcome.item.nodeid, what)
        return requests

    def _constants(
        self,
        rerun: Rerun,
        switch: Switch,
        asking: Sequence[pytest.Item],
        requests: dict[str, int],
    ) -> dict[str, list[str]]:
        """Run against each constant; returns the names of those each test was green under."""

        def begin(item: pytest.Item) -> None:
            # One that asks for ever, until it hears another answer, is red.
            switch.begin(at_most=max(LEAST_REQUESTS, TIMES * requests[item.nodeid]))

        greens: dict[str, list[str]] = {}
        for answer in ANSWERS:
            self._say(f"every answer is {answer.name}", len(asking))
            switch.answer = answer
            for outcome in rerun.each(asking, before=begin):
                # One that made no request this time was not answered anything.
                if outcome.is_green and max(switch.requests, self._wide.requests(outcome.item)):
                    greens.setdefault(outcome.item.nodeid, []).append(answer.name)
        switch.answer = None
        return greens

    def _record(self, item: pytest.Item) -> TestRecord:
        return self._results.tests.get(item.nodeid, TestRecord(item.nodeid))

    def _say(self, what: str, tests: int) -> None:
        if self._is_worker or self._terminal is None:
            return
        seconds = time.perf_counter() - self._begun
        self._terminal.write_line(f"hermetic audit [{seconds:.0f} s]: {what} ({tests} tests)")


class WideFixtures:
    """The requests of fixtures that several tests share: they count for each of these."""

    def __init__(self, switch: Switch) -> None:
        self._switch = switch
        self._requests: dict[int, int] = {}

    @pytest.hookimpl(wrapper=True)
    def pytest_fixture_setup(
        self, fixturedef: pytest.FixtureDef[object]
    ) -> Generator[None, object, object]:
        """Count what the set-up of a wider fixture asks."""
        before = self._switch.requests
        try:
            return (yield)
        finally:
            if fixturedef.scope != "function":
                self._requests[id(fixturedef)] = self._switch.requests - before

    def requests(self, item: pytest.Item) -> int:
        """How many requests the wider fixtures of a test made."""
        info = getattr(item, "_fixtureinfo", None)
        used = () if info is None else info.name2fixturedefs.values()
        return sum(self._requests.get(id(one), 0) for found in used for one in found)


@contextmanager
def _installed() -> Iterator[Switch]:
    switch = Switch()
    switch.install()
    try:
        yield switch
    finally:
        switch.remove()


def _shuffle(items: Sequence[pytest.Item], random: Random) -> list[pytest.Item]:
    """Files in another order, and the tests in each; a file's tests stay together."""
    by_file: dict[object, list[pytest.Item]] = {}
    for item in items:
        by_file.setdefault(item.path, []).append(item)
    files = list(by_file.values())
    random.shuffle(files)
    for file in files:
        random.shuffle(file)
    return [item for file in files for item in file]
