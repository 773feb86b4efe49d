"""The hooks and fixtures pytest sees. Inert unless `hermetic = true` or `--hermetic`."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from typing import TYPE_CHECKING, Any

import pytest

from pytest_hermetic import explain_section
from pytest_hermetic import settings as configuration
from pytest_hermetic.audit import choice as audit
from pytest_hermetic.facade import Hermetic

if TYPE_CHECKING:
    import httpx
    from starlette.testclient import TestClient

    from pytest_hermetic.clock import Clock
    from pytest_hermetic.faults import Faults
    from pytest_hermetic.keys import Keys
    from pytest_hermetic.mail import Mailbox
    from pytest_hermetic.network.resource import NetworkPart
    from pytest_hermetic.outbound.part import HttpPart
    from pytest_hermetic.sql.part import SqlPart

_HERMETIC = pytest.StashKey[Hermetic]()
_FAILED = pytest.StashKey[bool]()


def pytest_addoption(parser: pytest.Parser) -> None:
    configuration.add_options(parser)
    audit.add_options(parser)


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> None:
    if early_config.known_args_namespace.hermetic_init:
        # The project is only read: its conftests, and with them the application, are not imported.
        early_config.known_args_namespace.noconftest = True
        return
    _start(early_config)


@pytest.hookimpl(tryfirst=True)
def pytest_cmdline_main(config: pytest.Config) -> int | None:
    if not config.option.hermetic_init:
        return None
    from pytest_hermetic.adoption.command import show

    return show(config)


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers",
        "hermetic(redis=…, clock=…, network=…, allow=[…]): choose another Redis or moment for "
        "this test, or what it may reach",
    )
    config.addinivalue_line(
        "markers",
        "hermetic_off(name, …): leave redis, sql, clock, caches, network, http, mail or hashing "
        "alone in this test",
    )
    config.addinivalue_line("markers", "slow_hash: hash passwords at the real cost in this test")
    config.addinivalue_line(
        "markers", "fault(resource, kind, …): have redis or sql fail during this test"
    )
    if _HERMETIC not in config.stash and not config.option.hermetic_init:
        # Loaded too late for the hook above: by `pytest_plugins` in a conftest.
        _start(config)
    audit.start(config, active=_HERMETIC in config.stash)

    if config.option.hermetic_explain:
        from pytest_hermetic.explain_section import Explanation

        config.pluginmanager.register(Explanation(), "hermetic-explain")


def pytest_unconfigure(config: pytest.Config) -> None:
    hermetic = config.stash.get(_HERMETIC, None)
    if hermetic is not None:
        del config.stash[_HERMETIC]
        hermetic.close()


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    # No wrapper: what fails here is then reported like any error of a set-up.
    hermetic = item.config.stash.get(_HERMETIC, None)
    if hermetic is not None:
        hermetic.begin(item.nodeid, configuration.of_item(item))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[None]:
    hermetic = item.config.stash.get(_HERMETIC, None)
    if hermetic is None:
        return (yield)
    with hermetic.faults.calling():
        return (yield)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_teardown(item: pytest.Item) -> Iterator[None]:
    hermetic = item.config.stash.get(_HERMETIC, None)
    if hermetic is None:
        return (yield)
    try:
        # Before any fixture's end: the runner's event loop is one of them.
        hermetic.shut_down()
    finally:
        try:
            result = yield
            if not item.stash.get(_FAILED, False):
                explain_section.warn_of_swallowed(item, hermetic)
        finally:
            hermetic.end(item.nodeid)
    return result


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    hermetic = item.config.stash.get(_HERMETIC, None)
    if hermetic is not None:
        item.stash[_FAILED] = item.stash.get(_FAILED, False) or report.failed
        explain_section.attach(report, hermetic.settings.explain)
    return report


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    hermetic = config.stash.get(_HERMETIC, None)
    never = () if hermetic is None else hermetic.never_reset()
    if never:
        names = ", ".join(never)
        terminalreporter.write_line(f"hermetic_reset: never imported, so never called: {names}")


def _start(config: pytest.Config) -> None:
    settings = configuration.read(config)
    if settings.active:
        hermetic = config.stash[_HERMETIC] = Hermetic(settings)
        hermetic.start()


@pytest.fixture
def hermetic(request: pytest.FixtureRequest) -> Hermetic:
    """The private Redis, database, clock, keys and client of this test."""
    found = request.config.stash.get(_HERMETIC, None)
    if found is None:
        raise pytest.UsageError("pytest-hermetic is not active: set `hermetic = true`")
    return found


@pytest.fixture
def hermetic_redis(hermetic: Hermetic) -> Any:
    """The private Redis of this test."""
    return hermetic.redis


@pytest.fixture
def hermetic_sql(hermetic: Hermetic) -> SqlPart:
    """The private databases of this test."""
    return hermetic.sql


@pytest.fixture
def hermetic_clock(hermetic: Hermetic) -> Clock:
    """The clock of this test: `advance`, `travel`, `freeze`."""
    return hermetic.clock


@pytest.fixture
def hermetic_keys(hermetic: Hermetic) -> Keys:
    """The keys and secrets of this session."""
    return hermetic.keys


@pytest.fixture
def hermetic_faults(hermetic: Hermetic) -> Faults:
    """What is to go wrong: `with hermetic_faults.redis("down"): …`."""
    return hermetic.faults


@pytest.fixture
def hermetic_mail(hermetic: Hermetic) -> Mailbox:
    """The mails sent in this test: `wait(to=…, subject=…)`, `links`, `code`."""
    return hermetic.mail


@pytest.fixture
def hermetic_http(hermetic: Hermetic) -> HttpPart:
    """The HTTP services outside the application: `mount`, `requests`."""
    return hermetic.http


@pytest.fixture
def hermetic_network(hermetic: Hermetic) -> NetworkPart:
    """What this test was refused: `blocked`; and its `level`."""
    return hermetic.network


@pytest.fixture
def hermetic_client(hermetic: Hermetic) -> httpx.AsyncClient:
    """An asynchronous client of the application, its lifespan run in the test's event loop."""
    return hermetic.client


@pytest.fixture
def hermetic_test_client(hermetic: Hermetic) -> TestClient:
    """A Starlette TestClient of the application, its lifespan running."""
    return hermetic.test_client
