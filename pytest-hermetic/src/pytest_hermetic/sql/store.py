"""What a kind of database must do to give each test its own."""

from __future__ import annotations

from typing import Any, Protocol


class Store(Protocol):
    """All databases of one dialect in this session.

    A service may use several databases; `name` tells them apart. Each is born from the same
    template, which holds the configured schema, and what was written to it before the first
    test.
    """

    dialect: str
    """SQLAlchemy's name of the dialect: "sqlite", "postgresql"."""

    def name_of(self, cargs: list[Any], cparams: dict[str, Any]) -> str:
        """Which of the service's databases the arguments of a connect mean."""

    def point(self, name: str, driver: str, cargs: list[Any], cparams: dict[str, Any]) -> None:
        """Rewrite the arguments of a connect so that they mean this test's own `name`."""

    def point_at(self, target: Any, driver: str, cargs: list[Any], cparams: dict[str, Any]) -> None:
        """Rewrite the arguments of a connect so that they mean the template `target`."""

    def refuse(self, cargs: list[Any], cparams: dict[str, Any]) -> None:
        """Rewrite pointed arguments so that the driver finds nobody there."""

    def url(self, name: str) -> str:
        """Where the database `name` of the running test is, for another process to connect."""

    def keep(self) -> None:
        """Make what was written to the databases at hand part of their templates."""

    def begin(self) -> None:
        """Forget the databases at hand; the next connects get new ones."""

    def close(self) -> None:
        """Stop servers and remove files."""
