"""Eight routes lead out of a process. All eight are closed, in either mode.

The same routes, run with the network left alone, do reach the listener: so a closed one proves
something.
"""

from __future__ import annotations

import subprocess
import sys

import pytest

pytest_plugins = ["pytester"]

ROUTES = 8

# What stopped a route: this plugin, or the kernel with the words of a missing network.
SUITE = """
    import os
    import pytest
    from escapes import ROUTES
    from pytest_hermetic.network import NetworkBlocked

    NEAR = ("127.0.0.1", int(os.environ["ESCAPE_PORT"]))
    FAR = ("203.0.113.7", 81)

    def was_stopped(error):
        while error is not None:
            if isinstance(error, NetworkBlocked | ConnectionRefusedError):
                return True
            words = ("unreachable", "Permission denied", "Connection refused")
            if any(word in str(error) for word in words):
                return True
            error = error.__cause__ or error.__context__
        return False

    @pytest.mark.parametrize("where", [NEAR, FAR], ids=["near", "far"])
    @pytest.mark.parametrize("name", ROUTES)
    async def test_a_route(name, where):
        with pytest.raises(Exception) as caught:
            await ROUTES[name](*where)
        assert was_stopped(caught.value), repr(caught.value)
"""

LEFT_ALONE = """
    import os
    from contextlib import suppress
    import pytest
    from escapes import ROUTES

    @pytest.mark.parametrize("name", ROUTES)
    async def test_a_route(name):
        # The listener hangs up, which the PostgreSQL drivers do not forgive.
        with suppress(Exception):
            await ROUTES[name]("127.0.0.1", int(os.environ["ESCAPE_PORT"]))
"""


def test_left_alone_the_routes_lead_out(suite, listener, escapes) -> None:
    """All but the look-up, which asks a resolver and not the listener."""
    suite(LEFT_ALONE, "hermetic_network = off", files=escapes).assert_outcomes(passed=ROUTES)
    assert listener.reached == ROUTES - 1


def test_all_are_closed_by_patches(suite, listener, escapes) -> None:
    result = suite(SUITE, files=escapes)
    result.assert_outcomes(passed=2 * ROUTES)
    assert listener.reached == 0


def test_all_are_closed_in_a_namespace(suite, listener, escapes) -> None:
    result = suite(SUITE, "hermetic_network = netns", files=escapes)
    assert listener.reached == 0
    if has_namespaces():
        result.assert_outcomes(passed=2 * ROUTES)
    else:
        result.stderr.fnmatch_lines(["*hermetic_network = netns: there is no network namespace*"])
        pytest.skip("this kernel gives no network namespace: there the run refuses to start")


def test_a_namespace_needs_no_root(suite, listener, escapes, pytester, monkeypatch) -> None:
    """Without CAP_SYS_ADMIN it is a user namespace that is entered; workers follow."""
    if without_sys_admin() is None:
        pytest.skip("setpriv is missing, or the kernel gives no user namespace")
    wrap(pytester, monkeypatch, *without_sys_admin())
    result = suite(SUITE, "hermetic_network = netns", files=escapes, args=("-n1",))
    result.assert_outcomes(passed=2 * ROUTES)
    assert listener.reached == 0


class TestAKernelWithoutNamespaces:
    """As in many containers; here a user namespace that may contain none."""

    @pytest.fixture(autouse=True)
    def forbid(self, pytester, monkeypatch) -> None:
        script = 'echo 0 > /proc/sys/user/max_net_namespaces; exec "$@"'
        command = ("unshare", "-rU", "sh", "-c", script, "sh")
        if subprocess.run([*command, "true"], capture_output=True).returncode:
            pytest.skip("the kernel gives no user namespace to forbid namespaces in")
        wrap(pytester, monkeypatch, *command)

    def test_a_child_is_held_by_a_filter(self, suite, listener, escapes) -> None:
        result = suite(SUITE, files=escapes, args=("-k", "subprocess"))
        result.assert_outcomes(passed=2, deselected=2 * ROUTES - 2)
        assert listener.reached == 0

    def test_the_namespace_mode_says_why_it_cannot(self, suite) -> None:
        result = suite("def test_it(): pass", "hermetic_network = netns")
        assert result.ret == pytest.ExitCode.USAGE_ERROR
        result.stderr.fnmatch_lines(["*no network namespace here*hermetic_network = block needs*"])


def wrap(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, *command: str) -> None:
    """Have the suite inside started by `command`."""
    run = pytester.run
    monkeypatch.setattr(pytester, "run", lambda *cmd, **more: run(*command, *cmd, **more))


def has_namespaces() -> bool:
    enter = "from pytest_hermetic.network import confine; confine.enter_namespace()"
    return subprocess.run([sys.executable, "-c", enter], capture_output=True).returncode == 0


def without_sys_admin() -> tuple[str, ...] | None:
    command = ("setpriv", "--bounding-set=-sys_admin", "--inh-caps=-sys_admin")
    try:
        tried = subprocess.run([*command, "unshare", "-cn", "true"], capture_output=True)
    except FileNotFoundError:
        return None
    return command if tried.returncode == 0 else None
