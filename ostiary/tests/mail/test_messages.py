"""Every kind of message reads well in every language, as text and as HTML, and loads nothing."""

import re
from datetime import UTC, datetime
from html.parser import HTMLParser
from importlib import resources
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from babel.messages.pofile import read_po
from inbox import Mailbox, deliver
from jinja2.ext import babel_extract

from mail.letters import VALUES, write
from ostiary.kernel.mail import Message
from ostiary.mail.messages import Kind, Letter
from ostiary.mail.rendering import render
from ostiary.runtime import Runtime

PACKAGE = Path(str(resources.files("ostiary.mail")))
AT = datetime(2026, 3, 1, tzinfo=UTC)
VOID = {"meta", "br", "link", "img"}
LANGUAGES = ("en", "es")
WITH_LINK = {
    Kind.VERIFY_EMAIL,
    Kind.ACCOUNT_EXISTS,
    Kind.CONFIRM_EMAIL_CHANGE,
    Kind.EMAIL_CHANGED,
    Kind.RESET_PASSWORD,
    Kind.INVITATION,
    Kind.MAGIC_LINK,
}

MsgIds = set[str | tuple[str, ...]]


class Page(HTMLParser):
    """What a reader of HTML finds: its elements, its text, and whether they are closed."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.text = ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" not in self.open and "title" not in self.open:
            self.text += data

    def all(self, tag: str) -> list[dict[str, str | None]]:
        """The attributes of each element of this name."""
        return [attributes for name, attributes in self.elements if name == tag]


def msgids(form: str, kind: Kind | None = None) -> MsgIds:
    """What the templates of one form have to say."""
    names = (
        [f"{kind}.{form}"] if kind else [file.name for file in (PACKAGE / "templates").iterdir()]
    )
    found: MsgIds = set()
    for name in names:
        if name.endswith(form):
            content = BytesIO((PACKAGE / "templates" / name).read_bytes())
            options: Any = {"trimmed": "true", "newstyle_gettext": "true"}
            for _, _, message, _ in babel_extract(
                content, ("gettext", "ngettext", "_"), [], options
            ):
                parts = (message,) if isinstance(message, str) else message or ()
                found.add(tuple(part for part in parts if part))
    return found


def rendered(rt: Runtime, kind: Kind, locale: str | None = None, **values: str | int) -> Message:
    """A message as it would be sent."""
    letter = Letter(kind, "ada@example.com", locale, "usr_1", {**VALUES, **values})
    return render(rt, "mail_1", "ada@example.com", letter, written_at=AT)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", Kind)
def test_every_kind_is_a_whole_message(rt: Runtime, kind: Kind, language: str) -> None:
    message = rendered(rt, kind, language, name="Ada")
    page = Page(message.html)
    assert page.open == []
    assert page.all("html") == [{"lang": language}]
    assert len(page.all("h1")) == 1
    assert message.subject
    assert message.subject in page.text
    assert "Ostiary" in message.text
    assert "Ada" in message.text.splitlines()[0]
    assert max(len(line) for line in message.text.splitlines()) < 500
    assert "\n\n\n" not in message.text
    assert "{" not in message.text + page.text
    assert "%(" not in message.text + page.text


@pytest.mark.parametrize("kind", Kind)
def test_text_and_html_say_the_same(kind: Kind) -> None:
    only_text = msgids("txt", kind) - msgids("html", kind)
    only_html = msgids("html", kind) - msgids("txt", kind)
    # The subject is the heading of the HTML, handed in; the button needs a word more.
    assert len(only_text) <= 1
    assert {str(one[0])[:20] for one in only_html} <= {"If the button does n"}


@pytest.mark.parametrize("kind", Kind)
def test_a_message_loads_nothing_and_tells_nobody(rt: Runtime, kind: Kind) -> None:
    page = Page(rendered(rt, kind).html)
    assert {tag for tag, _ in page.elements} <= {
        *("html", "head", "meta", "title", "style", "body", "main", "footer"),
        *("h1", "p", "a", "br", "dl", "dt", "dd"),
    }
    for _, attributes in page.elements:
        assert not {"src", "srcset", "background", "style", "ping"} & attributes.keys()
        assert not any(name.startswith("on") for name in attributes)
    assert not re.search(r"url\(|@import|https?:", rendered(rt, kind).html.split("</style>")[0])


@pytest.mark.parametrize("kind", Kind)
def test_the_only_link_is_the_one_that_was_given(rt: Runtime, kind: Kind) -> None:
    message = rendered(rt, kind)
    links = Page(message.html).all("a")
    if kind in WITH_LINK:
        assert [link["href"] for link in links] == [VALUES["link"]] * 2
        assert message.html.count(f">{VALUES['link']}</a>") == 1, "readable, to be copied"
        assert message.text.count(str(VALUES["link"])) == 1
        assert f"\n{VALUES['link']}\n" in message.text, "alone on its line"
    else:
        assert links == []
        assert "http" not in message.text


def test_colours_follow_the_readers_choice_and_can_be_read(rt: Runtime) -> None:
    html = rendered(rt, Kind.VERIFY_EMAIL).html
    assert '<meta name="color-scheme" content="light dark">' in html
    light, _, dark = html.partition("prefers-color-scheme: dark")
    assert dark
    for style in (light, dark):
        for selector, back in (("body", "body"), ("a.button", "a.button"), ("a", "main")):
            fore = _colour(style, selector, "color")
            assert _contrast(fore, _colour(style, back, "background")) >= 4.5  # WCAG 2.2 §1.4.3


def test_it_fits_a_small_screen(rt: Runtime) -> None:
    html = rendered(rt, Kind.VERIFY_EMAIL).html
    assert '<meta name="viewport" content="width=device-width, initial-scale=1">' in html
    assert "overflow-wrap: anywhere" in html
    widths = re.findall(r"(?<!max-)width: (\d+)px", html)
    assert widths == []


@pytest.mark.parametrize(
    ("locale", "language"),
    [
        (None, "en"),
        ("en", "en"),
        ("en-GB", "en"),
        ("es", "es"),
        ("es-MX", "es"),
        ("ES-mx", "es"),
        ("es-419", "es"),
        ("es_AR", "es"),
        ("de", "en"),
        ("xx-Nonsense-123", "en"),
        ("", "en"),
        ("e", "en"),
    ],
)
async def test_the_readers_language_or_english(
    rt: Runtime, mailbox: Mailbox, locale: str | None, language: str
) -> None:
    await write(rt, "ada@example.com", locale=locale)
    await deliver(rt)
    subjects = {"en": "Confirm your email address", "es": "Confirma tu dirección de correo"}
    assert mailbox.last().subject == subjects[language]


def test_everything_is_translated() -> None:
    for file in sorted((PACKAGE / "locale").iterdir()):
        catalogue = read_po(BytesIO(file.read_bytes()))
        translated: MsgIds = set()
        for entry in catalogue:
            if entry.id:
                one = (entry.id,) if isinstance(entry.id, str) else tuple(entry.id)
                texts = (
                    [entry.string] if isinstance(entry.string, str) else list(entry.string or [""])
                )
                assert all(texts), f"{file.name}: {one} is empty"
                assert not entry.fuzzy, f"{file.name}: {one} is fuzzy"
                names = set(re.findall(r"%\(\w+\)s", " ".join(one)))
                assert all(set(re.findall(r"%\(\w+\)s", text)) == names for text in texts), one
                translated.add(one)
        assert translated == msgids("txt") | msgids("html"), file.name


@pytest.mark.parametrize(
    ("values", "english", "spanish"),
    [
        ({"minutes": 1}, "for 1 minute.", "durante 1 minuto."),
        ({"minutes": 10}, "for 10 minutes.", "durante 10 minutos."),
        ({"minutes": 60}, "for 1 hour.", "durante 1 hora."),
        ({"minutes": 90}, "for 90 minutes.", "durante 90 minutos."),
        ({"hours": 24}, "for 24 hours.", "durante 24 horas."),
        ({"hours": 168}, "for 7 days.", "durante 7 días."),
    ],
)
def test_a_lifetime_is_told_in_the_largest_unit_that_is_exact(
    rt: Runtime, values: dict[str, int], english: str, spanish: str
) -> None:
    given = {"minutes": 0, **values}
    assert english in rendered(rt, Kind.MAGIC_LINK, "en", **given).text
    assert spanish in rendered(rt, Kind.MAGIC_LINK, "es", **given).text


@pytest.mark.parametrize(
    ("remaining", "english", "spanish"),
    [
        (0, "No unused code is left.", "No queda ningún código sin usar."),
        (1, "1 unused code is left.", "Queda 1 código sin usar."),
        (3, "3 unused codes are left.", "Quedan 3 códigos sin usar."),
    ],
)
def test_codes_are_counted(rt: Runtime, remaining: int, english: str, spanish: str) -> None:
    for language, sentence in (("en", english), ("es", spanish)):
        message = rendered(rt, Kind.BACKUP_CODE_USED, language, remaining=remaining)
        assert sentence in message.text
        assert sentence in Page(message.html).text


@pytest.mark.parametrize("language", LANGUAGES)
def test_an_instant_is_one_that_nobody_can_misread(rt: Runtime, language: str) -> None:
    message = rendered(rt, Kind.NEW_DEVICE, language, at="2026-03-01T01:30:00+02:00")
    assert ": 2026-02-28 23:30 UTC\n" in message.text
    assert "2026-02-28 23:30 UTC" in Page(message.html).text


@pytest.mark.parametrize(
    ("factor", "named"),
    [("totp", "an authenticator app"), ("passkey", "a passkey"), ("tomorrow", "tomorrow")],
)
def test_a_factor_is_named(rt: Runtime, factor: str, named: str) -> None:
    assert f"Added: {named}" in rendered(rt, Kind.SECOND_FACTOR_BOUND, factor=factor).text
    assert f"Removed: {named}" in rendered(rt, Kind.SECOND_FACTOR_REMOVED, factor=factor).text


def _colour(style: str, selector: str, name: str) -> str:
    found = re.findall(rf"(?:^|[\s}},]){re.escape(selector)} {{([^}}]*)}}", style)
    colours = re.findall(rf"(?:^|[;\s]){name}: (#[0-9a-f]{{6}})", " ".join(found))
    assert colours, (selector, name)
    return str(colours[-1])


def _contrast(one: str, other: str) -> float:
    """WCAG 2.2, "contrast ratio"."""

    def luminance(colour: str) -> float:
        parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
        linear = [v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)
