"""`config check` tries all that `serve` needs, names what fails and why, and sends nothing."""

import os
import socket
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from postoffice import open_post_office
from sqlalchemy.engine import make_url

from cli.running import command
from ostiary.cli.checking import check
from ostiary.cli.failures import explained
from ostiary.cli.outcomes import CommandFailed
from ostiary.settings import Settings

KEY = "a" * 43 + "="


@pytest.fixture
def closed_port() -> Iterator[int]:
    """A port of this machine on which nobody listens, and nobody else can."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield held.getsockname()[1]


def _settings(folder: Path, **values: object) -> Settings:
    url = f"sqlite:///{folder}/ostiary.db"
    return Settings.model_validate({"database_url": url, **values})


async def _found(settings: Settings) -> dict[str, tuple[bool, str]]:
    checked = await check(settings, file=None)
    return {one.name: (one.is_ok, one.text) for one in checked}


async def test_every_failure_is_told_with_its_place_and_what_to_do(
    installed: Path, closed_port: int
) -> None:
    broken = installed / "brand" / "mail"
    broken.mkdir(parents=True)
    (broken / "layout.html").write_text("<p>\n{% if %}\n")
    away = f"127.0.0.1:{closed_port}"
    found = await _found(
        _settings(
            installed,
            redis_url=f"redis://:hunter2@{away}/0",
            mail={"url": f"smtp://id:hunter2@{away}"},
            brand={"templates": str(installed / "brand")},
        )
    )
    assert found["redis"] == (
        False,
        f"Redis at redis://:***@{away}/0 refuses connections. Start Redis there, or correct "
        "redis_url.",
    )
    assert found["mail"] == (
        False,
        f"smtp://id:***@{away}: nothing listens at this host and port. Mend that, or change "
        "mail.url.",
    )
    is_ok, says = found["templates"]
    assert not is_ok
    assert says.startswith(f"{broken}/layout.html, line 2: ")
    assert says.endswith(". Mend the file, or remove it.")
    assert {name for name, (is_ok, _) in found.items() if is_ok} == {
        "settings",
        "secret keys",
        "database",
    }


async def test_a_mail_server_is_asked_and_gets_nothing(installed: Path) -> None:
    async with open_post_office() as office:
        found = await _found(_settings(installed, mail={"url": office.url()}))
        assert found["mail"][0], found
        assert "the server answers" in found["mail"][1]
        assert office.received == []


async def test_a_folder_for_mail_is_looked_at_and_not_made(installed: Path) -> None:
    found = await _found(_settings(installed, mail={"url": f"file://{installed}/new/mail"}))
    assert found["mail"][0]
    assert not (installed / "new").exists()
    (installed / "ostiary.db").chmod(0o700)  # not a folder, whatever its permissions
    found = await _found(_settings(installed, mail={"url": f"file://{installed}/ostiary.db/mail"}))
    assert not found["mail"][0]
    assert f"the folder {installed}/ostiary.db cannot be written" in found["mail"][1]


async def test_a_key_that_opens_nothing_is_found(installed: Path) -> None:
    found = await _found(_settings(installed, secret_keys=(KEY,)))
    assert found["database"][0], "nothing is sealed yet"
    with closing(sqlite3.connect(installed / "ostiary.db")) as database, database:
        database.execute(
            "INSERT INTO signing_key VALUES ('k', 1, 'ES256', x'01', '2026-01-01', '2026-01-01')"
        )
    found = await _found(_settings(installed, secret_keys=(KEY,)))
    assert found["database"] == (
        False,
        "secret_keys: none of them opens the signing keys of the database "
        f"{installed}/ostiary.db. Put back the key that was in use when they were made.",
    )


def test_the_command_tries_all_and_exits_with_one(installed: Path, closed_port: int) -> None:
    os.chmod(installed / "secret.key", 0o644)
    os.chmod(installed / "ostiary.db", 0o640)
    (installed / "ostiary.toml").write_text(f'redis_url = "redis://127.0.0.1:{closed_port}"')
    before = sorted(one.name for one in installed.iterdir())
    checked = command(installed, "config", "check")
    assert checked.returncode == 1, checked.stderr
    assert [line.split()[0] for line in checked.stdout.splitlines()] == [
        *("ok", "ok", "ok", "FAILED", "ok", "ok")
    ]
    lines = checked.stdout.splitlines()
    assert lines[0].endswith(f"ostiary.toml in {installed}, 1 OSTIARY_… variable")
    assert lines[1].endswith(f"other users can read it: run `chmod 600 {installed}/secret.key`")
    assert lines[2].endswith(f"other users can read it: run `chmod 600 {installed}/ostiary.db`")
    assert sorted(one.name for one in installed.iterdir()) == before


@pytest.mark.parametrize(
    "path", [("config", "check"), ("user", "list"), ("serve", "--port", "0"), ("migrate",)]
)
def test_postgresql_that_is_away_is_named_without_its_password(
    tmp_path: Path, closed_port: int, path: tuple[str, ...]
) -> None:
    settings = {
        "OSTIARY_DATABASE_URL": f"postgresql://me:hunter2@127.0.0.1:{closed_port}/ids",
        "OSTIARY_SECRET_KEYS": KEY,
    }
    refused = command(tmp_path, *path, **settings)
    assert refused.returncode == 1
    said = refused.stdout + refused.stderr
    assert (
        f"The database postgresql://me:***@127.0.0.1:{closed_port}/ids refuses connections. "
        "Start PostgreSQL there, or correct database_url." in said
    )
    assert len(refused.stderr.splitlines()) == (0 if path == ("config", "check") else 1)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif("TEST_DATABASE_URL" not in os.environ, reason="it asks a PostgreSQL server")
# hermetic: ignore[H007] what a real server answers; `make test-services` runs it
async def test_what_postgresql_refuses_is_told(settings: Settings) -> None:
    url = make_url(settings.database_url)
    for changed, says in (
        (url.set(database="nowhere_at_all"), "does not exist. Create it with `createdb`"),
        (url.set(username="nobody_at_all"), "does not let this user in."),
        (url.set(host="nowhere.invalid"), "has no address: the name nowhere.invalid is unknown"),
        (url.set(query={"sslmode": "require"}), "offers no TLS, and database_url asks for it."),
        (
            url.set(query={"sslmode": "verify-full"}),
            "Set the variable PGSSLROOTCERT to such a file",
        ),
    ):
        text = changed.render_as_string(hide_password=False)
        other = Settings(**settings.model_dump() | {"database_url": text})
        is_ok, said = (await _found(other))["database"]
        assert not is_ok
        assert says in said


def test_an_error_of_another_kind_is_not_the_databases(tmp_path: Path) -> None:
    with pytest.raises(LookupError), explained(_settings(tmp_path)):
        raise LookupError
    away = Settings(database_url="postgresql://me@127.0.0.1/ids")
    with pytest.raises(FileNotFoundError), explained(away):
        (tmp_path / "missing").read_bytes()
    with pytest.raises(CommandFailed, match="does not answer in time"), explained(away):
        raise TimeoutError
