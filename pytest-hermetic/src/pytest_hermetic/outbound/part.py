"""`hermetic.http`: what a test may mount and look at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pytest_hermetic.lifespan import Application
from pytest_hermetic.outbound import origins
from pytest_hermetic.outbound.exchange import Request
from pytest_hermetic.outbound.origins import Origin

if TYPE_CHECKING:
    from pytest_hermetic.outbound.resource import HttpResource


@dataclass(frozen=True, slots=True)
class Mount:
    """An ASGI application that answers for an origin."""

    origin: Origin
    app: Application
    name: str
    """How `--hermetic-explain` calls the application."""
    _part: HttpPart

    @property
    def requests(self) -> list[Request]:
        """What was sent to this origin in this test, oldest first."""
        return [sent for sent in self._part.requests if self.origin.covers(sent.origin)]


class HttpPart:
    """The HTTP services outside the application, in this test."""

    def __init__(self, resource: HttpResource) -> None:
        self._resource = resource

    def mount(self, origin: str, app: Application) -> Mount:
        """Serve `origin` from the ASGI application `app` for the rest of this test.

        The origin is `https://accounts.google.com`, with a port where it is not the scheme's, or
        `https://*.example.com` for every host below; the last mount that fits serves a request.
        Every client is redirected, the ones made before as well; the application's start-up runs
        before its first request and its shutdown at the end of the test.

        Raises ValueError for what is not an origin (RFC 6454), TypeError for what is not callable.
        """
        if not callable(app):
            raise TypeError(f"an ASGI application is callable, not {type(app).__name__}")
        mount = Mount(origins.of_text(origin), app, _name_of(app), self)
        self._resource.add(mount)
        return mount

    @property
    def mounts(self) -> list[Mount]:
        """What is mounted in this test by `mount`; those of the configuration are not listed."""
        return list(self._resource.mounts)

    @property
    def requests(self) -> list[Request]:
        """Every request answered in the process in this test, oldest first, mails by HTTP too."""
        return list(self._resource.requests)


def _name_of(app: object) -> str:
    named = app if hasattr(app, "__qualname__") else type(app)
    return f"{named.__module__}:{named.__qualname__}"
