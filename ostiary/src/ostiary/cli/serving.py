"""`serve`: one process, or several that listen on one port; shut down without losing a request."""

import asyncio
import logging
import multiprocessing
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
from ostiary.kernel import logs
from ostiary.kernel.redis import is_embedded
from ostiary.runtime import Runtime, open_runtime
from ostiary.settings import Settings, SettingsError
from ostiary.signin.bootstrap import invite
from ostiary.web.protocol import BoundedHttp
from ostiary.worker import running

_log = logging.getLogger("ostiary.serve")

_BACKLOG = 2048
_GRACE = 30  # seconds that requests in flight have to finish
_TOO_SOON = 5.0  # a process that lives shorter than this is not started again


def serve(settings: Settings, *, host: str, port: int, workers: int) -> None:
    """Serve until SIGINT or SIGTERM. Raises `SettingsError`, `SchemaBehind`, `OSError`."""
    if workers > 1 and is_embedded(settings.redis_url):
        raise SettingsError("redis_url: memory:// is one process's own; several need a server")
    if workers > 1 and port == 0:
        raise SettingsError("--port 0 works for one process only")
    # Alone on its port: a server that is started twice by mistake must say so.
    listener = _listen(host, port, is_shared=False)
    if workers == 1:
        _run(settings, listener, invites=True)
        return
    listener.close()
    asyncio.run(_invite(settings))
    _supervise(lambda: _start(settings, host, port), workers)


def _run(settings: Settings, listener: socket.socket, *, invites: bool) -> None:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_open_and_serve(settings, listener, invites=invites))


def _listen(host: str, port: int, *, is_shared: bool) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if is_shared:
        # Each process listens for itself: the kernel spreads connections better than one queue.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise OSError(f"cannot listen on {host}:{port}: {error.strerror}") from None
    return listener


async def _invite(settings: Settings) -> None:
    async with open_runtime(settings) as rt:
        await _show_invitation(rt)


async def _show_invitation(rt: Runtime) -> None:
    """While nobody can let others in, whoever sits at the terminal may make an administrator."""
    if not sys.stdout.isatty():
        return
    link = await invite(rt)
    if link is not None:
        print(f"No administrator yet. Make one within an hour: {link}", flush=True)


async def _open_and_serve(settings: Settings, listener: socket.socket, *, invites: bool) -> None:
    host, port = listener.getsockname()[:2]
    if "public_url" not in settings.model_fields_set:
        settings = settings.model_copy(update={"public_url": f"http://{host}:{port}"})
    stop = _Stop()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)
    async with open_runtime(settings) as rt, running(rt):
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
        listener.listen(_BACKLOG)
        if invites:
            await _show_invitation(rt)
        _log.info("listening on http://%s:%d", host, port)
        await stop.serving(uvicorn.Server(config)).serve(sockets=[listener])
        _log.info("stopped")


class _Stop:
    """The signal to stop, from the first moment: uvicorn listens for it only while it serves.

    uvicorn raises it once more when it is done; by then there is nothing left to stop.
    """

    def __init__(self) -> None:
        self._asked = False
        self._server: uvicorn.Server | None = None

    def __call__(self, _number: int, _frame: FrameType | None) -> None:
        self._asked = True
        if self._server is not None:
            self._server.should_exit = True

    def serving(self, server: uvicorn.Server) -> uvicorn.Server:
        """`server`: a signal stops it from now on, and one that came before already has."""
        self._server = server
        server.should_exit = self._asked
        return server


def _start(settings: Settings, host: str, port: int) -> SpawnProcess:
    process = multiprocessing.get_context("spawn").Process(
        target=_child, args=(settings, host, port)
    )
    process.start()
    return process


def _child(settings: Settings, host: str, port: int) -> None:
    logs.configure(settings.log_level)
    _run(settings, _listen(host, port, is_shared=True), invites=False)


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
