"""Forms, URL-encoded or in multipart/form-data (RFC 7578)."""

from __future__ import annotations

from dataclasses import dataclass
from email.message import Message as Header
from urllib.parse import parse_qsl

from pytest_hermetic.outbound.exchange import Request


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a form."""

    name: str
    content: bytes
    filename: str | None = None
    content_type: str | None = None

    @property
    def text(self) -> str:
        """The content as UTF-8 text."""
        return self.content.decode("utf-8", "replace")


def fields_of(request: Request) -> list[Field]:
    """The fields of the form in the body, in order; none where it is no form."""
    header = _header("content-type", request.headers.get("content-type", ""))
    if header.get_content_type() == "application/x-www-form-urlencoded":
        pairs = parse_qsl(request.text, keep_blank_values=True)
        return [Field(name, value.encode()) for name, value in pairs]
    boundary = header.get_param("boundary")
    if header.get_content_type() != "multipart/form-data" or not isinstance(boundary, str):
        return []
    parts = (b"\r\n" + request.content).split(b"\r\n--" + boundary.encode("latin-1"))
    # The first is what stands before the form, the last begins with the closing hyphens.
    return [_field(part) for part in parts[1:] if not part.startswith(b"--")]


def _field(part: bytes) -> Field:
    head, _, content = part.partition(b"\r\n\r\n")
    name, filename, content_type = "", None, None
    for line in head.decode("utf-8", "replace").split("\r\n"):
        key, _, value = line.partition(":")
        if key.strip().lower() == "content-disposition":
            header = _header("content-disposition", value.strip())
            name = _text(header.get_param("name", header="content-disposition"))
            filename = _text(header.get_filename()) or None
        elif key.strip().lower() == "content-type":
            content_type = value.strip()
    return Field(name, content, filename, content_type)


def _header(name: str, value: str) -> Header:
    header = Header()
    header[name] = value
    return header


def _text(value: object) -> str:
    # RFC 2231 values come as (charset, language, text).
    return str(value[2]) if isinstance(value, tuple) else str(value or "")
