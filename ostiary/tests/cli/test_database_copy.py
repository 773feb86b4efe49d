"""`database copy` moves an installation while it is used, survives a kill, and shows no secret."""

import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from threading import Event, Thread

import httpx
import psycopg
import pytest
from factories import PASSWORD, signup_body
from psycopg.sql import SQL, Identifier
from sqlalchemy.engine import make_url

from cli.running import PATIENCE, command, environment, serving
from ostiary.installation import making
from ostiary.settings import Settings

API = "/api/v1/auth"
TARGET = "postgresql://ostiary:hunter2@127.0.0.1:9/ostiary?password=hunter2"
VARIABLE = "COPY_TO_DATABASE_URL"
UNLIMITED = {"OSTIARY_LIMITS__SIGNUPS": "10000", "OSTIARY_HASHING__MEMORY_KIB": "64"}


def _copy(folder: Path, to: str, **settings: str) -> tuple[int, str, str]:
    done = command(folder, "database", "copy", "--to", to, **settings)
    assert "hunter2" not in done.stdout + done.stderr
    return done.returncode, done.stdout, done.stderr


def test_a_copy_that_cannot_begin_says_why_in_one_line(tmp_path: Path) -> None:
    file = tmp_path / "ostiary.db"
    absent = f"ostiary: The database {file} does not exist. Run the command in the folder of "
    code, _, told = _copy(tmp_path, TARGET)
    assert (code, told.startswith(absent), file.exists()) == (1, True, False)
    asyncio.run(_make(file))
    needed = (
        "ostiary: --to: give the URL of a PostgreSQL database, "
        "postgresql://user:password@host/name.\n"
    )
    for wrong in ("sqlite:///other.db", "postgresql://u:hunter2@host"):
        assert _copy(tmp_path, wrong) == (1, "", needed)
    code, _, told = _copy(tmp_path, f"{TARGET}&application_name=x")
    assert told.startswith("ostiary: --to: application_name is not an option of the driver. ")
    code, _, told = _copy(tmp_path, TARGET, OSTIARY_DATABASE_URL=TARGET)
    assert (code, told.startswith("ostiary: database_url: names PostgreSQL already. ")) == (1, True)
    # The URL may come by the environment; nothing listens there.
    silent = command(tmp_path, "database", "copy", **{VARIABLE: TARGET})
    assert silent.returncode == 1
    assert silent.stdout == f"From {file} to PostgreSQL at 127.0.0.1:9, database ostiary\n"
    assert silent.stderr == (
        "ostiary: The database postgresql://ostiary:***@127.0.0.1:9/ostiary?password=*** refuses "
        "connections. Start PostgreSQL there, or correct --to.\n"
    )
    assert "hunter2" not in silent.stderr
    (tmp_path / "secret.key").unlink()
    code, _, told = _copy(tmp_path, TARGET)
    assert code == 1
    assert told.startswith(f"ostiary: The secret key {tmp_path}/secret.key does not exist")
    assert not (tmp_path / "secret.key").exists()


async def _make(file: Path) -> None:
    await making.prepare(Settings(database_url=f"sqlite:///{file}"))


@pytest.fixture
def empty_database(worker: str) -> Iterator[str]:
    """A PostgreSQL database without tables, which nobody is connected to."""
    server = os.environ["TEST_DATABASE_URL"]
    name = f"ostiary_test_{worker}_moved"
    with psycopg.connect(server, autocommit=True) as connection:
        drop = SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(Identifier(name))
        connection.execute(drop)
        connection.execute(SQL("CREATE DATABASE {}").format(Identifier(name)))
        yield make_url(server).set(database=name).render_as_string(hide_password=False)
        connection.execute(drop)


@pytest.mark.skipif("TEST_DATABASE_URL" not in os.environ, reason="copies to PostgreSQL")
# hermetic: ignore[H007] the target is PostgreSQL; `make test-services` runs it
def test_an_installation_moves_while_it_is_used(tmp_path: Path, empty_database: str) -> None:
    with serving(tmp_path, **UNLIMITED) as server:
        first = _sign_up(server.url, 0)
        _add_events(tmp_path / "ostiary.db", 8_000)
        stop = Event()
        made: list[int] = []
        signing_up = Thread(target=_keep_signing_up, args=(server.url, stop, made))
        signing_up.start()
        try:
            _kill_in_the_middle(tmp_path, empty_database)
            before = len(made)
            code, out, err = _copy(tmp_path, empty_database)
            assert len(made) > before  # people signed up during the copy, and none was refused
        finally:
            stop.set()
            signing_up.join()
        assert (code, " differ" in out) == (1, False)
        assert "has " + str(tmp_path / "ostiary.db") + " open" in err
        assert "Stop the server, and run the same command once more" in err
    code, out, err = _copy(tmp_path, empty_database)
    assert (code, err) == (0, "")
    secret = (tmp_path / "secret.key").read_text().strip()
    assert f'export OSTIARY_SECRET_KEYS="$(cat {tmp_path}/secret.key)"' in out
    assert secret not in out
    moved = {"OSTIARY_DATABASE_URL": empty_database, "OSTIARY_SECRET_KEYS": secret, **UNLIMITED}
    with serving(tmp_path, **moved) as server:
        for number in (0, *made):
            body = {"email": f"user{number}@example.com", "password": PASSWORD}
            assert httpx.post(f"{server.url}{API}/signin", json=body).status_code == 200
        body = {"refresh_token": first["tokens"]["refresh_token"]}
        assert httpx.post(f"{server.url}{API}/refresh", json=body).status_code == 200
        code, _, err = _copy(tmp_path, empty_database)
        assert (code, "stop every Ostiary and close every client" in err) == (1, True)
    # Whoever has moved cannot lose what happened since by moving again.
    code, _, err = _copy(tmp_path, empty_database)
    assert (code, "was used by a server since it was copied" in err) == (1, True)


def _sign_up(url: str, number: int) -> dict[str, dict[str, str]]:
    body = signup_body(email=f"user{number}@example.com")
    answer = httpx.post(f"{url}{API}/signup", json=body, timeout=PATIENCE)
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


def _keep_signing_up(url: str, stop: Event, made: list[int]) -> None:
    number = 1
    while not stop.wait(0.2):
        _sign_up(url, number)
        made.append(number)
        number += 1


def _add_events(file: Path, count: int) -> None:
    """A log that takes a copy a while, and that no action writes within a test's time."""
    rows = [(f"evt_{number:026}", "user.created", "2026-03-01", "{}") for number in range(count)]
    with closing(sqlite3.connect(file, timeout=PATIENCE)) as connection, connection:
        connection.executemany("INSERT INTO event (id, type, at, data) VALUES (?, ?, ?, ?)", rows)


def _kill_in_the_middle(folder: Path, target: str) -> None:
    """Start a copy, and kill it when some of the events have arrived."""
    process = subprocess.Popen(
        [sys.executable, "-m", "ostiary", "database", "copy"],
        cwd=folder,
        env=environment(folder, **{VARIABLE: target}),
        stdout=subprocess.DEVNULL,
    )
    arrived = 0
    deadline = time.monotonic() + PATIENCE
    while not arrived and time.monotonic() < deadline and process.poll() is None:
        arrived = _arrived(target)
        time.sleep(0.02)  # another process is waited for
    process.kill()
    assert process.wait(PATIENCE) == -signal.SIGKILL
    assert 0 < _arrived(target) < 8_000


def _arrived(target: str) -> int:
    with psycopg.connect(target) as connection:
        found = connection.execute("SELECT to_regclass('event')").fetchone()
        if found is None or found[0] is None:
            return 0
        counted = connection.execute("SELECT count(*) FROM event").fetchone()
        return int(counted[0]) if counted else 0
