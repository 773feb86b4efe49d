"""The pages of mailed links: looking uses nothing up, the button does it, and only once."""

from dataclasses import replace

import httpx
import pytest
from clock import OwnedClock
from factories import events
from inbox import Mailbox
from link_forms import TYPED, is_done, use
from mailed import PURPOSES, Post
from pages import SAME_ORIGIN, followed, page_of, read, send

from ostiary.app import create_app
from ostiary.kernel.database import Database
from ostiary.runtime import Runtime
from ostiary.signin.links import Purpose

LIFETIMES: dict[Purpose, dict[str, float]] = {
    "verify_email": {"hours": 24},
    "reset_password": {"hours": 1},
    "change_email": {"hours": 24},
    "undo_email_change": {"days": 7},
    "invitation": {"days": 7},
    "bootstrap": {"hours": 1},
}
each_page = pytest.mark.parametrize("purpose", PURPOSES)


@pytest.fixture
def post(rt: Runtime, client: httpx.AsyncClient, mailbox: Mailbox) -> Post:
    """Where links come from."""
    return Post(rt, client, mailbox)


@each_page
async def test_the_button_does_what_the_page_says(
    rt: Runtime, client: httpx.AsyncClient, post: Post, purpose: Purpose
) -> None:
    link = await post.link(purpose)
    assert not await is_done(rt, purpose, link)
    page = await followed(client, await use(client, purpose, link))
    assert page.forms == []
    assert await is_done(rt, purpose, link)


@each_page
async def test_looking_uses_nothing_up(
    rt: Runtime, client: httpx.AsyncClient, post: Post, purpose: Purpose
) -> None:
    link = await post.link(purpose)
    before = await events(rt)
    prefetch = {"Sec-Purpose": "prefetch", "Purpose": "prefetch"}
    for _ in range(10):
        assert (await client.get(link.url)).status_code == 200
        assert (await client.get(link.url, headers=prefetch)).status_code == 200
        head = await client.head(link.url)
        assert (head.status_code, head.content) == (200, b"")
    assert await events(rt) == before
    await followed(client, await use(client, purpose, link))
    assert await is_done(rt, purpose, link)


@each_page
async def test_a_link_works_once(client: httpx.AsyncClient, post: Post, purpose: Purpose) -> None:
    link = await post.link(purpose)
    page = await read(client, link.url)
    await followed(client, await send(client, page.forms[0], **TYPED[purpose]))
    again = await send(client, page.forms[0], **TYPED[purpose])
    for response in (again, await client.get(link.url)):
        assert response.status_code == 400
        assert "This link does not work" in page_of(response).text
        assert page_of(response).forms == []


@each_page
async def test_reloading_and_going_back_do_nothing(
    rt: Runtime, client: httpx.AsyncClient, post: Post, purpose: Purpose
) -> None:
    link = await post.link(purpose)
    answer = await use(client, purpose, link)
    done = answer.headers["location"]
    before = await events(rt)
    first = await followed(client, answer)
    for _ in range(3):
        assert (await read(client, done)).text == first.text
        await client.get(link.url)
    assert await events(rt) == before
    assert link.token not in done


@each_page
async def test_a_link_that_is_too_old_says_so(
    rt: Runtime, client: httpx.AsyncClient, post: Post, clock: OwnedClock, purpose: Purpose
) -> None:
    link = await post.link(purpose)
    form = (await read(client, link.url)).forms[0]
    clock.advance(**LIFETIMES[purpose])
    for response in (await client.get(link.url), await send(client, form, **TYPED[purpose])):
        assert response.status_code == 400
        says = "more than an hour old" if purpose == "bootstrap" else "This link is too old"
        assert says in page_of(response).text
    assert not await is_done(rt, purpose, link)


@each_page
async def test_a_link_that_is_none_says_so(
    client: httpx.AsyncClient, post: Post, purpose: Purpose
) -> None:
    link = await post.link(purpose)
    for token in ("", "x", "%00", "%ff", "%F0%9F", "a" * 5000, link.token[:-1], f"{link.token}A"):
        response = await client.get(f"{link.page}?token={token}")
        assert response.status_code == 400
        assert "This link does not work" in page_of(response).text
    assert (await client.get(link.page)).status_code == 400
    assert (await client.get(link.url)).status_code == 200


@each_page
async def test_two_tokens_are_none(client: httpx.AsyncClient, post: Post, purpose: Purpose) -> None:
    link = await post.link(purpose)
    response = await client.get(f"{link.url}&token={link.token}")
    assert response.status_code == 400
    assert "This link does not work" in page_of(response).text


@each_page
async def test_a_link_works_on_its_own_page_only(
    client: httpx.AsyncClient, post: Post, purpose: Purpose
) -> None:
    link = await post.link(purpose)
    others = {(await post.link(other)).page for other in PURPOSES if other != purpose}
    assert len(others) == 5
    for page in others:
        assert (await client.get(f"{page}?token={link.token}")).status_code == 400
    assert (await client.get(link.url)).status_code == 200


@each_page
async def test_a_page_names_whom_it_is_about(
    client: httpx.AsyncClient, post: Post, purpose: Purpose
) -> None:
    link = await post.link(purpose)
    page = await read(client, link.url)
    known = [link.user.email if link.user else None, link.new_email]
    shown = page.text + " ".join(one.get("value", "") for one in page.inputs)
    for email in filter(None, known):
        assert email in shown


@each_page
async def test_another_method_is_refused_as_a_page(
    client: httpx.AsyncClient, post: Post, purpose: Purpose
) -> None:
    link = await post.link(purpose)
    for method in ("PUT", "DELETE", "PATCH", "OPTIONS"):
        response = await client.request(method, link.url)
        assert response.status_code == 405
        assert response.headers["allow"] == "GET, HEAD, POST"
        assert "There is nothing here" in page_of(response).text


@each_page
async def test_an_outage_is_told_as_a_page(rt: Runtime, post: Post, purpose: Purpose) -> None:
    link = await post.link(purpose)
    away = Database("postgresql://nobody@127.0.0.1:1/none", pool_size=1)
    transport = httpx.ASGITransport(create_app(rt.settings, runtime=replace(rt, db=away)))
    async with httpx.AsyncClient(transport=transport, base_url="http://ostiary.test") as client:
        fields = {"token": link.token, **TYPED[purpose]}
        for response in (
            await client.get(link.url),
            await client.post(link.page, data=fields, headers=SAME_ORIGIN),
        ):
            assert response.status_code == 503
            assert int(response.headers["retry-after"]) >= 1
            assert "Please try again in a moment" in page_of(response).text
    await away.close()
    assert not await is_done(rt, purpose, link)
