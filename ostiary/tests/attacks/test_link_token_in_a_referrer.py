"""The attacker reads what browsers and servers tell in passing: referrers, titles, caches, logs.

The token stands in the address of a page for as long as somebody looks at it. Nothing on the page
leads elsewhere, nothing is loaded from elsewhere, and the address goes nowhere else.
"""

import io
import logging
from collections.abc import Iterator

import httpx
import pytest
from inbox import Mailbox
from link_forms import TYPED
from mailed import PURPOSES, Post
from pages import page_of, send

from ostiary.kernel import logs
from ostiary.runtime import Runtime
from ostiary.signin.links import Purpose


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """What the process logs, set up as `ostiary serve` does, at the level `debug`."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    written = io.StringIO()
    logs.configure("debug")
    for handler in root.handlers:
        assert isinstance(handler, logging.StreamHandler)
        handler.setStream(written)
        # The client of these tests lives in the same process; its own log is none of the server's.
        handler.addFilter(lambda record: not record.name.startswith(("httpx", "httpcore")))
    yield written
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.mark.parametrize("purpose", PURPOSES)
async def test_the_token_stays_between_the_reader_and_us(
    rt: Runtime,
    client: httpx.AsyncClient,
    mailbox: Mailbox,
    log: io.StringIO,
    purpose: Purpose,
) -> None:
    link = await Post(rt, client, mailbox).link(purpose)
    answer = await client.get(link.url)
    page = page_of(answer)
    assert answer.headers["referrer-policy"] == "same-origin"
    assert answer.headers["cache-control"] == "no-store"
    assert link.token not in page.title
    assert link.token not in page.words
    for target in page.links + page.loads + [form.action for form in page.forms]:
        assert target.startswith("/"), target
        assert not target.startswith("//")
    assert all(link.token not in target for target in page.loads)
    done = await send(client, page.forms[0], **TYPED[purpose])
    assert done.status_code == 303
    assert link.token not in done.headers["location"]
    await client.get(link.url)
    written = log.getvalue()
    assert f'"{link.page}"' in written  # the control: these requests are in the log
    for part in (link.token, link.token.rpartition(".")[2]):
        assert part not in written
