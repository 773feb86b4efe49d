"""What a person looks for in a mail: the link to follow, the code to type in."""

from __future__ import annotations

import re
from collections.abc import Iterable
from html.parser import HTMLParser

_URL = re.compile(r"https?://[^\s<>\"'\\]+")
_TRAILING = ".,;:!?*_'\""
_PAIRS = {")": "(", "]": "[", "}": "{"}
_BLOCKS = re.compile(r"p|div|br|t[rdh]|li|h[1-6r]|table|ul|ol|pre|blockquote")
_UNSEEN = frozenset(("style", "script", "head", "title"))
# Digits that belong to a longer word, number, amount, date, time or telephone number do not count.
_DIGITS = re.compile(
    r"(?<![\w.,:/+#$€£%@-])(?<![©$€£] )(?<!\d )"
    r"(\d{3}[ -]\d{3}|\d{4}[ -]\d{4}|\d{4,8})"
    r"(?![\w/%@€]|[.,:-]\d)"
)
_LETTERS = re.compile(
    r"(?<![\w./#@-])(?=[A-Z-]*\d)(?=[\d-]*[A-Z])([A-Z\d]{4,10}|[A-Z\d]{3,5}-[A-Z\d]{3,5})(?![\w@/-])"
)
_NAMED = re.compile(r"\b(code|c[oó]digo|kode|koodi|pin|otp|passcode|password|token)\b", re.I)

_NEAR = 40
"""So many characters after a word for a code it may stand."""


def links_of_text(text: str) -> list[str]:
    """The http(s) URLs, without the punctuation of the sentence around them."""
    return [_without_punctuation(found) for found in _URL.findall(text)]


def links_of_html(html: str) -> list[str]:
    """Where its links go, of every scheme but mailto, tel and those within the page."""
    return _read(html).links


def text_of_html(html: str) -> str:
    """What a person sees, one line per block."""
    lines = "".join(_read(html).text).split("\n")
    return "\n".join(" ".join(line.split()) for line in lines)


def code(texts: Iterable[str]) -> str:
    """The one code in the first of `texts` that shows one. Raises LookupError where none does."""
    shown = list(texts)
    complaint = "no code"
    for text in shown:
        plain = _URL.sub(" ", text)
        found = _distinct(_DIGITS, plain) or _distinct(_LETTERS, plain)
        if len(found) > 1:
            complaint = f"one of {', '.join(found)}? Not clear which code is meant"
            found = _alone(plain, found) or _named(plain, found)
        if len(found) == 1:
            return re.sub(r"[ -]", "", found[0])
    raise LookupError(f"{complaint} in this mail:\n" + "\n".join(shown))


def _distinct(pattern: re.Pattern[str], text: str) -> list[str]:
    return list(dict.fromkeys(pattern.findall(text)))


def _alone(text: str, found: list[str]) -> list[str]:
    """Those that have a line of their own, if it is one."""
    lines = {line.strip(" \t*_") for line in text.splitlines()}
    alone = [candidate for candidate in found if candidate in lines]
    return alone if len(alone) == 1 else []


def _named(text: str, found: list[str]) -> list[str]:
    """Those that come right after a word for a code, if it is one."""
    named = set()
    for word in _NAMED.finditer(text):
        after = text[word.end() : word.end() + _NEAR]
        near = [(after.find(candidate), candidate) for candidate in found if candidate in after]
        named |= {candidate for _, candidate in sorted(near)[:1]}
    return list(named) if len(named) == 1 else []


def _without_punctuation(url: str) -> str:
    while True:
        stripped = url.rstrip(_TRAILING)
        last = stripped[-1:]
        if last in _PAIRS and stripped.count(last) > stripped.count(_PAIRS[last]):
            stripped = stripped[:-1]
        if stripped == url:
            return url
        url = stripped


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.links: list[str] = []
        self.text: list[str] = []
        self._unseen = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        href = dict(attrs).get("href") or ""
        is_link = tag in ("a", "area") and not href.startswith(("mailto:", "tel:", "#", "cid:"))
        if is_link and href.strip():
            self.links.append(href.strip())
        if _BLOCKS.fullmatch(tag):
            self.text.append("\n")
        self._unseen += tag in _UNSEEN

    def handle_endtag(self, tag: str) -> None:
        if _BLOCKS.fullmatch(tag):
            self.text.append("\n")
        self._unseen -= tag in _UNSEEN

    def handle_data(self, data: str) -> None:
        if self._unseen <= 0:
            self.text.append(data.replace("\n", " "))


def _read(html: str) -> _Reader:
    reader = _Reader()
    reader.feed(html)
    reader.close()
    return reader
