"""How much is let through: by setting, by marker, and what is never closed."""

from __future__ import annotations

import pytest

pytest_plugins = ["pytester"]

COMMON = """
    import asyncio
    import os
    import socket
    import threading
    from contextlib import suppress

    import pytest
    from escapes import ROUTES
    from pytest_hermetic.network import NetworkBlocked

    NEAR = ("127.0.0.1", int(os.environ["ESCAPE_PORT"]))
    FAR = ("203.0.113.7", 81)

    def reach(address):
        socket.create_connection(address, 5).close()
"""


def test_a_marker_opens_loopback_or_one_address(suite, listener, escapes) -> None:
    result = suite(
        COMMON
        + """
    @pytest.mark.hermetic(network="loopback")
    @pytest.mark.parametrize("name", ["socket", "raw_socket", "asyncio", "uvloop", "subprocess"])
    async def test_loopback(name, hermetic):
        await ROUTES[name](*NEAR)
        assert hermetic.network.level == "loopback"
        with pytest.raises(NetworkBlocked):
            reach(FAR)

    @pytest.mark.hermetic(allow=[f"127.0.0.1:{NEAR[1]}"])
    @pytest.mark.parametrize("name", ["socket", "uvloop"])
    async def test_one_address(name):
        await ROUTES[name](*NEAR)
        with pytest.raises(NetworkBlocked):
            reach(("127.0.0.1", NEAR[1] + 1))

    @pytest.mark.hermetic(allow="127.0.0.0/8")
    class TestAClass:
        @pytest.mark.hermetic(allow=["203.0.113.0/24"])
        def test_adds_to_what_its_class_lets_through(self, hermetic):
            reach(NEAR)
            sock = socket.socket(type=socket.SOCK_DGRAM)
            with sock, suppress(OSError):
                sock.connect(FAR)
            assert hermetic.network.blocked == ()

    @pytest.mark.hermetic_off("network")
    def test_left_alone():
        reach(NEAR)

    def test_the_next_test_is_closed_again():
        with pytest.raises(NetworkBlocked):
            reach(NEAR)
    """,
        files=escapes,
        args=("-p", "no:randomly"),
    )
    result.assert_outcomes(passed=10)
    assert listener.reached == 5 + 2 + 1 + 1


@pytest.mark.parametrize(
    ("setting", "is_open"),
    [
        ("hermetic_network = block", False),
        ("hermetic_network = loopback", True),
        ("hermetic_network = off", True),
        ("hermetic_allow_hosts =\n    127.0.0.1", True),
    ],
)
def test_a_setting_decides_for_every_test(suite, listener, escapes, setting, is_open) -> None:
    result = suite(COMMON + "\n    def test_it(): reach(NEAR)", setting, files=escapes)
    result.assert_outcomes(passed=int(is_open), failed=int(not is_open))
    assert listener.reached == int(is_open)


def test_one_test_of_an_open_suite_can_be_closed(suite, listener, escapes) -> None:
    suite(
        COMMON
        + """
    @pytest.mark.hermetic(network="block")
    def test_it():
        with pytest.raises(NetworkBlocked):
            reach(NEAR)
    """,
        "hermetic_network = off",
        files=escapes,
    ).assert_outcomes(passed=1)


def test_what_stays_on_this_machine_is_never_closed(suite, listener, escapes) -> None:
    """Unix sockets, event loops, servers that wait, and names that need no resolver."""
    suite(
        COMMON
        + """
    def test_unix_sockets(tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)  # a socket's path must be short
        with socket.socket(socket.AF_UNIX) as server, socket.socket(socket.AF_UNIX) as client:
            server.bind("s")
            server.listen()
            client.connect("s")
            assert client.getpeername() == "s"

    def test_a_server_may_wait():
        with socket.create_server(("127.0.0.1", 0)) as server:
            assert server.getsockname()[1]

    def test_names_of_this_machine(hermetic):
        assert socket.getaddrinfo("localhost", 80)
        assert socket.getaddrinfo("203.0.113.7", 80)[0][4][0] == "203.0.113.7"
        assert socket.getaddrinfo(None, 80)
        assert socket.getfqdn()
        assert hermetic.network.blocked == ()

    async def test_event_loops():
        assert await asyncio.to_thread(lambda: 7) == 7
    """,
        files=escapes,
    ).assert_outcomes(passed=4)


def test_the_other_ways_of_a_socket_are_closed(suite, listener, escapes) -> None:
    suite(
        COMMON
        + """
    def sent_by(call):
        with socket.socket(type=socket.SOCK_DGRAM) as sock:
            call(sock)

    @pytest.mark.parametrize("leave", [
        lambda: sent_by(lambda sock: sock.sendto(b"x", NEAR)),
        lambda: sent_by(lambda sock: sock.sendmsg([b"x"], [], 0, NEAR)),
        lambda: sent_by(lambda sock: sock.connect_ex(NEAR)),
        lambda: socket.gethostbyname("escape.example"),
        lambda: socket.gethostbyname_ex("escape.example"),
        lambda: socket.gethostbyaddr("203.0.113.7"),
        lambda: socket.getnameinfo(("203.0.113.7", 80), 0),
        lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW),
        lambda: socket.socket(socket.AF_VSOCK, socket.SOCK_STREAM),
    ])
    def test_a_way(leave):
        with pytest.raises(NetworkBlocked):
            leave()

    def test_in_another_thread(hermetic):
        thread = threading.Thread(target=lambda: suppress(OSError).__enter__() or try_it())
        thread.start()
        thread.join()
        assert hermetic.network.blocked == (f"127.0.0.1:{NEAR[1]}",)

    def try_it():
        with suppress(NetworkBlocked):
            reach(NEAR)

    @pytest.mark.parametrize("ask", ["getaddrinfo", "getnameinfo", "datagrams", "open_end"])
    async def test_uvloop(ask):
        import uvloop
        make = asyncio.DatagramProtocol

        async def leave():
            loop = asyncio.get_running_loop()
            if ask == "getaddrinfo":
                await loop.getaddrinfo("escape.example", 80)
            elif ask == "getnameinfo":
                await loop.getnameinfo(("203.0.113.7", 80))
            elif ask == "datagrams":
                await loop.create_datagram_endpoint(make, remote_addr=FAR)
            else:
                await loop.create_datagram_endpoint(make, local_addr=("0.0.0.0", 0))

        def run():
            with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                runner.run(leave())

        with pytest.raises(NetworkBlocked):
            await asyncio.to_thread(run)

    def test_libpq_itself():
        import psycopg
        conninfo = f"host=127.0.0.1 port={NEAR[1]}".encode()
        for connect in (psycopg.pq.PGconn.connect, psycopg.pq.PGconn.connect_start):
            with pytest.raises(psycopg.OperationalError, match="may not reach"):
                connect(conninfo)

    async def test_libpq_asynchronously(monkeypatch):
        import psycopg
        monkeypatch.setenv("PGHOST", "127.0.0.1")
        monkeypatch.setenv("PGPORT", str(NEAR[1]))
        with pytest.raises(NetworkBlocked):
            await psycopg.AsyncConnection.connect("user=app dbname=app")

    def test_psycopg2():
        import psycopg2
        with pytest.raises(NetworkBlocked):
            psycopg2.connect(host="127.0.0.1", port=NEAR[1], user="app")
        with pytest.raises(psycopg2.OperationalError, match="No such file"):
            psycopg2.connect(host="/nowhere", user="app")
    """,
        files=escapes,
    ).assert_outcomes(passed=9 + 1 + 4 + 3)
    assert listener.reached == 0


@pytest.mark.parametrize(
    ("setting", "complaint"),
    [
        ("hermetic_network = shut", "*hermetic_network is one of block, loopback, netns, off,*"),
        ("hermetic_allow_hosts = http://a", "*an allowed host is host or host:port*"),
        (
            "hermetic_network = netns\nhermetic_allow_hosts = a",
            "*hermetic_network = netns lets nobody through*",
        ),
        (
            "hermetic_network = netns\nhermetic_db = postgresql://u:pw@db/x",
            "*hermetic_db names a server on the network (db)*",
        ),
    ],
)
def test_a_setting_that_cannot_be_meant_stops_the_run(suite, setting, complaint) -> None:
    result = suite("def test_it(): pass", setting)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([complaint])


@pytest.mark.parametrize("marker", ["network='off'", "network='netns'", "allow=['a:b']"])
def test_a_marker_that_cannot_be_meant_fails_its_test(suite, marker) -> None:
    source = f"import pytest\n@pytest.mark.hermetic({marker})\ndef test_it(): pass"
    suite(source).assert_outcomes(errors=1)
