"""The first administrator is made with the terminal's link: once, within an hour, by its holder."""

import os
import pty
import re
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest
from cli.running import PATIENCE, environment
from clock import OwnedClock
from factories import a_user, an_origin, events
from links import sign_in, token_of

from ostiary.kernel.problems import Validation
from ostiary.runtime import Runtime
from ostiary.signin import bootstrap, links

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
    with pytest.raises(links.TokenInvalid):
        await _make(rt, token)


async def test_it_lives_for_an_hour(rt: Runtime, clock: OwnedClock) -> None:
    token = await _token(rt)
    clock.advance(hours=1)
    with pytest.raises(links.TokenExpired):
        await _make(rt, token)


async def test_the_next_start_makes_another_and_ends_this_one(rt: Runtime) -> None:
    first = await _token(rt)
    second = await _token(rt)
    with pytest.raises(links.TokenInvalid):
        await _make(rt, first)
    assert await _make(rt, second) == "administrator"


async def test_there_is_none_where_somebody_can_let_others_in(rt: Runtime) -> None:
    token = await _token(rt)
    await a_user(rt, role="administrator")
    assert await bootstrap.invite(rt) is None
    with pytest.raises(links.TokenInvalid):
        await _make(rt, token)


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
    printed = _output_of_serve(tmp_path, until=r"token=\S{70,}\s")
    [link] = re.findall(r"http://127\.0\.0\.1:\d+/setup\?token=ostlt\.\S+", printed)
    assert token_of(link) not in (tmp_path / "log").read_text()
