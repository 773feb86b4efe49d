"""One process, or several that listen on one port; shut down without losing a request."""

import asyncio
import logging
import multiprocessing
import shlex
import signal
import socket
import sys
from collections.abc import Callable
from multiprocessing.connection import wait
from multiprocessing.context import SpawnProcess
from threading import Event
from time import monotonic
from types import FrameType

import uvicorn
import uvloop

from ostiary.app import create_app
from ostiary.cli.failures import explained
from ostiary.cli.opening import opened
from ostiary.cli.serving.listening import bind, listen, url_of, with_public_url
from ostiary.cli.serving.welcome import Welcome, setup_command
from ostiary.installation import finding, making
from ostiary.kernel import logs
from ostiary.kernel.redis import is_embedded
from ostiary.settings import Settings, SettingsError
from ostiary.web.protocol import BoundedHttp
from ostiary.worker import running

_log = logging.getLogger("ostiary.serve")

_BACKLOG = 2048
_GRACE = 30  # seconds that requests in flight have to finish
_TOO_SOON = 5.0  # a process that lives shorter than this is not started again


def serve(settings: Settings, *, host: str, port: int, workers: int) -> None:
    """Serve until SIGINT or SIGTERM. Makes and migrates an SQLite database where it is missing.

    Raises `SettingsError`, `SchemaBehind`, `CommandFailed`.
    """
    if workers > 1 and is_embedded(settings.redis_url):
        raise SettingsError(
            "redis_url: several workers need a Redis server, since memory:// is one process's "
            "own. Set redis_url, such as redis://127.0.0.1:6379/0, or leave --workers out."
        )
    if workers > 1 and port == 0:
        raise SettingsError(
            "--port 0 picks a free port for one process. Name a port, or leave --workers out."
        )
    stop = _Stop()
    # Alone on its port: a server that is started twice by mistake must say so.
    with bind(host, port, is_shared=False) as listener:
        reachable = with_public_url(settings, host, listener)
        command = setup_command(settings, reachable.public_url)
        welcome = Welcome(reachable, url_of(host, listener), command)
        _prepare(reachable)
        if workers == 1:
            _run(reachable, listener, host, stop, welcome)
            return
    asyncio.run(_announce(welcome))
    if not stop.is_asked:
        _supervise(lambda: _start(reachable, host, port), workers)


def _prepare(settings: Settings) -> None:
    with explained(settings):
        made = asyncio.run(making.prepare(settings))
    if made.sentences() and sys.stdout.isatty():
        print(made.sentences(), flush=True)
    elif made.sentences():
        _log.info("%s", made.sentences())
    for name, exposed in (
        ("secret key", finding.exposed_secret(settings)),
        ("database", finding.exposed_database(settings)),
    ):
        if exposed is not None:
            command = f"chmod 600 {shlex.quote(str(exposed))}"
            _log.warning("other users can read the %s %s: run `%s`", name, exposed, command)


def _run(
    settings: Settings, listener: socket.socket, host: str, stop: "_Stop", welcome: Welcome | None
) -> None:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_open_and_serve(settings, listener, host, stop, welcome))


async def _announce(welcome: Welcome) -> None:
    async with opened(welcome.settings) as rt:
        await welcome.say(rt)


async def _open_and_serve(
    settings: Settings, listener: socket.socket, host: str, stop: "_Stop", welcome: Welcome | None
) -> None:
    async with opened(settings) as rt, running(rt):
        config = uvicorn.Config(
            create_app(settings, runtime=rt),
            http=BoundedHttp,
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            proxy_headers=False,  # web.address decides whom to believe
            server_header=False,
            backlog=_BACKLOG,
            timeout_graceful_shutdown=_GRACE,
        )
        config.load()
        listen(listener, host, backlog=_BACKLOG)
        if welcome is not None:
            await welcome.say(rt)
        _log.info("listening on %s", url_of("", listener))
        await stop.serving(uvicorn.Server(config)).serve(sockets=[listener])
        _log.info("stopped")


class _Stop:
    """The signal to stop, from the first moment: uvicorn listens for it only while it serves.

    uvicorn raises it once more when it is done; by then there is nothing left to stop.
    """

    def __init__(self) -> None:
        self.is_asked = False
        self._server: uvicorn.Server | None = None
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self)

    def __call__(self, _number: int, _frame: FrameType | None) -> None:
        self.is_asked = True
        if self._server is not None:
            self._server.should_exit = True

    def serving(self, server: uvicorn.Server) -> uvicorn.Server:
        """`server`: a signal stops it from now on, and one that came before already has."""
        self._server = server
        server.should_exit = self.is_asked
        return server


def _start(settings: Settings, host: str, port: int) -> SpawnProcess:
    process = multiprocessing.get_context("spawn").Process(
        target=_child, args=(settings, host, port)
    )
    process.start()
    return process


def _child(settings: Settings, host: str, port: int) -> None:
    logs.configure(settings.log_level)
    _run(settings, bind(host, port, is_shared=True), host, _Stop(), None)


def _supervise(start: Callable[[], SpawnProcess], count: int) -> None:
    """Keep `count` processes alive until a signal; a process that dies early ends them all."""
    stopping = Event()

    def stop(_number: int, _frame: FrameType | None) -> None:
        stopping.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)
    started = {start(): monotonic() for _ in range(count)}
    failed = False
    while not (stopping.is_set() or failed):
        wait([process.sentinel for process in started], timeout=0.5)
        for process in [one for one in started if not one.is_alive()]:
            lived = monotonic() - started.pop(process)
            if stopping.is_set():
                break
            if lived < _TOO_SOON:
                failed = True
                break
            _log.error("a process died with code %s: starting another", process.exitcode)
            started[start()] = monotonic()
    for process in started:
        process.terminate()
    for process in started:
        process.join(_GRACE + 5)
    if failed:
        sys.exit(1)
