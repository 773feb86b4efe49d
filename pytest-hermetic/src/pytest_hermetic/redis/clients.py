"""The one module that touches the internals of redis-py and valkey-py.

``_connect`` is replaced on the connection *classes*: it is looked up when a connection is
opened, so clients, pools and subclasses made before the plugin are redirected as well.
"""

from __future__ import annotations

import asyncio
import gc
import sys
import weakref
from functools import wraps
from typing import TYPE_CHECKING, Any, Protocol

from pytest_hermetic.redis.endpoints import Endpoint, of_connection
from pytest_hermetic.redis.loop_free import LoopFreeCondition, LoopFreeLock

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

    from pytest_hermetic.redis.memory_socket import MemorySocket
    from pytest_hermetic.redis.memory_stream import MemoryWriter


class Link(Protocol):
    """A way to one server."""

    def socket(self, timeout: float | None) -> Any:
        """What a synchronous client keeps as its socket; ``timeout`` in seconds."""

    def streams(self, timeout: float | None) -> tuple[Any, Any]:
        """What an asynchronous client keeps as its reader and its writer.

        The client watches its `timeout` itself; the link may know that it will run out.
        """

    def connecting(self, timeout: float | None) -> None:
        """Raise the OSError of a connection that cannot be made; ``timeout`` is the client's."""


if TYPE_CHECKING:
    Socket = MemorySocket
    Writer = MemoryWriter
    Dial = Callable[[Endpoint], Link | None]

_CLASSES = ("Connection", "SSLConnection", "UnixDomainSocketConnection")
# Attributes that hold what asyncio binds to the loop in which it was first contended.
_Primitive = type[asyncio.Lock] | type[asyncio.Condition]
_LOOP_BOUND: dict[str, tuple[_Primitive, _Primitive]] = {
    "_lock": (asyncio.Lock, LoopFreeLock),
    "_single_conn_lock": (asyncio.Lock, LoopFreeLock),
    "_usage_lock": (asyncio.Lock, LoopFreeLock),
    "_condition": (asyncio.Condition, LoopFreeCondition),
}


class Redirection:
    """The patches of one client library (``redis`` or ``valkey``), and what they must renew."""

    def __init__(
        self,
        library: ModuleType,
        dial: Dial,
        waits: Callable[[float], bool] = lambda _: False,
        learn: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._learn = learn
        self._library = library
        self._dial = dial
        self._waits = waits
        self._undo: list[tuple[type | ModuleType, str, Any]] = []
        self._loop_bound: weakref.WeakSet[Any] = weakref.WeakSet()

    def install(self) -> None:
        """Redirect every connection of the library, sync and async, existing or to come."""
        name = self._library.__name__
        sync, streams = sys.modules[f"{name}.connection"], sys.modules[f"{name}.asyncio.connection"]
        for class_name in _CLASSES:
            self._replace(getattr(sync, class_name, None), "_connect", self._sync_connect)
            self._replace(getattr(streams, class_name, None), "_connect", self._async_connect)
        client = sys.modules[f"{name}.asyncio.client"]
        classes = tuple(
            getattr(module, class_name)
            for module, class_name in (
                (streams, "ConnectionPool"),
                (streams, "BlockingConnectionPool"),
                (client, name.capitalize()),
                (client, "PubSub"),
            )
        )
        for cls in classes:
            self._replace(cls, "__init__", self._registering)
        for module in (f"{name}.sentinel", f"{name}.asyncio.sentinel"):
            sentinel = getattr(sys.modules.get(module), "Sentinel", None)
            self._replace(sentinel, "discover_master", self._learning)
        self._replace(sys.modules.get(f"{name}.retry"), "sleep", self._sleep)
        self._replace(sys.modules.get(f"{name}.asyncio.retry"), "sleep", self._async_sleep)
        for thing in gc.get_objects():
            if type(thing) in classes or isinstance(thing, classes):
                self._loop_bound.add(thing)
                _free(thing)

    def uninstall(self) -> None:
        """Put every method back."""
        while self._undo:
            cls, attribute, original = self._undo.pop()
            setattr(cls, attribute, original)

    def renew(self) -> None:
        """Free what a task of an earlier test still held when its loop was closed."""
        for thing in tuple(self._loop_bound):
            _free(thing)
            state = vars(thing)
            for attribute, (_, free) in _LOOP_BOUND.items():
                held = state.get(attribute)
                if isinstance(held, free) and held.locked():
                    setattr(thing, attribute, free())

    def forget_topology(self) -> None:
        """Have the cluster clients that outlive their test ask again who has which slot."""
        name = self._library.__name__
        client = f"{name.capitalize()}Cluster"
        plain, streams = (
            getattr(sys.modules.get(f"{name}{part}.cluster"), client, ())
            for part in ("", ".asyncio")
        )
        for thing in gc.get_objects():
            if isinstance(thing, plain):
                thing.nodes_manager.initialize()
            elif isinstance(thing, streams):
                thing._initialize = True

    def _replace(
        self,
        cls: type | ModuleType | None,
        attribute: str,
        make: Callable[[Any], Callable[..., Any]],
    ) -> None:
        if cls is None or attribute not in vars(cls):
            return
        original = vars(cls)[attribute]
        self._undo.append((cls, attribute, original))
        setattr(cls, attribute, wraps(original)(make(original)))

    def _sync_connect(self, original: Any) -> Callable[..., Any]:
        def connect(connection: Any) -> Any:
            link = self._dial(of_connection(connection))
            if link is None:
                return original(connection)
            link.connecting(connection.socket_connect_timeout)
            return link.socket(connection.socket_timeout)

        return connect

    def _async_connect(self, original: Any) -> Callable[..., Any]:
        async def connect(connection: Any) -> None:
            link = self._dial(of_connection(connection))
            if link is None:
                await original(connection)
                return
            link.connecting(connection.socket_connect_timeout)
            connection._reader, connection._writer = link.streams(connection.socket_timeout)

        return connect

    def _sleep(self, original: Any) -> Callable[..., Any]:
        """Between two attempts of the client's own: not waited for while a fault lasts."""

        def sleep(seconds: float) -> None:
            if not self._waits(seconds):
                original(seconds)

        return sleep

    def _async_sleep(self, original: Any) -> Callable[..., Any]:
        async def sleep(seconds: float) -> None:
            await original(0 if self._waits(seconds) else seconds)

        return sleep

    def _learning(self, original: Any) -> Callable[..., Any]:
        """A sentinel is asked for all its services: the name wanted is not on the wire."""

        def discover_master(sentinel: Any, service_name: str) -> Any:
            self._learn(service_name)
            return original(sentinel, service_name)

        return discover_master

    def _registering(self, original: Any) -> Callable[..., Any]:
        registry = self._loop_bound

        def initialise(thing: Any, *args: Any, **kwargs: Any) -> None:
            original(thing, *args, **kwargs)
            registry.add(thing)
            _free(thing)

        return initialise


def _free(thing: Any) -> None:
    """Give a pool or client locks that serve every loop."""
    state = vars(thing)
    for attribute, (bound, free) in _LOOP_BOUND.items():
        held = state.get(attribute)
        if type(held) is bound and not held.locked():
            setattr(thing, attribute, free())
