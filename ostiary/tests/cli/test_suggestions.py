"""A command that a message suggests means the account's email, whatever a shell reads in it."""

import re
import subprocess
from pathlib import Path

import pytest

from cli.sequence import Line, run

pytestmark = pytest.mark.usefixtures("installed")

PASSWORD = "correct horse battery"
HOSTILE = [
    "a&touch${IFS}x&@x.example",
    "a`touch${IFS}y`@x.example",
    "--yes@x.example",
]


def _as_a_shell_reads(message: str, folder: Path) -> list[str]:
    """The arguments of the command that `message` suggests, where a real shell runs the line."""
    found = re.search(r"`(ostiary .*)`(?= |\.|$)", message)
    assert found, message
    script = f"ostiary() {{ printf '%s\\n' \"$@\"; }}\n{found[1]}"
    done = subprocess.run(["sh", "-c", script], cwd=folder, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, ""), found[1]
    return done.stdout.splitlines()


def test_the_email_is_one_argument_of_a_suggested_command(tmp_path: Path) -> None:
    # The attacker signs up with an email that is a shell command, or an option.
    # An operator copies a suggested command out of a message about that account.
    # The shell hands the email over as one argument, and the command takes it as an email.
    lines = []
    for email in HOSTILE:
        lines += [
            Line(f"user create -- {email}", refuses="Password: standard input is no terminal"),
            Line(f"user invite -- {email}", f"Invited the user {email} "),
            Line(f"user invite --admin -- {email}", refuses=f"{email} was invited with another"),
            Line(f"user suspend -- {email}", f"Suspended {email}"),
            Line(f"user set-password -- {email}", refuses=f"{email} is suspended, so no link"),
            Line(f"user delete --yes -- {email}", f"Deleted {email}"),
            Line(f"user create --password-stdin -- {email}", "Created", stdin=PASSWORD),
            Line(
                f"user create --password-stdin -- {email}",
                refuses=f"{email} has an account already. ",
                stdin=PASSWORD,
            ),
            Line(f"user invite -- {email}", refuses=f"{email} has an account with a password"),
            Line(f"user promote -- {email}", refuses=f"The email {email} was never verified, so "),
        ]
    said = run(tmp_path, *lines, OSTIARY_HASHING__MEMORY_KIB="64", OSTIARY_HASHING__ITERATIONS="1")
    suggested = set()
    for line, message in zip(lines, said, strict=True):
        if not line.refuses:
            continue
        group, command, *rest = _as_a_shell_reads(message, tmp_path)
        email = line.command.rpartition(" ")[2]
        dashes = ["--"] if email.startswith("-") else []
        expected = [f"--email={email}"] if command == "list" else [*dashes, email]
        assert (group, rest) == ("user", expected), message
        suggested.add(command)
    assert suggested == {"invite", "promote", "reactivate", "list", "set-password"}
    assert not {"x", "y"} & {file.name for file in tmp_path.iterdir()}
