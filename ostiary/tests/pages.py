"""A page as a browser and its reader take it: well-formed, each field labelled, forms to send."""

from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import urlsplit

import httpx

SAME_ORIGIN = {"Sec-Fetch-Site": "same-origin"}
"""What a browser sends with a form of our own page."""

_VOID = {"br", "hr", "img", "input", "link", "meta"}
_LOADING = {"src", "srcset", "poster", "data", "background", "ping"}


@dataclass
class Form:
    """A form: where it goes, what it sends unless somebody types."""

    method: str
    action: str
    fields: dict[str, str] = field(default_factory=dict)


class Page(HTMLParser):
    """A page, read strictly: `AssertionError` where a tag is not closed or closed twice."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.html = html
        self.title = ""
        self.language = ""
        self.words = ""
        self.tags: list[str] = []
        self.links: list[str] = []
        self.loads: list[str] = []
        self.ids: list[str] = []
        self.labels: set[str] = set()
        self.inputs: list[dict[str, str]] = []
        self.attributes: set[str] = set()
        self.forms: list[Form] = []
        self._open: list[str] = []
        assert html.startswith("<!doctype html>\n"), html[:80]
        self.feed(html)
        self.close()
        assert self._open == [], f"never closed: {self._open}"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Take an element in."""
        given = {name: value or "" for name, value in attrs}
        assert len(given) == len(attrs), f"an attribute twice: {attrs}"
        self.tags.append(tag)
        self.attributes |= set(given)
        self.loads += [given[name] for name in _LOADING & set(given)]
        if "id" in given:
            self.ids.append(given["id"])
        if tag not in _VOID:
            self._open.append(tag)
        match tag:
            case "html":
                self.language = given["lang"]
            case "link":
                self.loads.append(given["href"])
            case "a":
                self.links.append(given["href"])
            case "label":
                self.labels.add(given["for"])
            case "form":
                self.forms.append(Form(given["method"], given["action"]))
            case "input":
                self.inputs.append(given)
                if "name" in given:
                    self.forms[-1].fields[given["name"]] = given.get("value", "")

    def handle_endtag(self, tag: str) -> None:
        """Close an element: the one that was opened last."""
        assert self._open, f"</{tag}> closes nothing"
        assert self._open.pop() == tag, f"</{tag}> in {self._open}"

    def handle_data(self, data: str) -> None:
        """Take words in."""
        if self._open and self._open[-1] == "title":
            self.title += data
        else:
            self.words += data

    @property
    def text(self) -> str:
        """What it says, with single spaces."""
        return " ".join(self.words.split())

    def input(self, name: str) -> dict[str, str]:
        """The attributes of the field with this name."""
        return next(one for one in self.inputs if one.get("name") == name)


def assert_accessible(page: Page) -> None:
    """Each thing to fill in has a label, each id is one, each reference leads somewhere."""
    assert len(page.ids) == len(set(page.ids))
    for one in page.inputs:
        if one["type"] != "hidden":
            assert one.get("autocomplete"), one
            assert "hidden" in one or one["id"] in page.labels, one
        for reference in one.get("aria-describedby", "").split():
            assert reference in page.ids, one
    assert page.tags.count("h1") == 1
    assert page.tags.count("main") == 1
    assert page.title.strip()
    assert len(page.language) == 2


async def read(client: httpx.AsyncClient, url: str, **headers: str) -> Page:
    """The page at `url`, which must be there."""
    response = await client.get(url, headers=headers)
    assert response.status_code == 200, response.text
    return page_of(response)


def page_of(response: httpx.Response) -> Page:
    """The page that an answer is, after checking that it is nothing else."""
    assert response.headers["content-type"] == "text/html; charset=utf-8", response.text
    page = Page(response.text)
    assert_accessible(page)
    return page


async def send(client: httpx.AsyncClient, form: Form, **typed: str) -> httpx.Response:
    """The answer to a form, sent as a browser sends it, with these fields filled in."""
    unknown = set(typed) - set(form.fields)
    assert not unknown, f"the page has no field {unknown}"
    return await client.request(
        form.method, form.action, data=form.fields | typed, headers=SAME_ORIGIN
    )


async def followed(client: httpx.AsyncClient, response: httpx.Response) -> Page:
    """The page that a form's answer leads to."""
    assert response.status_code == 303, response.text
    to = response.headers["location"]
    assert urlsplit(to).netloc == ""
    return await read(client, to)
