"""pytest-socket does the same one layer above: neither undoes the other."""

from __future__ import annotations

pytest_plugins = ["pytester"]

SUITE = """
    import socket
    import pytest
    import redis
    from pytest_hermetic.network import NetworkBlocked
    from pytest_socket import SocketBlockedError, SocketConnectBlockedError

    def reach():
        socket.create_connection(("203.0.113.7", 80), 5)

    def test_theirs_is_asked_first():
        with pytest.raises(SocketBlockedError):
            reach()

    @pytest.mark.enable_socket
    def test_what_they_enable_is_ours_to_close():
        with pytest.raises(NetworkBlocked):
            reach()

    @pytest.mark.allow_hosts(["127.0.0.1"])
    @pytest.mark.hermetic(allow=["203.0.113.7"])
    def test_what_we_let_through_is_theirs_to_close():
        with pytest.raises(SocketConnectBlockedError):
            reach()

    def test_redis_answers():
        assert redis.Redis(host="cache").ping()
"""


def test_both_close_the_network(suite) -> None:
    # It warns of each error that it raises, too.
    options = ("--disable-socket", "--allow-unix-socket", "-W", "ignore:A test tried to use")
    suite(SUITE, args=options).assert_outcomes(passed=4)
