"""`ostiary worker` may be killed at any moment: no message is lost, one at most is doubled."""

import asyncio
import json
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest
from clock import OwnedClock
from conftest import SECRET_KEY
from inbox import Mailbox, deliver
from mail.letters import Failing, outbox, write
from postoffice import open_post_office

from cli.running import PATIENCE, command, environment, serving
from ostiary.kernel.mail import MailRefused
from ostiary.runtime import Runtime

MESSAGES = 1_000
KILLS = (150, 400, 700)  # messages that have arrived by then


async def until(condition: Callable[[], bool]) -> None:
    """Wait for another process to bring something about."""
    deadline = time.monotonic() + 4 * PATIENCE
    while not condition():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.005)  # this process is the mail server too


@contextmanager
def worker(folder: Path, **settings: str) -> Iterator["subprocess.Popen[bytes]"]:
    """Run `ostiary worker` until it ends, or the block does."""
    with (folder / "log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "ostiary", "worker"],
            cwd=folder,
            env=environment(folder, OSTIARY_SECRET_KEYS=SECRET_KEY, **settings),
            stdout=log,
            stderr=log,
        )
    try:
        yield process
    finally:
        process.kill()
        process.wait(PATIENCE)


@pytest.mark.timeout(600)  # four processes and a thousand messages, on whatever machine
async def test_a_killed_worker_loses_nothing_and_doubles_one_message_at_most(
    rt: Runtime, clock: OwnedClock, mailbox: Mailbox, tmp_path: Path
) -> None:
    addresses = [f"user{number}@example.com" for number in range(MESSAGES)]
    await write(rt, *addresses)
    async with open_post_office() as office:
        settings = {"OSTIARY_DATABASE_URL": rt.settings.database_url}
        settings["OSTIARY_MAIL__URL"] = office.url()

        def has_arrived(count: int) -> bool:
            return len(office.received) >= count

        for arrived in KILLS:
            with worker(tmp_path, **settings):
                await until(partial(has_arrived, arrived))
        with worker(tmp_path, **settings) as process:
            await until(lambda: len(set(office.recipients())) >= MESSAGES - len(KILLS))
            process.send_signal(signal.SIGTERM)
            await until(lambda: process.poll() is not None)  # its last message is for us
            assert process.returncode == 0
    # What a killed worker had in hand comes when its lease is over.
    rest = await outbox(rt)
    assert len(rest) <= 2 * len(KILLS)
    clock.advance(days=2_000)
    await deliver(rt)
    got = Counter(office.recipients()) + Counter(message.to for message in mailbox.messages)
    assert got.keys() == set(addresses), "none is lost"
    assert got.total() - MESSAGES <= len(KILLS), "each kill doubles one at most"
    assert await outbox(rt) == []


async def test_a_worker_that_is_told_to_stop_finishes_and_says_so(
    rt: Runtime, tmp_path: Path
) -> None:
    await write(rt, "ada@example.com")
    folder = tmp_path / "post"
    settings = {"OSTIARY_DATABASE_URL": rt.settings.database_url}
    with worker(tmp_path, OSTIARY_MAIL__URL=f"file://{folder}", **settings) as process:
        await until(lambda: bool(list(folder.glob("*.eml"))))
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE) == 0
    lines = [json.loads(line) for line in (tmp_path / "log").read_text().splitlines()]
    messages = [line["message"] for line in lines]
    assert messages[0] == "working"
    assert messages[-1] == "stopped"
    assert not any("ada@" in message for message in messages)
    assert await outbox(rt) == []


def test_serve_delivers_by_itself_and_the_link_stands_on_the_terminal(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with serving(tmp_path) as server:
        body = {"email": "ada@example.com", "password": "correct horse battery"}
        httpx.post(f"{server.url}/api/v1/auth/signup", json=body).raise_for_status()
        shown, deadline = "", time.monotonic() + PATIENCE
        while f"{server.url}/verify-email?token=" not in shown:
            assert time.monotonic() < deadline
            time.sleep(0.02)  # another process is waited for
            shown += capfd.readouterr().out
        assert "ada@example.com" not in server.log.read_text()
        assert "token=" not in server.log.read_text()


@pytest.fixture
def settings_of(rt: Runtime) -> dict[str, str]:
    """The environment of a command on the database of `rt`."""
    return {"OSTIARY_DATABASE_URL": rt.settings.database_url, "OSTIARY_SECRET_KEYS": SECRET_KEY}


async def run(folder: Path, *arguments: str, **settings: str) -> Any:
    """Run a command to its end, beside the open Runtime."""
    return await asyncio.to_thread(command, folder, *arguments, **settings)


async def test_what_waits_and_what_was_put_aside_is_listed_and_retried(
    rt: Runtime, clock: OwnedClock, tmp_path: Path, settings_of: dict[str, str]
) -> None:
    await write(rt, "ada@example.com", "bob@example.com")
    refusing = Failing(MailRefused("RCPT was answered 550"), MailRefused("no"))
    await deliver(replace(rt, mailer=refusing))
    await write(rt, "eve@example.com")
    listed = await run(tmp_path, "mail", "list", **settings_of)
    assert [line.split()[3] for line in listed.stdout.splitlines()].count("failed") == 2
    assert "RCPT was answered 550" in listed.stdout
    assert "example.com" not in listed.stdout
    shown = await run(tmp_path, "mail", "list", "--json", **settings_of)
    rows = [json.loads(line) for line in shown.stdout.splitlines()]
    assert sorted(row["state"] for row in rows) == ["failed", "failed", "waiting"]
    failed = [row["id"] for row in rows if row["state"] == "failed"]
    waiting = [row["id"] for row in rows if row["state"] == "waiting"]

    refused = await run(tmp_path, "mail", "retry", failed[0], waiting[0], **settings_of)
    assert (refused.returncode, refused.stdout) == (1, "1 message will be tried again.\n")
    assert f"No message with this id was put aside: {waiting[0]}." in refused.stderr
    rest = await run(tmp_path, "mail", "retry", "--all", **settings_of)
    assert rest.stdout == "1 message will be tried again.\n"
    clock.advance(days=2_000)
    assert await deliver(rt) == 3
    assert await outbox(rt) == []


def test_retry_wants_ids_or_all(tmp_path: Path) -> None:
    assert command(tmp_path, "mail", "retry").returncode == 2
    assert command(tmp_path, "mail", "retry", "--all", "mail_1").returncode == 2
