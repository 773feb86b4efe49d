"""What the user configured, read once, and what the running test's markers add to it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, cast

import pytest

from pytest_hermetic.explain import Recorder
from pytest_hermetic.folders import PrivateFolder

INI: tuple[tuple[str, Literal["string", "linelist", "bool"], str], ...] = (
    ("hermetic", "bool", "give every test a private Redis, database, clock, keys and client"),
    ("hermetic_app", "string", "the ASGI application: module:attribute or module:factory()"),
    ("hermetic_metadata", "linelist", "SQLAlchemy metadata or declarative bases of the schema"),
    ("hermetic_alembic", "string", "path of alembic.ini: the schema comes from the migrations"),
    ("hermetic_redis", "string", "memory, server, auto, off, or the URL of a Redis server"),
    ("hermetic_redis_version", "string", "the Redis version the in-memory engine answers as"),
    ("hermetic_db", "string", "auto, sqlite, postgres, off, or the URL of a PostgreSQL server"),
    ("hermetic_env", "linelist", "NAME=value, set before the first conftest is imported"),
    ("hermetic_clock", "string", "the moment each test starts at (ISO 8601), or off"),
    ("hermetic_network", "string", "what tests may reach: block, loopback, netns or off"),
    ("hermetic_allow_hosts", "linelist", "host, host:port or network that every test may reach"),
    ("hermetic_reset", "linelist", "callables (module:attribute) called before each test"),
    ("hermetic_http", "linelist", "origin = module:attribute, ASGI applications for every test"),
    ("hermetic_mail", "bool", "whether mail is caught (true) or really sent (false)"),
    ("hermetic_fast_hash", "bool", "whether passwords are hashed at the least cost (true)"),
)


@dataclass
class TestSettings:
    """What the markers of the running test say; made anew before each test's set-up."""

    __test__ = False  # pytest must not collect it

    off: frozenset[str] = frozenset()
    """The names given to `@pytest.mark.hermetic_off`."""
    redis: str | None = None
    """`@pytest.mark.hermetic(redis=…)`, as in `hermetic_redis`."""
    clock: str | None = None
    """`@pytest.mark.hermetic(clock=…)`, as in `hermetic_clock`."""
    network: str | None = None
    """`@pytest.mark.hermetic(network=…)`: block or loopback."""
    allow: tuple[str, ...] = ()
    """`@pytest.mark.hermetic(allow=[…])`, as in `hermetic_allow_hosts`."""
    faults: tuple[tuple[tuple[Any, ...], dict[str, Any]], ...] = ()
    """The arguments of each `@pytest.mark.fault(…)`, the outermost first."""


@dataclass
class Settings:
    """The configuration of one pytest session. Paths are absolute; nothing here is secret."""

    active: bool = False
    root: Path = field(default_factory=Path.cwd)
    app: str | None = None
    metadata: tuple[str, ...] = ()
    alembic: Path | None = None
    redis: str = "auto"
    """memory, server, auto, off, or a `redis://`, `rediss://`, `valkey://`, `unix://` URL."""
    redis_version: tuple[int, ...] = (7, 0)
    db: str = "auto"
    """auto, sqlite, postgres, off, or a `postgresql://` URL."""
    env: tuple[tuple[str, str], ...] = ()
    clock: str | None = None
    """ISO 8601 moment each test starts at, "off", or None for the real time."""
    network: str = "block"
    """block, loopback, netns or off."""
    allow_hosts: tuple[str, ...] = ()
    """`host`, `host:port` or networks that are let through in every test."""
    reset: tuple[str, ...] = ()
    http: tuple[tuple[str, str], ...] = ()
    """Origins and the ASGI applications (`module:attribute`) that answer for them."""
    mail: bool = True
    """Whether mail is caught."""
    fast_hash: bool = True
    """Whether new password hashes are made at the least cost."""
    test: TestSettings = field(default_factory=TestSettings)
    explain: Recorder = field(default_factory=Recorder)
    """Where each part tells what it redirected or refused."""
    _folder: PrivateFolder | None = None

    def private(self) -> Path:
        """The folder, in memory where possible, of all this session writes; made when asked for."""
        if self._folder is None:
            self._folder = PrivateFolder()
        return self._folder.path

    def close(self) -> None:
        """Remove the private folder."""
        if self._folder is not None:
            self._folder.close()
            self._folder = None

    def is_off(self, name: str) -> bool:
        """Whether the running test, or the whole session, does without the resource `name`."""
        return name in self.test.off


def add_options(parser: pytest.Parser) -> None:
    """Declare every ini name and command-line option of the plugin."""
    group = parser.getgroup("hermetic", "private Redis, database, clock and keys per test")
    group.addoption(
        "--hermetic", action="store_true", default=None, dest="hermetic", help="switch it on"
    )
    group.addoption(
        "--no-hermetic", action="store_false", default=None, dest="hermetic", help="switch it off"
    )
    group.addoption(
        "--hermetic-backend",
        choices=("memory", "server"),
        default=None,
        help="run on the in-memory Redis or on a real redis-server",
    )
    group.addoption(
        "--hermetic-explain",
        action="store_true",
        help="print what each test met instead of the outside world",
    )
    group.addoption(
        "--hermetic-init",
        action="store_true",
        help="print what this project adds to be hermetic and the mocks it can delete; run nothing",
    )
    for name, kind, text in INI:
        parser.addini(name, text, type=kind, default=None)


def read(config: pytest.Config) -> Settings:
    """Build the settings from the ini file and the command line.

    Raises `pytest.UsageError` for a value that cannot be meant.
    """
    options = config.known_args_namespace
    switch = getattr(options, "hermetic", None)
    active = bool(config.getini("hermetic")) if switch is None else bool(switch)
    alembic = _text(config, "hermetic_alembic")
    settings = Settings(
        active=active,
        root=config.rootpath,
        app=_text(config, "hermetic_app"),
        metadata=tuple(_lines(config, "hermetic_metadata")),
        alembic=config.rootpath / alembic if alembic else None,
        redis=getattr(options, "hermetic_backend", None)
        or _one_of(config, "hermetic_redis", ("auto", "memory", "server", "off"), url=True),
        redis_version=_version(_text(config, "hermetic_redis_version") or "7.0"),
        db=_one_of(config, "hermetic_db", ("auto", "sqlite", "postgres", "off"), url=True),
        env=tuple(_pair(line) for line in _lines(config, "hermetic_env")),
        clock=_text(config, "hermetic_clock"),
        network=_one_of(
            config, "hermetic_network", ("block", "loopback", "netns", "off"), url=False
        ),
        allow_hosts=tuple(_lines(config, "hermetic_allow_hosts")),
        reset=tuple(_lines(config, "hermetic_reset")),
        http=tuple(_mounted(line) for line in _lines(config, "hermetic_http")),
        mail=_is_not_off(config, "hermetic_mail"),
        fast_hash=_is_not_off(config, "hermetic_fast_hash"),
    )
    if settings.alembic and settings.metadata:
        raise pytest.UsageError("give hermetic_metadata or hermetic_alembic, not both")
    return settings


def of_item(item: pytest.Item) -> TestSettings:
    """Read the markers of one test; the closest marker wins.

    Raises `pytest.UsageError` for a marker argument that does not exist.
    """
    off = frozenset(str(name) for mark in item.iter_markers("hermetic_off") for name in mark.args)
    if item.get_closest_marker("slow_hash") is not None:
        off |= {"hashing"}
    unknown = off - {"redis", "sql", "clock", "caches", "network", "http", "mail", "hashing"}
    if unknown:
        raise pytest.UsageError(
            f"{item.nodeid}: hermetic_off knows no {', '.join(sorted(unknown))}"
        )
    chosen: dict[str, str] = {}
    allow: list[str] = []
    for mark in item.iter_markers("hermetic"):
        for name, value in mark.kwargs.items():
            if name == "allow":
                # What a class lets through, its tests may add to.
                allow += [value] if isinstance(value, str) else value
            elif name in ("redis", "clock", "network"):
                chosen.setdefault(name, str(value))
            else:
                raise pytest.UsageError(f"{item.nodeid}: the hermetic marker knows no {name}")
    if chosen.get("network", "block") not in ("block", "loopback"):
        raise pytest.UsageError(
            f"{item.nodeid}: the network of a test is block or loopback, "
            "or left alone by hermetic_off('network')"
        )
    faults = tuple((mark.args, dict(mark.kwargs)) for mark in item.iter_markers("fault"))[::-1]
    return TestSettings(
        off=off,
        redis=chosen.get("redis"),
        clock=chosen.get("clock"),
        network=chosen.get("network"),
        allow=tuple(allow),
        faults=faults,
    )


def _text(config: pytest.Config, name: str) -> str | None:
    value = config.getini(name)
    return str(value).strip() or None if value else None


def _lines(config: pytest.Config, name: str) -> Iterator[str]:
    for line in cast("list[str]", config.getini(name) or []):
        if line.strip():
            yield line.strip()


def _one_of(config: pytest.Config, name: str, words: tuple[str, ...], *, url: bool) -> str:
    value = _text(config, name) or words[0]
    if value in words or (url and "://" in value):
        return value
    choice = ", ".join(words) + (" or a URL" if url else "")
    raise pytest.UsageError(f"{name} is one of {choice}, not {value!r}")


def _pair(line: str) -> tuple[str, str]:
    name, equals, value = line.partition("=")
    if not equals or not name.strip():
        raise pytest.UsageError(f"hermetic_env holds NAME=value, not {line!r}")
    return name.strip(), value.strip()


def _mounted(line: str) -> tuple[str, str]:
    origin, equals, name = line.partition("=")
    if not equals or ":" not in name:
        raise pytest.UsageError(f"hermetic_http holds origin = module:attribute, not {line!r}")
    # Imported here: most suites mount nothing this way.
    from pytest_hermetic.outbound import origins

    try:
        origins.of_text(origin)
    except ValueError as error:
        raise pytest.UsageError(f"hermetic_http: {error}") from None
    return origin.strip(), name.strip()


def _is_not_off(config: pytest.Config, name: str) -> bool:
    value = config.getini(name)
    return True if value is None else bool(value)


def _version(text: str) -> tuple[int, ...]:
    try:
        return tuple(int(part) for part in text.split("."))
    except ValueError:
        raise pytest.UsageError(f"hermetic_redis_version is a number, not {text!r}") from None
