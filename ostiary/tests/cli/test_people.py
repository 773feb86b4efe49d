"""What an operator does to accounts says what was done, or what was not and what to do next."""

import asyncio
import json
from pathlib import Path

import pytest
from inbox import deliver
from mail.letters import Failing, outbox, write
from mfa import protect

from cli.sequence import Line, run
from cli.terminal import terminal
from ostiary.kernel.mail import MailRefused
from ostiary.runtime import open_runtime
from ostiary.settings import Settings
from ostiary.users.actions import find

pytestmark = pytest.mark.usefixtures("installed")

PASSWORD = "correct horse battery"
ROOT, ADA = "root@example.com", "ada@example.com"


async def _sign_in(folder: Path) -> None:
    """Ada has a second factor, and a session that it opened."""
    async with open_runtime(Settings(database_url=f"sqlite:///{folder}/ostiary.db")) as rt:
        await protect(rt, await find(rt, ADA))


async def _put_aside(folder: Path) -> str:
    """A message that the server has refused for good; its id."""
    settings = Settings(database_url=f"sqlite:///{folder}/ostiary.db")
    async with open_runtime(settings, mailer=Failing(MailRefused("550"))) as rt:
        await write(rt, ADA)
        await deliver(rt)
        return str((await outbox(rt))[0].id)


def test_accounts_come_and_go(tmp_path: Path) -> None:
    create = f"user create {ROOT} --admin --password-stdin"
    last = f"{ROOT} is the last administrator that can sign in, and nothing was changed. "
    said = run(
        tmp_path,
        Line("user list", "There is no account yet. `ostiary user create` and "),
        Line("user list --json"),
        Line(create, f"Created the administrator {ROOT} (usr_", stdin=PASSWORD),
        Line(create, refuses=f"{ROOT} has an account already. ", stdin=PASSWORD),
        Line(create, refuses="Password: standard input is empty. "),
        Line(f"user create {ADA}", refuses="Password: standard input is no terminal, so "),
        Line(f"user delete {ROOT} --yes", refuses=last),
        Line(f"user demote {ROOT}", refuses=last),
        Line(f"user suspend {ROOT}", refuses=last),
        Line(f"user invite {ADA} --username ada", f"Invited the user {ADA} (usr_"),
        Line(f"user invite {ADA} --json", '{"id": "usr_'),
        Line(f"user invite {ADA} --admin", refuses=f"{ADA} was invited with another role or "),
        Line(f"user invite {ROOT}", refuses=f"{ROOT} has an account with a password, so no "),
        Line("user invite b@example.com --username ADA", refuses="Another account has the user "),
        Line(f"user promote {ADA}", f"Promoted {ADA} to administrator.\n"),
        Line(f"user promote {ADA}", refuses=f"{ADA} is an administrator already. "),
        Line("user demote ADA@example.com", f"Demoted {ADA} to user.\n"),
        Line(f"user demote {ADA}", refuses=f"{ADA} is not an administrator. "),
        Line(f"user set-password {ROOT}", f"The server mails {ROOT} a link to choose "),
        Line(f"user delete {ADA}", refuses="Standard input is no terminal, so nobody can confirm"),
        Line("user list --role user --json", '{"id": "usr_'),
        Line("user list --email zz", "There is no such account.\n"),
        Line("user delete b@example.com --yes", refuses="There is no account with the email b@"),
    )
    assert said[1] == ""
    assert "works once, until " in said[9]
    assert f'"email": "{ADA}"' in said[10]
    assert "works once, for 1 hour. " in said[18]
    id = json.loads(said[20])["id"]
    for typed, ended in ((ROOT, 1), (ADA, 0)):
        with terminal(tmp_path, "user", "delete", ADA) as operator:
            operator.wait_for("Type the email to delete the account: ")
            operator.type(f"{typed}\n")
            assert operator.end() == ended
            assert ("Nothing was deleted." in operator.shown) == (typed == ROOT)
    assert f"Deleted {ADA} ({id}); 0 sessions ended.\n" in operator.shown
    [gone, listed, newest] = run(
        tmp_path,
        Line(f"user delete {ADA} --yes", refuses=f"There is no account with the email {ADA}. "),
        Line(f"events list --subject {id} --json"),
        Line(f"events list --subject {ROOT} --limit 1"),
    )
    assert gone.endswith("`ostiary user list` shows all.\n")
    rows = [json.loads(line) for line in listed.splitlines()]
    assert [row["type"] for row in rows[:4]] == [
        *("user.deleted", "user.demoted", "user.promoted", "user.invited")
    ]
    assert {row["actor"] for row in rows} == {None}
    assert rows[0]["at"].endswith("Z")
    [line] = newest.splitlines()
    assert "  password.reset_requested  usr_" in line


def test_accounts_are_shut_and_opened_and_freed_of_second_factors(tmp_path: Path) -> None:
    run(tmp_path, Line(f"user create {ADA} --password-stdin", "Created", stdin=PASSWORD))
    asyncio.run(_sign_in(tmp_path))
    run(
        tmp_path,
        Line(f"user suspend {ADA}", f"Suspended {ADA}; 1 session shut out.\n"),
        Line(f"user suspend {ADA}", refuses=f"{ADA} is suspended already. `ostiary user reacti"),
        Line("user list --status suspended --email AD", "usr_"),
        Line(f"user set-password {ADA}", refuses=f"{ADA} is suspended, so no link would work. "),
        Line("user reactivate ADA@example.com", f"Reactivated {ADA}; 1 session let in again.\n"),
        Line(f"user reactivate {ADA}", refuses=f"{ADA} is active already. "),
        Line(
            f"user reset-mfa {ADA}",
            f"Took the second factors of {ADA} away (backup_code, totp); 1 session ended.\n",
        ),
        Line(f"user reset-mfa {ADA}", refuses=f"{ADA} has no second factor. "),
    )


def test_events_and_mail_say_what_there_is(tmp_path: Path) -> None:
    aside = asyncio.run(_put_aside(tmp_path))
    *_, listed, _ = run(
        tmp_path,
        Line(
            "events list --type signin.fail",
            refuses="There is no type of event called signin.fail. The nearest are signin.failed, ",
        ),
        Line("events list --type signup", refuses="There is no type of event called signup. The "),
        Line("events list --after yesterday", refuses="--after: yesterday is not a time. Write a "),
        Line("events list --after 2026-11-22T10:00:00", refuses="--after: 2026-11-22T10:00:00 is"),
        Line("events list --before 0001-01-01T00:00:00+14:00", refuses="--before: 0001-01-01T00"),
        Line("events list --type signin.failed", "There is no such event.\n"),
        Line("events list --after 2026-01-01 --before 2026-01-02T00:00:00Z --json"),
        Line(
            f"mail test {ADA}",
            refuses=f"127.0.0.1:1 did not take the message to {ADA}: nothing listens at this host "
            "and port. Check `mail.url`: the host, the port, ",
        ),
        Line(
            f"mail retry {aside} mail_none",
            "1 message will be tried again.\n",
            refuses="No message with this id was put aside: mail_none. `ostiary mail list` shows ",
        ),
        Line("mail retry --all", "0 messages will be tried again.\n"),
        Line("mail list", f"{aside}  "),
        Line("user list --json"),
        OSTIARY_MAIL__URL="smtp://127.0.0.1:1?tls=never",
    )
    assert "  waiting  " in listed
