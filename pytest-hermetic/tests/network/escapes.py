"""Eight ways out of a process, as an application would take them. Each is `async (host, port)`.

This file is copied beside the suites inside. A route returns what it got; it raises when it is
stopped. `lookup` asks for a name instead of an address.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys

HELLO = b"GET / HTTP/1.0\r\n\r\n"


async def by_socket(host, port):
    import socket

    with socket.create_connection((host, port), 5) as sock:
        sock.sendall(HELLO)


async def by_raw_socket(host, port):
    import _socket

    raw = _socket.socket(_socket.AF_INET, _socket.SOCK_STREAM)
    try:
        raw.settimeout(5)
        raw.connect((host, port))
    finally:
        raw.close()


async def by_asyncio(host, port):
    _, writer = await asyncio.open_connection(host, port)
    writer.close()
    await writer.wait_closed()


async def by_uvloop(host, port):
    import uvloop

    def in_a_thread():
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(by_asyncio(host, port))

    await asyncio.to_thread(in_a_thread)


async def by_asyncpg(host, port):
    import asyncpg

    connection = await asyncpg.connect(
        host=host, port=port, user="app", database="app", ssl=False, timeout=5
    )
    await connection.close()


async def by_libpq(host, port):
    import psycopg

    psycopg.connect(f"host={host} port={port} user=app dbname=app connect_timeout=5").close()


async def by_lookup(host, port):
    import socket

    socket.getaddrinfo("hermetic-escape.example", port)


CHILD = """
import socket, sys
try:
    socket.create_connection((sys.argv[1], int(sys.argv[2])), 5).close()
except OSError as error:
    print(error)
    sys.exit(7)
"""


async def by_subprocess(host, port):
    done = await asyncio.to_thread(
        subprocess.run, [sys.executable, "-c", CHILD, host, str(port)], capture_output=True
    )
    if done.returncode == 7:
        raise ConnectionError(f"in the child: {done.stdout.decode()}")
    assert done.returncode == 0, done.stderr


ROUTES = {
    route.__name__.removeprefix("by_"): route
    for route in (
        by_socket,
        by_raw_socket,
        by_asyncio,
        by_uvloop,
        by_asyncpg,
        by_libpq,
        by_lookup,
        by_subprocess,
    )
}
