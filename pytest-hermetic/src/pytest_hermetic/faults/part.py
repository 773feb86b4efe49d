"""`hermetic.faults`: set a fault for a `with` block, or by marker for a whole test.

A fault that never struck fails the test: it would be green without the fault as well.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from inspect import signature
from typing import TYPE_CHECKING, Any

import pytest

from pytest_hermetic.faults import redis_kinds, sql_kinds
from pytest_hermetic.faults.fault import Fault, Stroke, Unused

if TYPE_CHECKING:
    from pytest_hermetic.clock import Clock
    from pytest_hermetic.explain import Recorder

Marked = tuple[tuple[Any, ...], dict[str, Any]]
"""The arguments of one `@pytest.mark.fault(…)`."""

_KINDS: dict[str, Callable[..., tuple[str, Callable[[Any], Stroke | None]]]] = {
    "redis": redis_kinds.build,
    "sql": sql_kinds.build,
}


class Faults:
    """The faults of the running test."""

    def __init__(self, clock: Clock, explain: Recorder) -> None:
        self._clock = clock
        self._explain = explain
        self._lock = threading.Lock()
        self._faults: list[Fault] = []
        self._marked: list[Fault] = []
        self.set_for: frozenset[str] = frozenset()
        """The resources that have a fault now. Looked at before each operation, so kept at hand."""

    @contextmanager
    def redis(
        self,
        kind: str,
        *,
        after: int = 0,
        times: int | None = None,
        unused: Unused = "fail",
        **options: Any,
    ) -> Iterator[Fault]:
        """Have Redis fail inside the block; the kinds and their options are in `redis_kinds`.

        The first `after` operations pass; at most `times` are struck. Fails the test when the
        block ends without a stroke, unless `unused="allow"`. Raises `pytest.UsageError` for a kind
        or an option that does not exist.
        """
        with self._during(
            make("redis", kind, after=after, times=times, unused=unused, **options)
        ) as fault:
            yield fault

    @contextmanager
    def sql(
        self,
        kind: str,
        *,
        after: int = 0,
        times: int | None = None,
        unused: Unused = "fail",
        **options: Any,
    ) -> Iterator[Fault]:
        """Have the databases fail inside the block; see `redis`, and `sql_kinds` for the kinds."""
        with self._during(
            make("sql", kind, after=after, times=times, unused=unused, **options)
        ) as fault:
            yield fault

    def begin(self, marks: tuple[Marked, ...]) -> None:
        """A test is set up: its markers' faults wait until its set-up, too, is done."""
        for args, options in marks:
            if len(args) != 2:
                raise pytest.UsageError('the marker is fault("redis" or "sql", kind, …)')
            self._marked.append(make(*args, **options))

    @contextmanager
    def calling(self) -> Iterator[None]:
        """The test itself runs, under its markers' faults; one that never strikes fails it."""
        self._now([*self._faults, *self._marked])
        try:
            yield
        finally:
            self._now([fault for fault in self._faults if fault not in self._marked])
        _fail_unused(self._marked)

    def end(self) -> None:
        """Forget every fault."""
        self._marked.clear()
        self._now([])

    def strike(self, resource: str, at: str, operation: Any) -> Stroke | None:
        """What befalls this operation: the stroke of the first fault whose turn it is."""
        with self._lock:
            for fault in self._faults:
                if fault.resource == resource:
                    stroke = fault.meet(at, operation)
                    if stroke is not None:
                        break
            else:
                return None
        self._explain.record("fault", f"{resource} {stroke.kind}", str(operation))
        return stroke

    def spend(self, seconds: float) -> None:
        """Let time pass on the test's clock; nobody waits."""
        self._clock.let_pass(seconds)

    @contextmanager
    def _during(self, fault: Fault) -> Iterator[Fault]:
        self._now([*self._faults, fault])
        try:
            yield fault
        finally:
            self._now([one for one in self._faults if one is not fault])
        _fail_unused([fault])

    def _now(self, faults: list[Fault]) -> None:
        with self._lock:
            self._faults = faults
            self.set_for = frozenset(fault.resource for fault in faults)


def make(
    resource: str,
    kind: str,
    *,
    after: int = 0,
    times: int | None = None,
    unused: Unused = "fail",
    **options: Any,
) -> Fault:
    """Build a fault from what a test wrote. Raises `pytest.UsageError` for what cannot be meant."""
    build = _KINDS.get(resource)
    if build is None:
        raise pytest.UsageError(f"faults are of redis or sql, not of {resource!r}")
    unknown = sorted(options.keys() - signature(build).parameters.keys())
    if unknown:
        raise pytest.UsageError(f"a {resource} fault has no option {', '.join(unknown)}")
    at, stroke = build(kind, **options)
    given = {"after": after or None, "times": times, **options}
    words = [f"{name}={value!r}" for name, value in given.items() if value is not None]
    title = " ".join([resource, repr(kind), *words])
    return Fault(resource, at, stroke, title, after=after, times=times, unused=unused)


def _fail_unused(faults: list[Fault]) -> None:
    complaints = [one.complaint() for one in faults if not one.fired and one.unused == "fail"]
    if complaints:
        pytest.fail("\n".join(complaints), pytrace=False)
