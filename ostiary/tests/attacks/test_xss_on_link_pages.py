"""The attacker writes HTML wherever text is taken, and waits for somebody to look at a page.

In addresses, in what is typed into a form that comes back, in a token, a language, a path, a
brand. Every page shows it as text, has no script or style of its own, and allows none.
"""

from urllib.parse import quote

import httpx
import pytest
from inbox import Mailbox
from mailed import PURPOSES, Post
from pages import SAME_ORIGIN, Page, page_of, read, send

from ostiary.runtime import Runtime

TAG = "<script>alert(1)</script>"
HOSTILE = [
    TAG,
    f'"><img src=x onerror=alert(1)>{TAG}',
    "' autofocus onfocus=alert(1) x='",
    "{{ 7 * 191 }}{% raw %}",
    "%(count)s%s",
    "</title></style></textarea><svg onload=alert(1)>",
    "javascript:alert(1)",
]
ADDRESS = "o'malley&ltb&gt{{7*191}}@example.com"  # legal in an address; HTML would read it as <b>
ALLOWED_TAGS = {
    "html", "head", "meta", "title", "link", "body", "header", "span", "main", "h1", "h2", "p",
    "dl", "div", "dt", "dd", "form", "input", "label", "button", "section", "a", "ul", "li",
}  # fmt: skip


def _assert_harmless(page: Page) -> None:
    assert set(page.tags) <= ALLOWED_TAGS, set(page.tags) - ALLOWED_TAGS
    assert page.loads == ["/favicon.ico", "/favicon.svg", "/static/ostiary.css"]
    assert not {name for name in page.attributes if name.startswith("on") or name == "style"}
    assert all(link.startswith(("/", "#")) for link in page.links), page.links
    assert all(form.action.startswith("/") for form in page.forms)
    assert "1337" not in page.html  # 7 * 191, had a template been made of it


@pytest.fixture
def post(rt: Runtime, client: httpx.AsyncClient, mailbox: Mailbox) -> Post:
    """Where links come from."""
    return Post(rt, client, mailbox)


async def test_an_address_is_text(client: httpx.AsyncClient, post: Post) -> None:
    for purpose in PURPOSES:
        if purpose == "bootstrap":
            continue
        values = {} if purpose == "undo_email_change" else {"email": f"{purpose}.{ADDRESS}"}
        link = await post.link(purpose, first_name=TAG, last_name=TAG, **values)
        page = await read(client, link.url)
        _assert_harmless(page)
        assert link.user is not None
        assert link.user.email in page.text
        for field in page.inputs:
            if field.get("autocomplete") == "username":
                assert field["value"] == link.user.email


@pytest.mark.parametrize("hostile", HOSTILE)
async def test_what_was_typed_comes_back_as_text(
    client: httpx.AsyncClient, post: Post, hostile: str
) -> None:
    link = await post.link("bootstrap")
    page = await read(client, link.url)
    response = await send(client, page.forms[0], email=hostile, password=hostile)
    assert response.status_code == 422
    refused = page_of(response)
    _assert_harmless(refused)
    assert refused.input("email")["value"] == hostile


@pytest.mark.parametrize("hostile", HOSTILE)
async def test_what_stands_in_an_address_is_text(
    client: httpx.AsyncClient, post: Post, hostile: str
) -> None:
    link = await post.link("reset_password")
    text = quote(hostile, safe="")
    for url in (
        f"{link.page}?token={text}",
        f"{link.url}&lang={text}&brand={text}&faults={text}&email={text}",
        f"{link.page}/done?lang={text}",
    ):
        _assert_harmless(page_of(await client.get(url, headers={"Accept-Language": hostile})))
    form = {"token": link.token, "lang": hostile, "new_password": "a phrase of my own"}
    answer = await client.post(link.page, data=form, headers=SAME_ORIGIN)
    assert answer.status_code == 303
    location = answer.headers["location"]
    assert location.startswith("/reset-password/done?lang=")
    assert not set("<>\"' \r\n") & set(location)
    _assert_harmless(page_of(await client.get(location)))


@pytest.mark.parametrize("hostile", HOSTILE[:4])
async def test_a_field_that_the_page_does_not_have_is_not_shown(
    client: httpx.AsyncClient, post: Post, hostile: str
) -> None:
    link = await post.link("reset_password")
    form = {"token": link.token, "new_password": "short", hostile: hostile}
    response = await client.post(link.page, data=form, headers=SAME_ORIGIN)
    assert response.status_code == 422
    _assert_harmless(page_of(response))
    assert hostile not in response.text


@pytest.mark.settings(brand={"name": f'{TAG} & "Sons"'})
async def test_the_brand_is_text(client: httpx.AsyncClient, post: Post) -> None:
    for purpose in PURPOSES:
        link = await post.link(purpose)
        for response in (
            await client.get(link.url),
            await client.get(link.page),
            await client.get(f"{link.page}/done"),
        ):
            page = page_of(response)
            _assert_harmless(page)
            assert page.title.endswith(f'{TAG} & "Sons"')
            assert f'{TAG} & "Sons"' in page.text


async def test_no_page_has_or_allows_a_script(client: httpx.AsyncClient, post: Post) -> None:
    for purpose in PURPOSES:
        link = await post.link(purpose)
        for url in (link.url, link.page, f"{link.page}/done"):
            response = await client.get(url)
            _assert_harmless(page_of(response))
            policy = response.headers["content-security-policy"].split("; ")
            assert "default-src 'none'" in policy
            assert not any(part.startswith("script-src") for part in policy)
            assert not any("unsafe" in part or "*" in part for part in policy)
            assert response.headers["x-content-type-options"] == "nosniff"
