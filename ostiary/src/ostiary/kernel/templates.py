"""Texts for people: Jinja2 templates and gettext catalogues, each replaceable by a folder.

A package keeps them in `templates/` and `locale/<language>.po`. A file of the same name in
`<folder>/<package's last name>/…` comes first; a catalogue there is laid over the shipped one.
"""

import gettext
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from importlib import resources
from io import BytesIO
from pathlib import Path
from typing import Any

from jinja2 import (
    ChoiceLoader,
    Environment,
    FileSystemLoader,
    PackageLoader,
    StrictUndefined,
    Template,
    TemplateError,
    TemplateSyntaxError,
    select_autoescape,
)

SOURCE_LANGUAGE = "en"
"""What the templates are written in."""

_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*")


class TemplateBroken(Exception):
    """A template cannot be rendered: it has a mistake, or names a value that nobody gave."""


class Templates:
    """Renders the templates of any package in any language there is a catalogue for.

    HTML is escaped, text is not; a value that a template names and nobody gave is an error.
    """

    def __init__(self, folder: Path | None) -> None:
        """`folder` holds what replaces the shipped files. Nothing is read yet."""
        self._folder = folder
        self._environments: dict[tuple[str, str], Environment] = {}
        self._languages: dict[str, Mapping[str, str]] = {}

    def render(
        self, package: str, name: str, *, locale: str | None, values: Mapping[str, object]
    ) -> str:
        """The template `name` of `package`, in the language nearest to `locale` (BCP 47).

        Templates also see `language`, for their `lang` attribute. Raises `TemplateBroken`.
        """
        language = self.language(package, locale)
        try:
            template = self._environment(package, language).get_template(name)
            return template.render(values, language=language)
        except TemplateError as error:
            raise TemplateBroken(f"the template {name} cannot be rendered") from error

    def render_block(
        self,
        package: str,
        name: str,
        block: str,
        *,
        locale: str | None,
        values: Mapping[str, object],
    ) -> str:
        """One block of a template alone, such as the subject of a message. As `render`."""
        language = self.language(package, locale)
        try:
            template: Template = self._environment(package, language).get_template(name)
            context = template.new_context({**values, "language": language})
            return "".join(template.blocks[block](context))
        except (TemplateError, KeyError) as error:
            raise TemplateBroken(f"the template {name} cannot be rendered") from error

    def check(self, package: str) -> int:
        """Read every template and catalogue of the folder for `package`; return how many.

        Raises `TemplateBroken`, which names the file, and the line where it can.
        """
        if self._folder is None:
            return 0
        folder = self._folder / _last(package)
        environment = self._environment(package, SOURCE_LANGUAGE)
        templates = [*folder.rglob("*.html"), *folder.rglob("*.txt")]
        for file in templates:
            try:
                environment.get_template(str(file.relative_to(folder)))
            except TemplateSyntaxError as error:
                raise TemplateBroken(f"{file}, line {error.lineno}: {error.message}") from error
            except (TemplateError, ValueError, OSError) as error:
                raise TemplateBroken(f"{file} cannot be read: {error}") from error
        catalogues = sorted((folder / "locale").glob("*.po"))
        for file in catalogues:
            try:
                _read(file.read_bytes())
            except (ValueError, OSError) as error:
                raise TemplateBroken(f"{file} cannot be read: {error}") from error
        return len(templates) + len(catalogues)

    def language(self, package: str, locale: str | None) -> str:
        """The language that `package` has for `locale`: `es-MX` gets `es`, an unknown one `en`."""
        known = self.languages(package)
        parts = (locale or "").replace("_", "-").split("-")
        for length in range(len(parts), 0, -1):  # RFC 4647 §3.4: lookup
            found = known.get("-".join(parts[:length]).lower())
            if found is not None:
                return found
        return SOURCE_LANGUAGE

    def languages(self, package: str) -> Mapping[str, str]:
        """The languages of `package`, by their lower case."""
        found = self._languages.get(package)
        if found is None:
            names = {SOURCE_LANGUAGE, *(name for name, _ in self._catalogues(package))}
            found = self._languages[package] = {name.lower(): name for name in names}
        return found

    def _environment(self, package: str, language: str) -> Environment:
        found = self._environments.get((package, language))
        if found is None:
            found = self._environments[package, language] = self._open(package, language)
        return found

    def _open(self, package: str, language: str) -> Environment:
        loaders: list[Any] = [PackageLoader(package)]
        if self._folder is not None:
            loaders.insert(0, FileSystemLoader(self._folder / _last(package)))
        environment = Environment(
            loader=ChoiceLoader(loaders),
            autoescape=select_autoescape(("html",), default_for_string=False, default=False),
            undefined=StrictUndefined,
            extensions=["jinja2.ext.i18n"],
            lstrip_blocks=True,
        )
        environment.policies["ext.i18n.trimmed"] = True
        environment.filters["instant"] = _instant
        translations: gettext.NullTranslations = gettext.NullTranslations()
        for name, content in self._catalogues(package):
            if name == language:
                read = _read(content)
                read.add_fallback(translations)
                translations = read
        environment.install_gettext_translations(  # type: ignore[attr-defined]  # the extension's
            translations, newstyle=True
        )
        return environment

    def _catalogues(self, package: str) -> Iterator[tuple[str, bytes]]:
        """Every catalogue of `package`: the shipped ones, then those of the folder."""
        shipped = resources.files(package).joinpath("locale")
        folders: list[Any] = [shipped]
        if self._folder is not None:
            folders.append(self._folder / _last(package) / "locale")
        for folder in folders:
            if folder.is_dir():
                for file in sorted(folder.iterdir(), key=lambda one: str(one.name)):
                    language = str(file.name).removesuffix(".po")
                    if file.name.endswith(".po") and _LANGUAGE.fullmatch(language):
                        yield language, file.read_bytes()


def _instant(value: str) -> str:
    """An instant (ISO 8601) as every language reads it, in UTC."""
    # Not in the words of each language: the tables for that cost every server 5 MiB.
    return f"{datetime.fromisoformat(value).astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def _last(package: str) -> str:
    return package.rpartition(".")[2]


def _read(content: bytes) -> gettext.GNUTranslations:
    """A catalogue in the PO format."""
    # Imported here: a process that has no text in another language never pays for it.
    from babel.messages.mofile import write_mo
    from babel.messages.pofile import read_po

    compiled = BytesIO()
    write_mo(compiled, read_po(BytesIO(content)))
    compiled.seek(0)
    return gettext.GNUTranslations(compiled)
