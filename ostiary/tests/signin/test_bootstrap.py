"""The first administrator is made with the terminal's link: once, within an hour, by its holder."""

import json
import os
import pty
import re
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest
from cli.running import PATIENCE, command, environment, serving
from clock import OwnedClock
from factories import a_user, an_origin, events
from links import sign_in, token_of

from ostiary.kernel.problems import Validation
from ostiary.runtime import Runtime
from ostiary.signin import bootstrap

EMAIL, GOOD = "root@example.com", "the first horse of all"


async def _token(rt: Runtime) -> str:
    link = await bootstrap.invite(rt)
    assert link is not None
    assert link.startswith(f"{rt.settings.public_url}/setup?token=ostlt.")
    return token_of(link)


async def _make(rt: Runtime, token: str, password: str = GOOD) -> str:
    profile = await bootstrap.create_administrator(rt, token, EMAIL, password, origin=an_origin())
    return profile.role


async def test_its_holder_becomes_the_administrator(rt: Runtime, client: httpx.AsyncClient) -> None:
    assert await _make(rt, await _token(rt)) == "administrator"
    user = (await sign_in(client, EMAIL, GOOD)).json()["user"]
    assert (user["role"], user["email_verified"]) == ("administrator", True)
    [created] = await events(rt, "user.created")
    assert created.data == {"role": "administrator"}


async def test_it_is_good_once(rt: Runtime) -> None:
    token = await _token(rt)
    await _make(rt, token)
    with pytest.raises(bootstrap.SetupLinkInvalid):
        await _make(rt, token)


async def test_it_lives_for_an_hour(rt: Runtime, clock: OwnedClock) -> None:
    token = await _token(rt)
    clock.advance(hours=1)
    with pytest.raises(bootstrap.SetupLinkInvalid):
        await _make(rt, token)


async def test_the_next_start_makes_another_and_ends_this_one(rt: Runtime) -> None:
    first = await _token(rt)
    second = await _token(rt)
    with pytest.raises(bootstrap.SetupLinkInvalid):
        await _make(rt, first)
    assert await _make(rt, second) == "administrator"


async def test_there_is_none_where_somebody_can_let_others_in(rt: Runtime) -> None:
    token = await _token(rt)
    await a_user(rt, role="administrator")
    assert await bootstrap.invite(rt) is None
    with pytest.raises(bootstrap.SetupLinkInvalid):
        await _make(rt, token)


async def test_its_page_says_what_to_do_once_there_is_one(
    rt: Runtime, client: httpx.AsyncClient
) -> None:
    path = f"/setup?token={await _token(rt)}"
    assert "This server has no administrator yet" in (await client.get(path)).text
    await a_user(rt, role="administrator")
    refused = await client.get(path)
    assert refused.status_code == 400
    assert "no administrator yet" not in refused.text
    assert "ostiary setup-link" in refused.text
    assert "message" not in refused.text


async def test_a_bad_password_uses_nothing_up(rt: Runtime) -> None:
    token = await _token(rt)
    with pytest.raises(Validation):
        await _make(rt, token, "password")
    assert await _make(rt, token) == "administrator"


def _output_of_serve(folder: Path, *, until: str) -> str:
    """What `serve` prints on a terminal, until that matches."""
    ours, theirs = pty.openpty()
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "ostiary", "serve", "--port", "0"],
            cwd=folder,
            env=environment(folder),
            stdout=theirs,
            stderr=log,
        )
    os.close(theirs)
    printed, deadline = "", time.monotonic() + PATIENCE
    try:
        while not re.search(until, printed) and time.monotonic() < deadline:
            printed += os.read(ours, 4096).decode()
    finally:
        process.terminate()
        process.wait(PATIENCE)
        os.close(ours)
    return printed


def test_serve_shows_it_on_a_terminal_and_keeps_it_out_of_the_log(tmp_path: Path) -> None:
    printed = _output_of_serve(tmp_path, until=r"Ctrl\+C")
    assert "Created the database" in printed
    assert re.search(r"^Ostiary runs on http://127\.0\.0\.1:\d+\r$", printed, re.M)
    assert f"Its database is {tmp_path}/ostiary.db, its secret key {tmp_path}/secret.key" in printed
    [link] = re.findall(r"http://127\.0\.0\.1:\d+/setup\?token=ostlt\.\S+", printed)
    assert token_of(link) not in (tmp_path / "log").read_text()


def test_without_a_terminal_the_log_names_the_command_that_makes_the_link(tmp_path: Path) -> None:
    with serving(tmp_path) as server:
        created, warned, lacking = (str(line["message"]) for line in server.lines()[:3])
        assert created.startswith(f"Created the database {tmp_path}/ostiary.db and its secret key")
        assert "token=" not in server.log.read_text()
        assert warned.startswith("messages, with the links in them, are written to standard output")
        assert server.log.read_text().count("standard output") == 1
        named = re.fullmatch(
            r"there is no administrator yet: run `OSTIARY_PUBLIC_URL=(\S+) ostiary setup-link` in "
            rf"{tmp_path} to get a link that makes one",
            lacking,
        )
        assert named is not None
        assert named[1] == server.url
        made = command(tmp_path, "setup-link", OSTIARY_PUBLIC_URL=named[1])
        link = re.search(r"^Open this link within an hour .*: (http\S+)\n$", made.stdout)
        assert link is not None, made
        assert httpx.get(link[1]).status_code == 200
        as_json = command(tmp_path, "setup-link", "--json", OSTIARY_PUBLIC_URL=named[1])
        second = json.loads(as_json.stdout)["url"]
        # Opened in a browser, an earlier link says that it is no longer valid.
        assert [httpx.get(one).status_code for one in (link[1], second)] == [400, 200]
        create = ("user", "create", EMAIL, "--admin", "--password-stdin")
        assert command(tmp_path, *create, stdin=GOOD).returncode == 0
        refused = command(tmp_path, "setup-link")
    assert (refused.returncode, refused.stdout) == (1, "")
    assert refused.stderr == (
        "ostiary: No link was made: there is an administrator already. `ostiary user list` shows "
        "the accounts and their roles.\n"
    )
    (tmp_path / "ostiary.db").chmod(0o644)
    with serving(tmp_path, OSTIARY_MAIL__URL=f"file://{tmp_path}/mail") as server:
        assert "administrator" not in server.log.read_text()
        assert "standard output" not in server.log.read_text()
        assert f"run `chmod 600 {tmp_path}/ostiary.db`" in server.log.read_text()
