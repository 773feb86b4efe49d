"""The attacker lays our page, invisible, over one of their own, and has the victim press a button.

No page may be framed, and none sends its form or takes its base from elsewhere.
"""

import httpx
import pytest
from inbox import Mailbox
from mailed import PURPOSES, Post
from pages import SAME_ORIGIN

from ostiary.runtime import Runtime
from ostiary.signin.links import Purpose

POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self'; "
    "frame-ancestors 'none'; base-uri 'none'"
)


@pytest.mark.parametrize("purpose", PURPOSES)
async def test_no_answer_may_be_framed(
    rt: Runtime, client: httpx.AsyncClient, mailbox: Mailbox, purpose: Purpose
) -> None:
    link = await Post(rt, client, mailbox).link(purpose)
    form = {"token": link.token}
    fields = {"new_password": "x", "email": "x", "password": "x"}
    answers = [
        (200, await client.get(link.url)),
        (200, await client.head(link.url)),
        (200, await client.get(f"{link.page}/done")),
        (400, await client.get(link.page)),
        (403, await client.post(link.page, data=form)),
        (422, await client.post(link.page, data=form | fields, headers=SAME_ORIGIN)),
        (405, await client.put(link.page)),
    ]
    if purpose in ("change_email", "undo_email_change"):
        answers.append((303, await client.post(link.page, data=form, headers=SAME_ORIGIN)))
    for status, answer in answers:
        assert answer.status_code == status
        assert answer.headers["content-security-policy"] == POLICY
        assert answer.headers["x-frame-options"] == "DENY"
        assert answer.headers["cross-origin-opener-policy"] == "same-origin"
