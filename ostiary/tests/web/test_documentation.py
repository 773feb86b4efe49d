"""`/docs` and `/problems/<slug>` are rendered here, complete, and load nothing from elsewhere."""

import inspect
import re
from html import escape
from html.parser import HTMLParser
from urllib.parse import urlsplit

import httpx
import pytest
from factories import a_session, signup_body

from ostiary.kernel.problems import Problem, every_problem
from ostiary.runtime import Runtime

KINDS = {kind.slug: kind for kind in every_problem()}
LOADING = {"src", "srcset", "poster", "data", "action", "formaction", "background"}


class _Page(HTMLParser):
    """What a page loads, links to, and is called."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.loads: list[str] = []
        self.links: list[str] = []
        self.ids: list[str] = []
        self.attributes: set[str] = set()
        self.words = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        for name, value in attrs:
            self.attributes.add(name)
            if name in LOADING or (name == "href" and tag != "a"):
                self.loads.append(value or "")
            elif name == "href":
                self.links.append(value or "")
            elif name == "id":
                self.ids.append(value or "")

    def handle_data(self, data: str) -> None:
        self.words += data


async def _page(client: httpx.AsyncClient, path: str) -> _Page:
    answer = await client.get(path)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.headers["content-security-policy"] == (
        "default-src 'none'; style-src 'self'; img-src 'self' data:; frame-ancestors 'none'"
    )
    return _Page(answer.text)


def _text(kind: type[Problem]) -> str:
    # What stands between backticks is marked up as code.
    return " ".join(inspect.cleandoc(kind.__doc__ or "").replace("`", "").split())


@pytest.mark.parametrize("path", ["/docs", "/problems/validation"])
async def test_a_page_loads_our_own_styles_and_nothing_else(
    client: httpx.AsyncClient, path: str
) -> None:
    page = await _page(client, path)
    assert page.loads == ["/favicon.ico", "/favicon.svg", "/static/ostiary.css"]
    assert not {"script", "style", "iframe", "object", "embed", "form", "base"} & set(page.tags)
    assert not {name for name in page.attributes if name.startswith("on") or name == "style"}
    styles = await client.get("/static/ostiary.css")
    assert styles.status_code == 200
    assert styles.headers["content-type"].startswith("text/css")
    assert not re.search(
        r"@import|url\(|https?:|//", styles.text.replace("/*", "").replace("*/", "")
    )


async def test_every_operation_and_schema_is_on_the_page(client: httpx.AsyncClient) -> None:
    page = await _page(client, "/docs")
    document = (await client.get("/openapi.json")).json()
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            assert f"{method.upper()}{path}" in page.ids
            for paragraph in operation["description"].replace("`", "").split("\n\n"):
                assert " ".join(paragraph.split()) in " ".join(page.words.split())
    for name in document["components"]["schemas"]:
        assert f"schema-{name}" in page.ids


async def test_every_link_leads_somewhere(client: httpx.AsyncClient) -> None:
    page = await _page(client, "/docs")
    assert len(page.ids) == len(set(page.ids))
    for link in page.links:
        if link.startswith("#"):
            assert link[1:] in page.ids, link
        elif not link.startswith("https://www.rfc-editor.org/"):
            assert (await client.get(link)).status_code == 200, link


async def test_every_refusal_of_every_operation_is_explained_on_the_page(
    client: httpx.AsyncClient,
) -> None:
    words = (await _page(client, "/docs")).words
    document = (await client.get("/openapi.json")).json()
    for methods in document["paths"].values():
        for operation in methods.values():
            for answer in operation["responses"].values():
                for slug in re.findall(r"`([a-z-]+)`:", answer["description"]):
                    assert slug in words


@pytest.mark.parametrize("slug", sorted(KINDS))
async def test_every_problem_has_a_page_that_explains_it(
    client: httpx.AsyncClient, slug: str
) -> None:
    kind = KINDS[slug]
    page = await _page(client, f"/problems/{slug}")
    words = " ".join(page.words.split())
    assert kind.title in words
    assert f"status {kind.status}" in words
    assert _text(kind) in words
    assert 400 <= kind.status < 600


def test_every_problem_has_a_name_of_its_own_and_a_sentence() -> None:
    kinds = list(every_problem())
    assert len({kind.slug for kind in kinds}) == len(kinds)
    for kind in kinds:
        assert re.fullmatch(r"[a-z]+(-[a-z]+)*", kind.slug)
        assert _text(kind).endswith(".")
        assert kind.title == escape(kind.title, quote=False)


async def test_the_type_of_a_refusal_leads_to_its_page(
    rt: Runtime, client: httpx.AsyncClient
) -> None:
    signed_in = await a_session(rt)
    refusals = [
        await client.get("/nowhere"),
        await client.get("/api/v1/auth/me"),
        await client.get("/api/v1/auth/me", headers={"Authorization": "Bearer x"}),
        await client.put("/api/v1/auth/me"),
        await client.post("/api/v1/auth/signup", json={}),
        await client.post("/api/v1/auth/signin", json=signup_body()),
        await client.post("/api/v1/auth/signup", content=b"{"),
        await client.delete("/api/v1/sessions/ses_1", headers=signed_in.bearer),
    ]
    for refusal in refusals:
        body = refusal.json()
        assert body["type"].startswith(f"{rt.settings.public_url}/problems/")
        page = await _page(client, urlsplit(body["type"]).path)
        assert body["title"] in page.words
