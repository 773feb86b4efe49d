"""The attacker has a site of their own, and a victim who visits it.

It sends our forms from there, with the victim's browser: a form to verify the address of an
account the attacker made, one to set a password, one to delete an account. The attacker even knows
a token: it is a link to an account of theirs. Nothing happens, and no link is used up.
"""

import httpx
import pytest
from factories import events
from inbox import Mailbox
from link_forms import TYPED
from mailed import PURPOSES, Post
from pages import SAME_ORIGIN, page_of, read, send

from ostiary.runtime import Runtime
from ostiary.signin.links import Purpose

ELSEWHERE = {
    "another site": {"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"},
    "a neighbour": {"Sec-Fetch-Site": "same-site", "Origin": "https://blog.ostiary.test"},
    "an old browser": {"Origin": "https://evil.example"},
    "a sandboxed frame": {"Sec-Fetch-Site": "cross-site", "Origin": "null"},
    "a browser that says nothing": {},
}


@pytest.mark.parametrize("purpose", PURPOSES)
async def test_a_form_sent_from_elsewhere_uses_nothing_up(
    rt: Runtime, client: httpx.AsyncClient, mailbox: Mailbox, purpose: Purpose
) -> None:
    link = await Post(rt, client, mailbox).link(purpose)
    form = (await read(client, link.url)).forms[0]
    before = await events(rt)
    for headers in ELSEWHERE.values():
        fields = form.fields | TYPED[purpose]
        response = await client.post(form.action, data=fields, headers=headers)
        assert response.status_code == 403
        assert "Nothing was done" in page_of(response).text
    assert await events(rt) == before
    response = await send(client, form, **TYPED[purpose])  # the control: it is good
    assert response.status_code == 303


async def test_an_account_is_not_deleted_from_elsewhere(
    rt: Runtime, client: httpx.AsyncClient, mailbox: Mailbox
) -> None:
    link = await Post(rt, client, mailbox).link("verify_email")
    for headers in ELSEWHERE.values():
        data = {"token": link.token, "lang": "en"}
        response = await client.post("/verify-email/not-me", data=data, headers=headers)
        assert response.status_code == 403
    assert (await client.get(link.url)).status_code == 200


@pytest.mark.parametrize("purpose", PURPOSES)
async def test_a_form_cannot_be_sent_by_a_link(
    rt: Runtime, client: httpx.AsyncClient, mailbox: Mailbox, purpose: Purpose
) -> None:
    link = await Post(rt, client, mailbox).link(purpose)
    before = await events(rt)
    params = {"token": link.token} | TYPED[purpose]
    await client.get(link.page, params=params, headers=SAME_ORIGIN)
    await client.get(f"{link.page}/done", params=params, headers=SAME_ORIGIN)
    assert await events(rt) == before
    # A method that only some frameworks read out of a form.
    override = {**params, "_method": "POST"}
    response = await client.put(link.page, params=override, headers=SAME_ORIGIN)
    assert response.status_code == 405


@pytest.mark.parametrize("purpose", PURPOSES)
async def test_nobody_is_signed_in_by_a_form(
    rt: Runtime, client: httpx.AsyncClient, mailbox: Mailbox, purpose: Purpose
) -> None:
    # Login CSRF needs a form that signs in: these set no cookie and hand out no token.
    link = await Post(rt, client, mailbox).link(purpose)
    page = await read(client, link.url)
    response = await send(client, page.forms[0], **TYPED[purpose])
    done = await client.get(response.headers["location"])
    for answer in (response, done):
        assert "set-cookie" not in answer.headers
        assert "ostrt" not in answer.text
    assert not client.cookies
