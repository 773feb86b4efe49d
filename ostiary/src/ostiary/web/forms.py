"""Forms, strictly: sent by a page of this server, urlencoded in UTF-8, each field once.

A browser says where a form comes from (Fetch Metadata, RFC 6454 §7); one that says nothing, or
another site, is refused before its body is read.
"""

import re
from urllib.parse import unquote_to_bytes, urlsplit

from starlette.requests import Request

from ostiary.kernel.problems import Problem, UnsupportedMediaType
from ostiary.web.deps import runtime_of

_MEDIA_TYPE = "application/x-www-form-urlencoded"
_BROKEN_ESCAPE = re.compile(rb"%(?![0-9A-Fa-f]{2})")
_DEFAULT_PORTS = {"http": 80, "https": 443}


class CrossSiteForm(Problem):
    """The form was not sent from a page of this server, or the browser does not say so.

    A page takes a form where `Sec-Fetch-Site` is `same-origin`; without that header, where
    `Origin` is the server's own.
    """

    status, slug, title = 403, "cross-site-form", "This form comes from somewhere else"


class MalformedForm(Problem):
    """The body is not a well-formed form: percent-encoded UTF-8, with each field once."""

    status, slug, title = 400, "malformed-form", "The form is not well-formed"


async def read_form(request: Request) -> dict[str, str]:
    """The fields of a form that a page of ours sent, by name. `render.check` judges them.

    The edge keeps the body within 64 KB. Raises `CrossSiteForm`, `UnsupportedMediaType`,
    `MalformedForm`.
    """
    _refuse_other_sites(request)
    media_type, _, parameters = request.headers.get("content-type", "").lower().partition(";")
    charset = parameters.replace(" ", "").replace('"', "")
    if media_type.strip() != _MEDIA_TYPE or charset not in ("", "charset=utf-8"):
        raise UnsupportedMediaType(f"The body must be {_MEDIA_TYPE}")
    if request.headers.get("content-encoding", "identity") != "identity":
        raise UnsupportedMediaType("The body must have no content coding")
    return parse_form(await request.body())


def parse_form(raw: bytes) -> dict[str, str]:
    """The fields that `raw` spells, by name. Raises `MalformedForm`."""
    fields: dict[str, str] = {}
    for pair in raw.split(b"&") if raw else []:
        name, _, value = (_decode(part) for part in pair.partition(b"="))
        # Two values for one field are two opinions on what was typed.
        if not name or name in fields:
            raise MalformedForm
        fields[name] = value
    return fields


def _decode(part: bytes) -> str:
    if _BROKEN_ESCAPE.search(part):
        raise MalformedForm
    try:
        return unquote_to_bytes(part.replace(b"+", b" ")).decode()
    except UnicodeDecodeError:
        raise MalformedForm from None


def _refuse_other_sites(request: Request) -> None:
    # No page reads a cookie yet: what a form may do is decided by the token inside it. Who can
    # write that token into a form of theirs could as well use it themselves, so forging a form
    # gains nothing (CSRF), and no form signs anybody in (login CSRF). The check stands all the
    # same: it is what the pages with cookies will rest on, and it costs no state.
    site = request.headers.getlist("sec-fetch-site")
    if site:
        if site != ["same-origin"]:
            raise CrossSiteForm
        return
    # Browsers send no Sec-Fetch-Site to a plain http address other than this machine's.
    origin = request.headers.getlist("origin")
    own = runtime_of(request).settings.public_url
    if len(origin) != 1 or _without_default_port(origin[0]) != _without_default_port(own):
        raise CrossSiteForm


def _without_default_port(origin: str) -> str:
    # RFC 6454 §6.1: browsers leave the scheme's own port out.
    scheme = urlsplit(origin).scheme
    return origin.removesuffix(f":{_DEFAULT_PORTS.get(scheme)}")
