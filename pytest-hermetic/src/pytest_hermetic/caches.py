"""Limiters and caches that live in the process begin each test empty, and really work in it.

Nothing is replaced: `limits` (slowapi's storage) counts and refuses, `cachetools` keeps and
forgets. Only what a former test left in them is taken out.
"""

from __future__ import annotations

import gc
import inspect
import sys
import time
import weakref
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import pytest

from pytest_hermetic.objects import find

if TYPE_CHECKING:
    from pytest_hermetic.clock import Clock
    from pytest_hermetic.settings import Settings

_LIMITS = ("limits.storage.memory", "limits.aio.storage.memory")


class Caches:
    """Empties every in-memory limiter storage and cache before each test."""

    name = "caches"
    triggers = (*_LIMITS, "cachetools")

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock
        # Caches are not hashable, so no WeakSet.
        self._found: dict[int, tuple[weakref.ref[Any], Callable[[Any], None]]] = {}
        self._restore: dict[str, Callable[[], None]] = {}

    def install(self) -> None:
        """Know every instance that is, and that will be."""
        for name in self.triggers:
            module = sys.modules.get(name)
            if module is None or name in self._restore:
                continue
            if name == "cachetools":
                self._watch(name, module.Cache, _empty_cache)
                self._follow_clock(module.TTLCache)
            else:
                is_async = ".aio." in name
                empty = _empty_async_storage if is_async else _empty_storage
                self._watch(name, module.MemoryStorage, empty)

    def begin(self, nodeid: str) -> None:  # noqa: ARG002  # of the Resource protocol
        """Empty them all."""
        if self._settings.is_off(self.name):
            return
        for reference, empty in tuple(self._found.values()):
            instance = reference()
            if instance is not None:
                empty(instance)

    def end(self, nodeid: str) -> None:
        """Nothing: what the test left is removed before the next."""

    def close(self) -> None:
        """Watch no longer."""
        for restore in self._restore.values():
            restore()
        self._restore.clear()
        self._found.clear()

    def _watch(self, name: str, cls: Any, empty: Callable[[Any], None]) -> None:
        original = cls.__init__

        def init(instance: Any, *args: Any, **kwargs: Any) -> None:
            original(instance, *args, **kwargs)
            self._add(instance, empty)

        cls.__init__ = init
        self._restore[name] = lambda: setattr(cls, "__init__", original)
        # Subclasses call this constructor; instances older than us are found once, here.
        for instance in _instances(cls):
            self._add(instance, empty)

    def _add(self, instance: Any, empty: Callable[[Any], None]) -> None:
        identity = id(instance)
        gone = weakref.ref(instance, lambda _: self._found.pop(identity, None))
        self._found[identity] = (gone, empty)

    def _follow_clock(self, cls: Any) -> None:
        """Let a TTLCache made with the default timer age with the test's clock."""
        defaults = cls.__init__.__defaults__
        timer = self._clock.monotonic
        moved = tuple(timer if found is time.monotonic else found for found in defaults or ())
        cls.__init__.__defaults__ = moved
        restore = self._restore["cachetools"]

        def both() -> None:
            restore()
            cls.__init__.__defaults__ = defaults

        self._restore["cachetools"] = both


class Resets:
    """`hermetic_reset`: the application's own words for forgetting, called before each test."""

    def __init__(self, names: tuple[str, ...]) -> None:
        self._names = names
        self._called: set[str] = set()

    def begin(self) -> None:
        """Call each one whose module the application has imported; others hold nothing yet."""
        for name in self._names:
            if name.partition(":")[0] not in sys.modules and ":" in name:
                continue
            self._called.add(name)
            result = find(name, setting="hermetic_reset")()
            if inspect.isawaitable(result):
                if inspect.iscoroutine(result):
                    result.close()
                raise pytest.UsageError(f"hermetic_reset: {name!r} must not be asynchronous")

    def never_called(self) -> tuple[str, ...]:
        """The names whose module was never imported: misspelt, most likely."""
        return tuple(name for name in self._names if name not in self._called)


def _empty_storage(storage: Any) -> None:
    """The dictionaries of a synchronous `limits` memory storage."""
    for attribute in ("storage", "expirations", "events"):
        getattr(storage, attribute).clear()


def _empty_async_storage(storage: Any) -> None:
    """The same of an asynchronous one, with what binds it to the loop of a former test."""
    _empty_storage(storage)
    storage.locks.clear()
    storage.timer = None


def _empty_cache(cache: Any) -> None:
    # Not `clear()`: subclasses that act on eviction (`popitem`) have nothing to hear of this.
    for key in tuple(cache.keys()):
        cache.pop(key, None)


def _instances(cls: Any) -> Iterable[Any]:
    # By type, not isinstance: that would wake lazy proxies.
    return [found for found in gc.get_objects() if issubclass(type(found), cls)]
