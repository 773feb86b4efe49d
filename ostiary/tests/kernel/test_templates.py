"""Texts come from the shipped templates and catalogues, unless a folder has its own."""

from pathlib import Path

import pytest
from inbox import Mailbox, deliver
from mail.letters import outbox, write

from ostiary.kernel.templates import TemplateBroken, Templates
from ostiary.mail.messages import Kind
from ostiary.runtime import Runtime, open_runtime
from ostiary.settings import Settings

MAIL = "ostiary.mail"
FRENCH = """
msgid ""
msgstr "Language: fr\\nContent-Type: text/plain; charset=UTF-8\\n"

msgid "Hello,"
msgstr "Bonjour,"
"""
OWN_SPANISH = """
msgid ""
msgstr "Language: es\\nContent-Type: text/plain; charset=UTF-8\\n"

msgid "Hello,"
msgstr "Buenas:"
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A team's own templates."""
    (tmp_path / "mail" / "locale").mkdir(parents=True)
    return tmp_path


def layout(templates: Templates, locale: str | None = None) -> str:
    """The frame of a message."""
    return templates.render(MAIL, "layout.txt", locale=locale, values={"brand": "B", "name": ""})


def test_a_file_of_the_folder_replaces_the_shipped_one(folder: Path) -> None:
    (folder / "mail" / "layout.txt").write_text("{% trans %}Hello,{% endtrans %} {{ brand }}!")
    templates = Templates(folder)
    assert layout(templates) == "Hello, B!"
    assert layout(templates, "es") == "Hola: B!"
    values = {"brand": "B", "name": "", "subject": "S", "language": "en"}
    html = templates.render(MAIL, "layout.html", locale=None, values=values)
    assert "<h1>S</h1>" in html, "the others stay"


def test_a_catalogue_of_the_folder_adds_a_language_or_changes_words(folder: Path) -> None:
    (folder / "mail" / "locale" / "fr.po").write_text(FRENCH)
    (folder / "mail" / "locale" / "es.po").write_text(OWN_SPANISH)
    templates = Templates(folder)
    assert layout(templates, "fr-CA").startswith("Bonjour,")
    spanish = layout(templates, "es-MX")
    assert spanish.startswith("Buenas:")
    assert "Este mensaje lo ha escrito una máquina" in spanish, "the shipped one fills the gaps"


@pytest.mark.parametrize("name", ["../outside.txt", "/etc/passwd", "mail/../../outside.txt"])
def test_a_template_lies_in_its_folder(folder: Path, name: str) -> None:
    (folder / "outside.txt").write_text("outside")
    with pytest.raises(TemplateBroken):
        Templates(folder).render(MAIL, name, locale=None, values={})


@pytest.mark.parametrize("text", ["{% if %}", "{{ nobody_gave_this }}", "{% include 'none' %}"])
def test_a_broken_template_says_which(folder: Path, text: str) -> None:
    (folder / "mail" / "layout.txt").write_text(text)
    with pytest.raises(TemplateBroken, match=r"layout\.txt"):
        layout(Templates(folder))


def test_html_is_escaped_and_text_is_not(folder: Path) -> None:
    for form in ("html", "txt"):
        (folder / "mail" / f"x.{form}").write_text("{% trans %}{{ v }}{% endtrans %}{{ v }}")
    templates = Templates(folder)
    values = {"v": "<b>"}
    assert templates.render(MAIL, "x.txt", locale=None, values=values) == "<b><b>"
    assert templates.render(MAIL, "x.html", locale=None, values=values) == "&lt;b&gt;&lt;b&gt;"


async def test_brand_and_folder_are_settings(
    settings: Settings, folder: Path, mailbox: Mailbox
) -> None:
    (folder / "mail" / "verify_email.txt").write_text(
        '{% extends "layout.txt" %}{% block subject %}Welcome to {{ brand }}{% endblock %}'
    )
    brand = {"name": "Example & Sons", "templates": str(folder)}
    own = Settings(**settings.model_dump() | {"brand": brand, "secret_keys": settings.secret_keys})
    async with open_runtime(own, mailer=mailbox) as rt:
        await write(rt, "ada@example.com")
        await write(rt, "bob@example.com", kind=Kind.RESET_PASSWORD)
        assert await deliver(rt) == 2
    assert mailbox.last("ada@example.com").subject == "Welcome to Example & Sons"
    assert "Example & Sons" in mailbox.last("bob@example.com").text
    assert "Example &amp; Sons" in mailbox.last("bob@example.com").html


async def test_a_template_that_is_mended_sends_what_waited(
    settings: Settings, folder: Path, mailbox: Mailbox
) -> None:
    broken = folder / "mail" / "verify_email.txt"
    broken.write_text("{{ mistake }}")
    brand = {"templates": str(folder)}
    own = Settings(**settings.model_dump() | {"brand": brand, "secret_keys": settings.secret_keys})
    async with open_runtime(own, mailer=mailbox) as rt:
        await write(rt, "ada@example.com")
        assert await deliver(rt) == 0
        broken.unlink()
    async with open_runtime(settings, mailer=mailbox) as rt:
        assert [row.attempts for row in await outbox(rt)] == [1]


def test_an_unknown_language_is_english(rt: Runtime) -> None:
    assert rt.templates.language(MAIL, "es-MX") == "es"
    assert rt.templates.language(MAIL, "pt-BR") == "en"
    assert rt.templates.language("ostiary.web", None) == "en"
