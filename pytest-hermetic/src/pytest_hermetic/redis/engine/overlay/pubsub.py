"""Subscriptions: counted per kind, and an UNSUBSCRIBE from nothing is answered too."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pytest_hermetic.redis.engine.adapter import NoResponse
from pytest_hermetic.redis.engine.overlay import Overlay

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


class PubSubCommands(Overlay):
    """How (P|S)SUBSCRIBE and (P|S)UNSUBSCRIBE register and confirm."""

    _pubsub: int
    put_response: Callable[[Any], None]

    def _count(self, kind: bytes) -> int:
        """What a confirmation reports: shard subscriptions are counted apart."""
        if kind in (b"ssubscribe", b"sunsubscribe"):
            return self._subscribed("ssubscribers")
        return self._subscribed("subscribers") + self._subscribed("psubscribers")

    def _subscribed(self, kind: str) -> int:
        return sum(self in clients for clients in getattr(self._server, kind).values())

    def _subscribe(self, names: Iterable[bytes], registry: Any, kind: bytes) -> NoResponse:
        for name in names:
            if self not in registry[name]:
                registry[name].add(self)
                self._pubsub += 1
            self.put_response([kind, name, self._count(kind)])
        return NoResponse()

    def _unsubscribe(self, names: Iterable[bytes], registry: Any, kind: bytes) -> NoResponse:
        mine = [name for name, clients in registry.items() if self in clients]
        for name in list(names) or mine:
            if self in registry.get(name, ()):
                registry[name].discard(self)
                self._pubsub -= 1
                if not registry[name]:
                    del registry[name]
            self.put_response([kind, name, self._count(kind)])
        if not names and not mine:
            self.put_response([kind, None, self._count(kind)])
        return NoResponse()
