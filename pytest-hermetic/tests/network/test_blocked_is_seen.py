"""A blocked address reads like an outage to the application, and is shown to people."""

from __future__ import annotations

import pytest

pytest_plugins = ["pytester"]

APPLICATION = {
    "shop/rates.py": """
        import socket

        def rate():
            try:
                socket.create_connection(("rates.example", 443)).close()
            except OSError:
                return 1.0
    """
}


@pytest.mark.parametrize(
    ("host", "port", "advice"),
    [
        ("idp.example", 443, '*hermetic_http.mount("https://idp.example", app)*'),
        ("idp.example", 8443, '*hermetic_http.mount("https://idp.example:8443", app)*'),
        ("idp.example", 80, '*hermetic_http.mount("http://idp.example", app)*'),
        ("cache.example", 6379, "*redis-py*unless hermetic_off('redis')*"),
        ("db.example", 5432, "*SQLAlchemy engines*unless hermetic_off('sql')*"),
        ("mail.example", 587, "*hermetic_mail*"),
        ("127.0.0.1", 9, "*hermetic(network='loopback')*"),
    ],
)
def test_the_error_names_the_test_the_address_and_what_to_use(
    pytester: pytest.Pytester, host, port, advice
) -> None:
    """In this process: the message alone is at stake."""
    from fnmatch import fnmatch

    from pytest_hermetic.explain import Recorder
    from pytest_hermetic.network import NetworkBlocked
    from pytest_hermetic.network.guard import Guard
    from pytest_hermetic.network.rules import Rules

    guard = Guard("test_a.py::test_b", Rules("block"), Recorder(), mode="block")
    with pytest.raises(NetworkBlocked) as caught:
        guard.connect(host, port)
    text = str(caught.value)
    assert text.startswith(f"test_a.py::test_b may not reach {host}:{port}: ")
    assert fnmatch(text, advice), text
    assert isinstance(caught.value, ConnectionError)
    assert guard.blocked == [caught.value]


def test_a_swallowed_error_is_a_warning(suite) -> None:
    result = suite(
        """
        import pytest
        from shop.rates import rate

        def test_swallowed():
            assert rate() == 1.0

        def test_meant(hermetic_network):
            assert rate() == 1.0
            assert hermetic_network.blocked == ("rates.example:443",)

        def test_caught_by_the_test():
            import socket
            with pytest.raises(socket.gaierror):
                socket.getaddrinfo("rates.example", 443)

        def test_caught_by_the_test_as_a_library_wrapped_it():
            import httpx
            with pytest.raises(httpx.ConnectError):
                httpx.get("https://rates.example")
        """,
        files=APPLICATION,
        args=("-W", "default"),
    )
    result.assert_outcomes(passed=4, warnings=1)
    result.stdout.fnmatch_lines(
        ["*test_inside.py:5: BlockedWarning: rates.example:443 was blocked and the test passed*"]
    )


def test_a_strict_suite_fails_for_it(suite) -> None:
    result = suite(
        """
        from shop.rates import rate

        def test_swallowed():
            assert rate() == 1.0
        """,
        files=APPLICATION,
    )
    result.assert_outcomes(passed=1, errors=1)


def test_a_failed_test_tells_what_was_blocked(suite) -> None:
    result = suite(
        """
        from shop.rates import rate

        def test_it():
            assert rate() == 1.1
        """,
        files=APPLICATION,
    )
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*hermetic: blocked addresses*", "rates.example:443"])


def test_the_traceback_ends_in_the_application(suite) -> None:
    """Not in this plugin: the reader looks for the line that wanted out."""
    result = suite(
        """
        import socket

        def test_it():
            socket.create_connection(("203.0.113.7", 80))
        """
    )
    result.stdout.no_fnmatch_line("*guard.py*")
    result.stdout.fnmatch_lines(["*NetworkBlocked: test_inside.py::test_it may not reach*"])
