"""A refusal the caller may see is a `Problem` (RFC 9457); anything else is a defect."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from ostiary.kernel.faults import Code
from ostiary.kernel.text import replace_unclean


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong with a request.

    `code` is for programs. `advice` is a clause that says what to do and never repeats the value.
    `pointer` is a JSON Pointer into the body (RFC 6901), or `parameter` the name of a query
    parameter.
    """

    code: Code
    advice: str
    pointer: str | None = None
    parameter: str | None = None

    @property
    def detail(self) -> str:
        """A whole sentence: "Password: use at least 8 characters."."""
        path = (self.pointer or "").split("/") if self.parameter is None else [self.parameter]
        return f"{subject(path)}: {self.advice}"


def subject(path: Sequence[str]) -> str:
    """What a sentence calls the value at `path`: `["new_password"]` is "New password".

    A name may come from the caller: it is cleaned. The empty path is the whole body.
    """
    names = " ".join(part for part in path if not part.isdecimal())
    text = " ".join(replace_unclean(names).replace("_", " ").split())
    return text[:1].upper() + text[1:] if text else "Body"


class Problem(Exception):
    """A refusal the caller may see (RFC 9457).

    The docstring of each subclass is the public explanation, served at `/problems/<slug>`.
    """

    status: ClassVar[int]
    slug: ClassVar[str]
    title: ClassVar[str]

    def __init__(
        self,
        detail: str | None = None,
        *,
        faults: tuple[Fault, ...] = (),
        headers: Mapping[str, str] | None = None,
        members: Mapping[str, object] | None = None,
    ) -> None:
        """`members` are the extension members of RFC 9457 §3.2: what a program can act on."""
        super().__init__(detail or self.title)
        self.detail = detail
        self.faults = faults
        self.headers = dict(headers or {})
        self.members = dict(members or {})


def every_problem(root: type[Problem] = Problem) -> Iterator[type[Problem]]:
    """Each concrete kind of problem whose module has been imported, parents first."""
    for kind in root.__subclasses__():
        if "slug" in kind.__dict__:
            yield kind
        yield from every_problem(kind)


class MalformedJson(Problem):
    """The body is not one JSON value in UTF-8, repeats a member, or nests deeper than 32 levels."""

    status, slug, title = 400, "malformed-json", "The body is not well-formed JSON"


class NotFound(Problem):
    """Nothing is at this path, or nothing that the caller may see."""

    status, slug, title = 404, "not-found", "Not found"


class MethodNotAllowed(Problem):
    """The path exists and does not take this method. `Allow` lists the methods that it takes."""

    status, slug, title = 405, "method-not-allowed", "Method not allowed"


class RequestTimeout(Problem):
    """The body did not arrive within 30 seconds."""

    status, slug, title = 408, "request-timeout", "The request took too long to arrive"


class PayloadTooLarge(Problem):
    """The body is larger than 64 KB. Send less in one request."""

    status, slug, title = 413, "payload-too-large", "The body is too large"


class UnsupportedMediaType(Problem):
    """The body must be `application/json`, in UTF-8 and with no content coding.

    A page takes `application/x-www-form-urlencoded` instead.
    """

    status, slug, title = 415, "unsupported-media-type", "Unsupported media type"


class Validation(Problem):
    """The body is well-formed and not acceptable. `errors` names each fault.

    Each entry has a JSON Pointer or the name of a parameter, a `code` for programs and a sentence
    for people. A member that the route does not know is a fault too.
    """

    status, slug, title = 422, "validation", "The request is not acceptable"


class TooManyRequests(Problem):
    """A limit is used up. `Retry-After` tells in how many seconds one attempt is free again."""

    status, slug, title = 429, "too-many-requests", "Too many requests"

    def __init__(self, *, retry_after: int, is_first: bool) -> None:
        """`retry_after` in seconds; `is_first` where no refusal was told in this window yet."""
        super().__init__(headers={"Retry-After": str(retry_after)})
        self.is_first = is_first


class Internal(Problem):
    """Something failed that should not have. The request id finds it in the server's log."""

    status, slug, title = 500, "internal", "Something went wrong"


class Unavailable(Problem):
    """The server is too busy or lacks something it needs; try again after `Retry-After` seconds."""

    status, slug, title = 503, "unavailable", "Temporarily unavailable"

    def __init__(self, detail: str | None = None, *, retry_after: int = 1) -> None:
        """`retry_after` in seconds."""
        super().__init__(detail, headers={"Retry-After": str(retry_after)})
