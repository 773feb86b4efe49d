"""One request that left the application, as a test looks at it, and what was answered."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, unquote_to_bytes

from pytest_hermetic.outbound.origins import Origin

RawHeaders = list[tuple[bytes, bytes]]


class Headers(Mapping[str, str]):
    """Headers by name, in any case; several of one name are joined with a comma."""

    def __init__(self, raw: Iterable[tuple[bytes, bytes]]) -> None:
        self._values: dict[str, str] = {}
        for name, value in raw:
            key, text = name.decode("latin-1").lower(), value.decode("latin-1")
            known = self._values.get(key)
            self._values[key] = text if known is None else f"{known}, {text}"

    def __getitem__(self, name: str) -> str:
        return self._values[name.lower()]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        return f"Headers({self._values!r})"


@dataclass(eq=False)
class Request:
    """A request, body read to its end. `status` is filled in when the answer begins."""

    method: str
    origin: Origin
    target: bytes
    """The path and query as sent, percent-encoded."""
    raw_headers: RawHeaders
    content: bytes
    status: int | None = field(default=None, init=False)
    """The status of the answer; None while there is none."""
    headers: Headers = field(init=False)

    def __post_init__(self) -> None:
        self.headers = Headers(self.raw_headers)

    @property
    def url(self) -> str:
        """The whole URL."""
        return f"{self.origin}{self.target.decode('latin-1')}"

    @property
    def path(self) -> str:
        """The path, percent-decoded."""
        return unquote_to_bytes(self.target.partition(b"?")[0]).decode("utf-8", "replace")

    @property
    def query(self) -> dict[str, list[str]]:
        """The query parameters, each with its values in order."""
        return parse_qs(self.target.partition(b"?")[2].decode("latin-1"), keep_blank_values=True)

    @property
    def text(self) -> str:
        """The body as UTF-8 text."""
        return self.content.decode("utf-8", "replace")

    @property
    def form(self) -> dict[str, list[str]]:
        """The fields of an `application/x-www-form-urlencoded` body, each with its values."""
        return parse_qs(self.text, keep_blank_values=True)

    def json(self) -> Any:
        """The body parsed as JSON. Raises ValueError where it is not."""
        import json

        return json.loads(self.content)

    def __repr__(self) -> str:
        return f"<{self.method} {self.url} → {self.status or '…'}>"


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer, known at once."""

    status: int
    raw_headers: RawHeaders
    content: bytes


@dataclass(frozen=True, slots=True)
class AsyncReply:
    """An answer whose body arrives piece by piece in the loop of its client."""

    status: int
    raw_headers: RawHeaders
    chunks: AsyncIterator[bytes]
    """Raises `Truncated` where the application failed on the way."""
    close: Callable[[], None]
    """To be called when no more is read."""


@dataclass(frozen=True, slots=True)
class SyncReply:
    """The same for a client that has no loop; `chunks` blocks its thread."""

    status: int
    raw_headers: RawHeaders
    chunks: Iterator[bytes]
    close: Callable[[], None]


class Truncated(ConnectionError):
    """The application failed after its answer had begun: the body ends too early."""
