"""Only `serve` and `migrate` make an installation. Every other command leaves a folder as it is."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer.main

from cli.running import command, run_each
from ostiary.cli.commands import app

Path_ = tuple[str, ...]

MAKERS = {("serve",), ("migrate",)}
SPEAKERS = {("version",), ("config", "show")}  # they open nothing, and answer everywhere
GIVEN: dict[Path_, list[str]] = {("database", "copy"): ["--to", "postgresql://127.0.0.1:9/none"]}
"""Arguments of a command that wants something else than an email address for each."""


def _commands(found: Any, path: Path_ = ()) -> Iterator[tuple[Path_, list[str]]]:
    """Every command there is, as a call that is complete."""
    if hasattr(found, "commands"):
        for name, child in found.commands.items():
            yield from _commands(child, (*path, name))
        return
    values = []
    for one in found.params:
        if one.required:
            named = [max(one.opts, key=len)] if one.param_type_name == "option" else []
            values += [*named, "ada@example.com"]
        if one.name == "all_of_them":
            values.append("--all")
    yield path, [*path, *GIVEN.get(path, values)]


def _openers() -> dict[Path_, list[str]]:
    found = dict(_commands(typer.main.get_command(app)))
    assert found.keys() >= MAKERS | SPEAKERS
    return {path: call for path, call in found.items() if path not in MAKERS | SPEAKERS}


def _said(did: dict[str, Any]) -> str:
    return str(did["stdout"] + did["stderr"])


def test_nothing_is_made_in_an_empty_folder(tmp_path: Path) -> None:
    missing = (
        f"The database var/ostiary.db does not exist in the working folder {tmp_path}. Run the "
        "command in the folder of your installation, or set database_url to an absolute path. "
        "`ostiary serve` starts a new installation.\n"
    )
    for path, did in run_each(tmp_path, _openers()).items():
        assert (did["files"], did["exit_code"]) == ([], 1), path
        assert missing in _said(did), path
        if path != ("config", "check"):
            assert did["stderr"].endswith(f"ostiary: {missing}"), path


def test_a_database_without_its_tables_or_its_key_is_left_so(tmp_path: Path) -> None:
    (tmp_path / "var").mkdir()
    file = tmp_path / "var" / "ostiary.db"
    file.touch()
    some: dict[Path_, list[str]] = {
        path: call
        for path, call in _openers().items()
        if path in {("config", "check"), ("keys", "rotate"), ("setup-link",), ("worker",)}
    }
    assert len(some) == 4
    for path, did in run_each(tmp_path, some).items():
        assert "var/ostiary.db has no tables yet" in _said(did), path
        assert "Run `ostiary migrate`." in _said(did), path
        assert did["exit_code"] == 1, path
    assert file.read_bytes() == b""
    assert [one.name for one in file.parent.iterdir()] == ["ostiary.db"]
    command(tmp_path, "migrate", OSTIARY_DATABASE_URL="sqlite:///var/ostiary.db")
    (tmp_path / "var" / "secret.key").unlink()
    before = file.read_bytes()
    for path, did in run_each(tmp_path, some).items():
        assert "The secret key var/secret.key does not exist in the working" in _said(did), path
        assert did["exit_code"] == 1, path
    assert file.read_bytes() == before
    assert [one.name for one in file.parent.iterdir()] == ["ostiary.db"]


def test_migrate_makes_both_files_and_says_where_once(tmp_path: Path) -> None:
    place = {"OSTIARY_DATABASE_URL": "sqlite:///var/ostiary.db"}
    made = command(tmp_path, "migrate", **place)
    assert made.stdout == (
        f"Created the database var/ostiary.db and its secret key var/secret.key in {tmp_path}. "
        "Back up both, and keep the copies apart.\n"
        "The database var/ostiary.db is at migration 0003 now: 3 migrations run.\n"
    )
    assert sorted(one.name for one in (tmp_path / "var").iterdir()) == ["ostiary.db", "secret.key"]
    again = command(tmp_path, "migrate", **place)
    assert again.stdout == "The database var/ostiary.db is at migration 0003 already.\n"
    checked = command(tmp_path, "config", "check", **place)
    assert checked.returncode == 0, checked.stdout
    assert (
        "ok      database     sqlite:///var/ostiary.db, 12 tables, migration 0003" in checked.stdout
    )
    assert sorted(one.name for one in (tmp_path / "var").iterdir()) == ["ostiary.db", "secret.key"]


@pytest.mark.parametrize("path", sorted(MAKERS), ids=" ".join)
def test_a_maker_that_is_refused_leaves_nothing_either(path: Path_, tmp_path: Path) -> None:
    (tmp_path / "data").touch()
    settings = {"OSTIARY_DATABASE_URL": "sqlite:///data/ostiary.db"}
    free = ["--port", "0"] if path == ("serve",) else []
    refused = command(tmp_path, *path, *free, **settings)
    assert refused.returncode == 1
    assert refused.stderr.startswith(f"ostiary: The folder data in {tmp_path} cannot be created: ")
    assert len(refused.stderr.splitlines()) == 1
    assert [one.name for one in tmp_path.iterdir()] == ["data"]
