"""Commands do one thing, say what was wrong in one line, and never show a traceback."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from cli.running import PATIENCE, command, environment, run_each

PASSWORD = "correct horse battery"

pytestmark = pytest.mark.usefixtures("installed")


def test_a_user_is_created_and_listed(tmp_path: Path) -> None:
    created = command(
        tmp_path,
        *(
            "user",
            "create",
            "Root@Example.com",
            "--admin",
            "--verified",
            "--password-stdin",
            "--json",
        ),
        stdin=f"{PASSWORD}\n",
    )
    assert created.returncode == 0, created.stderr
    listed = command(tmp_path, "user", "list", "--json")
    rows = [json.loads(line) for line in listed.stdout.splitlines()]
    assert [(row["id"], row["email"], row["role"], row["status"]) for row in rows] == [
        (json.loads(created.stdout)["id"], "Root@Example.com", "administrator", "active")
    ]


def test_a_rotated_key_is_published_before_it_signs(tmp_path: Path) -> None:
    first = command(tmp_path, "keys", "list").stdout.split()[0]
    rotated = command(tmp_path, "keys", "rotate").stdout
    said = re.fullmatch(r"The signing key (\S+) is published, and signs from (.*) on\.\n", rotated)
    assert said is not None
    added = said[1]
    rows = [line.split()[:3] for line in command(tmp_path, "keys", "list").stdout.splitlines()]
    assert rows == [[added, "ES256", "published"], [first, "ES256", "signing"]]
    leaked = json.loads(command(tmp_path, "keys", "rotate", "--now", "--json").stdout)["kid"]
    listed = command(tmp_path, "keys", "list", "--json").stdout.splitlines()
    states = {row["kid"]: row["state"] for row in map(json.loads, listed)}
    assert states == {leaked: "signing", added: "overtaken", first: "verifying"}


def test_config_show_prints_every_setting_and_no_secret(tmp_path: Path) -> None:
    secret = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="
    checked = command(
        tmp_path,
        *("config", "show"),
        OSTIARY_SECRET_KEYS=secret,
        OSTIARY_DATABASE_URL="postgresql://ostiary:hunter2@db.example/ostiary",
        OSTIARY_REDIS_URL="rediss://:hunter2@cache.example:6379/0",
        OSTIARY_MAIL__URL="smtp://id%40mail.example:hunter2@mail.example:25?tls=required",
    )
    assert checked.returncode == 0
    assert "hunter2" not in checked.stdout
    assert "mail.url = smtp://id%40mail.example:***@mail.example:25?tls=required" in checked.stdout
    assert "mail.from = \n" in checked.stdout
    assert "database_url = postgresql://ostiary:***@db.example/ostiary" in checked.stdout
    assert "redis_url = rediss://:***@cache.example:6379/0" in checked.stdout
    assert "secret_keys = (hidden)" in checked.stdout
    assert secret not in checked.stdout
    assert "refresh.retry_window = 10" in checked.stdout


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        (
            {"OSTIARY_PUBLIC": "x"},
            "ostiary: OSTIARY_PUBLIC: there is no such setting. Did you mean OSTIARY_PUBLIC_URL?\n",
        ),
        ({"OSTIARY_SECRET_KEYS": "short"}, "ostiary: OSTIARY_SECRET_KEYS: use the base64 of 32"),
        ({"OSTIARY_DATABASE_URL": "mysql://db/x"}, "ostiary: OSTIARY_DATABASE_URL: use sqlite:"),
        ({"OSTIARY_DATABASE_URL": "postgresql://db/x"}, "ostiary: secret_keys: PostgreSQL needs"),
        ({"OSTIARY_SIGNUP__MODE": "ajar"}, "ostiary: OSTIARY_SIGNUP__MODE: use 'open' or"),
    ],
)
def test_a_bad_setting_is_named(tmp_path: Path, settings: dict[str, str], says: str) -> None:
    refused = command(tmp_path, "user", "list", **settings)
    assert refused.returncode == 1
    assert refused.stderr.startswith(says)
    assert "Traceback" not in refused.stderr


def test_an_unknown_key_in_the_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "ostiary.toml").write_text("[signup]\nmood = 'open'\n")
    refused = command(tmp_path, "config", "check")
    assert refused.returncode == 1
    assert refused.stderr == (
        "ostiary: signup.mood: there is no such setting. Did you mean signup.mode?\n"
    )


def test_a_file_that_was_named_must_be_there(tmp_path: Path) -> None:
    refused = command(tmp_path, "--config", "absent.toml", "config", "check")
    assert refused.returncode == 1
    assert refused.stderr == (
        "ostiary: absent.toml does not exist. Correct --config, or leave it out.\n"
    )


@pytest.mark.parametrize(
    ("email", "password", "says"),
    [
        ("nobody", PASSWORD, "ostiary: Email: enter an address such as ada@example.com.\n"),
        ("a@example.com", "short", "ostiary: Password: use at least 8 characters.\n"),
        (
            "a@example.com",
            "password1",
            "ostiary: Password: this is one of the most common passwords. Choose another one.\n",
        ),
    ],
)
def test_a_user_that_cannot_be_created_is_refused_with_the_reason(
    tmp_path: Path, email: str, password: str, says: str
) -> None:
    refused = command(tmp_path, "user", "create", email, "--password-stdin", stdin=password)
    assert (refused.returncode, refused.stderr) == (1, says)


def test_wrong_usage_is_exit_code_two_and_told_in_one_line(tmp_path: Path) -> None:
    calls = {
        "user create": "Email: this is required. Add it; `ostiary user create --help` describes "
        "it.",
        "user list --role boss": "--role: use user or administrator.",
        "serve --port eight": "--port: use a whole number.",
        "serve --port 99999": "--port: use at most 65535.",
        "serve --workers 0": "--workers: use at least 1.",
        "serve --port": "--port: this option needs a value. Write the value behind --port.",
        "user list --json=3": "--json: this option takes no value. Write only --json.",
        "user list --rol user": "--rol: `ostiary user list` has no such option. Did you mean "
        "--role?",
        "version x y": "x y: `ostiary version` takes fewer arguments. Leave this out.",
        "seve": "seve: `ostiary` has no such command. Did you mean `ostiary serve`?",
        "fly": "fly: `ostiary` has no such command. `ostiary --help` lists the commands.",
        "--config x.toml": "`ostiary` needs a command behind it. `ostiary --help` lists the "
        "commands.",
    }
    for call, did in run_each(tmp_path, {call: call.split() for call in calls}).items():
        told = (did["exit_code"], did["stdout"], did["stderr"])
        assert told == (2, "", f"ostiary: {calls[call]}\n"), call


def test_a_command_without_arguments_shows_its_help(tmp_path: Path) -> None:
    did = run_each(tmp_path, {"user": ["user"], "help": ["user", "--help"]})
    assert [one["exit_code"] for one in did.values()] == [2, 0]
    assert did["user"]["stderr"] == ""
    assert did["user"]["stdout"].split() == did["help"]["stdout"].split()
    assert "reactivate" in did["user"]["stdout"]


def test_version_is_printed(tmp_path: Path) -> None:
    assert command(tmp_path, "version").stdout == "0.1.0\n"
    assert command(tmp_path, "--version").stdout == "ostiary 0.1.0\n"


def test_a_reader_that_stops_reading_is_no_failure_to_speak_of(tmp_path: Path) -> None:
    # As in `ostiary config show | head -1`.
    process = subprocess.Popen(
        [sys.executable, "-u", "-m", "ostiary", "config", "show"],
        cwd=tmp_path,
        env=environment(tmp_path),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    assert process.stderr.read() == b""
    process.stderr.close()
    assert process.wait(PATIENCE) == 1


def test_bash_completes_commands(tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "ostiary").write_text(
        f'#!/bin/sh\nexec "{sys.executable}" -m ostiary "$@"\n'
    )
    (tmp_path / "bin" / "ostiary").chmod(0o700)
    script = """
        eval "$(ostiary --show-completion)"
        complete -p ostiary >/dev/null || exit 1
        COMP_WORDS=(ostiary config "")
        COMP_CWORD=2
        _ostiary_completion ostiary
        echo "${COMPREPLY[@]}"
    """
    variables = environment(tmp_path)
    completed = subprocess.run(
        ["bash", "--norc", "-c", script],
        cwd=tmp_path,
        env={**variables, "PATH": f"{tmp_path}/bin:{variables['PATH']}"},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    assert (completed.returncode, completed.stderr) == (0, "")
    assert sorted(completed.stdout.split()) == ["check", "show"]
