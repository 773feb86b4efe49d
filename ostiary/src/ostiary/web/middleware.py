"""The edge: every request gets an id, a limit, a log line and safe headers (pure ASGI)."""

import asyncio
import logging
from datetime import timedelta
from time import perf_counter

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ostiary.kernel import tokens
from ostiary.kernel.clock import Clock, SystemClock
from ostiary.kernel.origin import Origin
from ostiary.kernel.problems import Internal, PayloadTooLarge, Problem, RequestTimeout
from ostiary.kernel.text import replace_unclean
from ostiary.settings import Settings
from ostiary.web.address import client_address, network_of
from ostiary.web.render import problem_response

LARGEST_BODY = 64 * 1024
LONGEST_BODY = timedelta(seconds=30)

_access = logging.getLogger("ostiary.access")
_log = logging.getLogger(__name__)


class Edge:
    """The outermost layer. Whatever happens inside, the client gets one well-formed answer."""

    def __init__(
        self, app: ASGIApp, settings: Settings, *, longest_body: timedelta = LONGEST_BODY
    ) -> None:
        """`app` is everything else; a body has `longest_body` to arrive."""
        self._longest_body = longest_body.total_seconds()
        self._app = app
        self._public_url = settings.public_url
        self._trusted = settings.trusted_proxies
        self._clock: Clock = SystemClock()  # request ids name moments of this machine
        self._headers = _safe_headers(is_https=settings.public_url.startswith("https:"))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; hand everything else through."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        exchange = _Exchange(self._enter(scope), receive, send, self._headers, self._longest_body)
        try:
            await self._app(exchange.scope, exchange.receive, exchange.send)
        except Problem as problem:
            await self._refuse(exchange, problem)
        except Exception as error:
            # The last handler: what nobody foresaw is told to the log, not to the client.
            _log.exception("a request failed", exc_info=error, extra=exchange.names())
            await self._refuse(exchange, Internal())
        finally:
            exchange.log()

    def _enter(self, scope: Scope) -> Scope:
        headers = Headers(scope=scope)
        peer = scope["client"][0] if scope.get("client") else ""
        address = client_address(peer, headers.getlist("x-forwarded-for"), self._trusted)
        origin = Origin(
            ip_address=address,
            network=network_of(address),
            user_agent=replace_unclean(headers.get("user-agent", ""))[:400],
            request_id=tokens.new_id("req", self._clock.now()),
        )
        # A copy: the server must go on seeing HEAD, everything inside sees GET (RFC 9110 §9.3.2).
        method = "GET" if scope["method"] == "HEAD" else scope["method"]
        state = {**scope.get("state", {}), "origin": origin}
        return {**scope, "method": method, "asked": scope["method"], "state": state}

    async def _refuse(self, exchange: "_Exchange", problem: Problem) -> None:
        if exchange.status is None:
            response = problem_response(exchange.scope, self._public_url, problem)
            await response(exchange.scope, exchange.receive, exchange.send)


class AnnouncedLimit:
    """Refuses a body that announces itself as too large, before a byte of it is read.

    Inside what answers for CORS, so that a browser's application may read the refusal.
    """

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        """`app` is the routes."""
        self._app = app
        self._public_url = settings.public_url

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse, or hand through."""
        if scope["type"] == "http" and _announced(scope) > LARGEST_BODY:
            refusal = problem_response(scope, self._public_url, PayloadTooLarge())
            await refusal(scope, receive, send)
        else:
            await self._app(scope, receive, send)


class _Exchange:
    """One request and its answer, on their way through the edge."""

    def __init__(
        self,
        scope: Scope,
        receive: Receive,
        send: Send,
        headers: dict[str, str],
        longest_body: float,
    ) -> None:
        self.scope = scope
        self.status: int | None = None
        self._longest_body = longest_body
        self._receive = receive
        self._send = send
        self._safe = headers
        self._received = 0
        self._started = perf_counter()

    async def receive(self) -> Message:
        """The next part of the body, within the limits of size and time."""
        left = self._longest_body - (perf_counter() - self._started)
        if self.status is not None:
            # Answered: what follows is only the news that the client has gone.
            return await self._receive()
        try:
            async with asyncio.timeout(max(left, 0)):
                message = await self._receive()
        except TimeoutError:
            raise RequestTimeout from None
        self._received += len(message.get("body", b""))
        if self._received > LARGEST_BODY:
            raise PayloadTooLarge
        return message

    async def send(self, message: Message) -> None:
        """The answer, with the headers that every answer carries, and no body to a HEAD."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            headers = MutableHeaders(scope=message)
            headers["X-Request-Id"] = self.scope["state"]["origin"].request_id
            for name, value in self._safe.items():
                headers.setdefault(name, value)
            if self.status in (PayloadTooLarge.status, RequestTimeout.status):
                # The rest of the body is not wanted: it must not be read as the next request.
                headers["Connection"] = "close"
        elif message["type"] == "http.response.body" and self.scope["asked"] == "HEAD":
            message = {**message, "body": b""}
        await self._send(message)

    def names(self) -> dict[str, object]:
        """What the log may call this request: never its path, which may hold a token."""
        route = self.scope.get("route")
        return {
            "method": self.scope["asked"],
            "route": getattr(route, "path", None),
            "request_id": self.scope["state"]["origin"].request_id,
            "user_id": self.scope["state"].get("user_id"),
        }

    def log(self) -> None:
        """One line for this request."""
        ms = round((perf_counter() - self._started) * 1000, 1)
        _access.info("request", extra={**self.names(), "status": self.status, "ms": ms})


def _announced(scope: Scope) -> int:
    value = Headers(scope=scope).get("content-length", "0")
    return int(value) if value.isascii() and value.isdigit() and len(value) < 20 else 0


def _safe_headers(*, is_https: bool) -> dict[str, str]:
    headers = {
        "Cache-Control": "no-store",
        "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
        "Referrer-Policy": "same-origin",
        "X-Content-Type-Options": "nosniff",
    }
    if is_https:
        headers["Strict-Transport-Security"] = "max-age=31536000"
    return headers
