"""Pages speak the reader's language, in the operator's words where there are any."""

import re
from pathlib import Path

import httpx
import pytest
from inbox import Mailbox
from jinja2 import Environment
from jinja2.ext import extract_from_ast
from mailed import PURPOSES, Post
from pages import SAME_ORIGIN, followed, page_of, read, send

from ostiary.app import create_app
from ostiary.runtime import Runtime, open_runtime
from ostiary.settings import Brand, Settings

WEB = Path(__file__).parents[2] / "src" / "ostiary" / "web"
TEMPLATES = [
    file for folder in ("pages", "signin") for file in (WEB / "templates" / folder).glob("*.html")
]


@pytest.fixture
def post(rt: Runtime, client: httpx.AsyncClient, mailbox: Mailbox) -> Post:
    """Where links come from."""
    return Post(rt, client, mailbox)


@pytest.mark.parametrize(
    ("accepted", "language"),
    [
        ("es", "es"),
        ("es-MX,es;q=0.9,en;q=0.8", "es"),
        ("ES", "es"),
        ("en", "en"),
        ("en-GB, es;q=0.9", "en"),
        ("en;q=0.5, es;q=0.9", "es"),
        ("fr, es;q=0.1", "es"),
        ("fr, de", "en"),
        ("es;q=0", "en"),
        ("*", "en"),
        ("", "en"),
        ("es;q=zwei, ;;;, =", "en"),
        ("x" * 4000 + ",es", "es"),
        ("fr," * 30 + "es", "en"),  # nobody reads that many languages
    ],
)
async def test_a_page_is_in_the_language_that_the_browser_asks_for(
    client: httpx.AsyncClient, accepted: str, language: str
) -> None:
    for path in ("/setup/done", "/setup"):
        page = page_of(await client.get(path, headers={"Accept-Language": accepted}))
        assert page.language == language
    said = {"es": "Este enlace no funciona", "en": "This link does not work"}
    assert said[language] in page.text


@pytest.mark.parametrize(
    ("locale", "accepted", "language"),
    [
        ("es", "en", "es"),
        ("es-419", "en", "es"),
        ("en-GB", "es", "en"),
        ("fr", "es", "es"),  # no text in theirs: what the browser says is the better guess
        ("fr", "de", "en"),
        (None, "es", "es"),
    ],
)
async def test_a_person_s_own_language_comes_first(
    client: httpx.AsyncClient, post: Post, locale: str | None, accepted: str, language: str
) -> None:
    link = await post.link("reset_password", locale=locale)
    asked = {"Accept-Language": accepted}
    page = page_of(await client.get(link.url, headers=asked))
    assert page.language == language
    response = await send(client, page.forms[0], new_password="short")
    # To the end, though these requests do not say it again.
    done = await send(client, page.forms[0], new_password="a phrase of my own")
    assert (await followed(client, done)).language == language
    if locale:
        assert page_of(response).language == (language if locale != "fr" else "en")


async def test_every_refusal_of_a_password_is_told_in_spanish(
    client: httpx.AsyncClient, post: Post
) -> None:
    link = await post.link("reset_password", email="duena@example.com", locale="es")
    page = await read(client, link.url)
    for password, sentence in (
        ("corta", "La contraseña es demasiado corta: necesita al menos 8 caracteres."),
        ("password123", "Esta contraseña es una de las más comunes."),
        ("duena@example.com", "La contraseña no puede ser tu propio nombre"),
        ("", "Escribe una contraseña de 1024 caracteres como máximo."),
    ):
        refused = page_of(await send(client, page.forms[0], new_password=password))
        assert sentence in refused.text
        assert refused.title.startswith("Error: Elige una nueva contraseña")


async def test_minutes_to_wait_are_counted_in_spanish(
    client: httpx.AsyncClient, post: Post
) -> None:
    link = await post.link("verify_email", locale="es")
    form = (await read(client, link.url)).forms[0]
    for _ in range(6):
        response = await client.post(
            form.action,
            data=form.fields | {"password": "not this one"},
            headers=SAME_ORIGIN | {"Accept-Language": "es"},
        )
    assert response.status_code == 429
    assert "Puedes intentarlo de nuevo en 15 minutos." in page_of(response).text


@pytest.mark.settings(brand={"name": "Acme ID"})
async def test_pages_go_by_the_brand(client: httpx.AsyncClient, post: Post) -> None:
    for purpose in PURPOSES:
        page = await read(client, (await post.link(purpose)).url)
        assert page.title.endswith("· Acme ID")
        assert "Ostiary" not in page.text


async def test_a_folder_replaces_templates_and_texts(
    settings: Settings, mailbox: Mailbox, tmp_path: Path
) -> None:
    signin, locale = tmp_path / "web" / "signin", tmp_path / "web" / "locale"
    signin.mkdir(parents=True)
    locale.mkdir()
    shipped = (WEB / "templates" / "signin" / "reset_password.html").read_text()
    ours = shipped.replace("</form>", "</form>\n<p>Acme staff only</p>")
    (signin / "reset_password.html").write_text(ours)
    head = 'msgid ""\nmsgstr "Content-Type: text/plain; charset=UTF-8\\n"\n\n'
    made = 'msgid "The administrator is created"\n'
    (locale / "es.po").write_text(f'{head}{made}msgstr "Lista la cuenta de Acme"\n')
    (locale / "fr.po").write_text(f'{head}{made}msgstr "C\'est fait"\n')
    settings = settings.model_copy(update={"brand": Brand(templates=str(tmp_path))})
    async with open_runtime(settings, mailer=mailbox) as rt:
        transport = httpx.ASGITransport(create_app(settings, runtime=rt))
        async with httpx.AsyncClient(transport=transport, base_url="http://x.test") as client:
            await _assert_replaced(client, Post(rt, client, mailbox))


async def _assert_replaced(client: httpx.AsyncClient, post: Post) -> None:
    page = await read(client, (await post.link("reset_password")).url)
    assert "Acme staff only" in page.text
    assert "Choose a new password" in page.text
    spanish = page_of(await client.get("/setup/done", headers={"Accept-Language": "es"}))
    assert "Lista la cuenta de Acme" in spanish.text
    french = page_of(await client.get("/setup/done", headers={"Accept-Language": "fr-CA"}))
    assert (french.language, french.title.split(" ·")[0]) == ("fr", "C'est fait")


def test_every_text_of_every_page_has_its_spanish() -> None:
    environment = Environment(extensions=["jinja2.ext.i18n"])
    catalogue = (WEB / "locale" / "es.po").read_text()
    texts = set()
    for file in TEMPLATES:
        for _, _, message in extract_from_ast(environment.parse(file.read_text())):
            found = message if isinstance(message, tuple) else (message,)
            texts |= {one for one in found if one is not None}
    assert len(texts) > 50
    known = re.findall(r'^msgid(?:_plural)? "(.+)"$', catalogue, re.MULTILINE)
    assert sorted(known) == sorted(texts)
    assert re.findall(r'^msgstr(?:\[\d\])? "()"\n\n', catalogue, re.MULTILINE) == []
    assert "fuzzy" not in catalogue


def test_no_template_holds_a_text_that_cannot_be_translated() -> None:
    for file in TEMPLATES:
        text = re.sub(r"{#.*?#}|{%.*?%}|{{.*?}}|<!doctype html>", "", file.read_text(), flags=re.S)
        words = re.sub(r"<[^>]*>", " ", text)
        assert not re.search(r"[A-Za-z]{2,}", words), (file.name, words.split())
        assert "| safe" not in file.read_text()


async def test_contrast_is_enough_in_light_and_dark(client: httpx.AsyncClient) -> None:
    styles = (await client.get("/static/ostiary.css")).text
    light, dark = (
        dict(re.findall(r"--([a-z-]+): (#[0-9a-f]+)", part)) for part in _palettes(styles)
    )
    assert light.keys() == dark.keys()
    for palette in (light, dark):
        for paper in ("paper", "panel"):
            for ink in ("ink", "soft", "accent", "faulty"):
                assert _contrast(palette[ink], palette[paper]) >= 4.5, (ink, paper)  # WCAG 1.4.3
            assert _contrast(palette["edge"], palette[paper]) >= 3  # WCAG 1.4.11
        for face in ("accent", "faulty"):
            assert _contrast(palette["on-accent"], palette[face]) >= 4.5


def _palettes(styles: str) -> tuple[str, str]:
    light, dark = re.findall(r":root \{(.*?)\}", styles, re.S)
    return light, dark


def _contrast(one: str, other: str) -> float:
    high, low = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def _luminance(colour: str) -> float:
    """WCAG 2.2, relative luminance."""
    digits = colour[1:] if len(colour) == 7 else "".join(2 * digit for digit in colour[1:])
    parts = [int(digits[start : start + 2], 16) / 255 for start in (0, 2, 4)]
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
