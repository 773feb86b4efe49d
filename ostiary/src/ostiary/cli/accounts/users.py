"""`user create | invite | list | delete`: accounts come, are looked at and go.

What changes an account is in `cli.accounts.access`, which adds its commands to the same group.
"""

import json
import sys
from datetime import UTC
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from ostiary.cli.accounts import sentences
from ostiary.cli.accounts.lookup import EmailArgument, account, on_account, valid
from ostiary.cli.opening import settings_of, with_runtime
from ostiary.cli.outcomes import CommandFailed, count
from ostiary.runtime import Runtime

if TYPE_CHECKING:
    # Imported where it is used: no other command waits for it.
    from ostiary.admin.users import Changed
    from ostiary.users.actions import NewUser, Profile

user = typer.Typer(no_args_is_help=True, help="Create, invite, list, change and delete accounts.")

AsObject = Annotated[bool, typer.Option("--json", help="Print one JSON object")]


@user.command("create")
def user_create(
    context: typer.Context,
    email: EmailArgument,
    admin: Annotated[bool, typer.Option("--admin", help="Make it an administrator's")] = False,
    verified: Annotated[bool, typer.Option("--verified", help="The email is known good")] = False,
    username: Annotated[str | None, typer.Option(help="A user name")] = None,
    password_stdin: Annotated[
        bool, typer.Option("--password-stdin", help="Read the password from standard input")
    ] = False,
    as_json: AsObject = False,
) -> None:
    """Create an account. The password is asked for, or read from standard input."""
    from ostiary.authenticators.password import Password
    from ostiary.installation import finding
    from ostiary.kernel.origin import LOCAL
    from ostiary.signin.signup import create_user
    from ostiary.users.actions import EmailTaken, UsernameTaken

    new = _new_user(email, username, is_admin=admin, is_verified=verified)
    # Looked for first: without an installation, nobody types a password for nothing. Asked before
    # the event loop runs, which would keep Ctrl+C from a prompt.
    finding.find(settings_of(context))
    plain = valid("password", Password, _read_password(email, from_stdin=password_stdin))

    async def run(rt: Runtime) -> "Profile":
        try:
            return await create_user(rt, new, plain, origin=LOCAL)
        except EmailTaken:
            raise CommandFailed(sentences.email_taken(email)) from None
        except UsernameTaken:
            raise CommandFailed(sentences.username_taken(username)) from None

    profile = with_runtime(context, run)
    if as_json:
        print(json.dumps(_row(profile)))
        return
    print(f"Created {sentences.noun(profile)} {profile.email} ({profile.id}).")


@user.command("invite")
def user_invite(
    context: typer.Context,
    email: EmailArgument,
    admin: Annotated[bool, typer.Option("--admin", help="Make it an administrator's")] = False,
    username: Annotated[str | None, typer.Option(help="A user name")] = None,
    as_json: AsObject = False,
) -> None:
    """Create an account and mail its owner a link to choose a password; again: another link."""
    from ostiary.admin.invitations import Differs, HasPassword, Invited, invite
    from ostiary.admin.users import Shut
    from ostiary.kernel.origin import LOCAL
    from ostiary.users.actions import EmailTaken, UsernameTaken

    new = _new_user(email, username, is_admin=admin, is_verified=False)

    async def run(rt: Runtime) -> Invited:
        try:
            outcome = await invite(rt, new, origin=LOCAL)
        except EmailTaken:
            raise CommandFailed(f"{email} has a new account. Run the command again.") from None
        except UsernameTaken:
            raise CommandFailed(sentences.username_taken(username)) from None
        match outcome:
            case Invited():
                return outcome
            case HasPassword(profile):
                raise CommandFailed(sentences.has_password(profile))
            case Differs(profile):
                raise CommandFailed(sentences.differs(profile))
            case Shut():
                raise CommandFailed(sentences.suspended(email))

    invited = with_runtime(context, run)
    profile, until = invited.profile, invited.expires_at.astimezone(UTC)
    if as_json:
        print(json.dumps(_row(profile) | {"expires_at": until.isoformat()}))
        return
    again = "" if invited.is_new else " again; earlier links have ended"
    print(
        f"Invited {sentences.noun(profile)} {profile.email} ({profile.id}){again}. The "
        f"server mails the link, which works once, until {until:%Y-%m-%d %H:%M} UTC."
        f"{sentences.leads_to(settings_of(context))}"
    )


@user.command("list")
def user_list(
    context: typer.Context,
    email: Annotated[str | None, typer.Option(help="Only emails that start like this")] = None,
    role: Annotated[
        Literal["user", "administrator"] | None, typer.Option(help="Only this role")
    ] = None,
    status: Annotated[
        Literal["active", "suspended"] | None, typer.Option(help="Only this status")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line")] = False,
) -> None:
    """List accounts, oldest first."""
    from ostiary.users.actions import Filter, listed

    which = Filter(email_prefix=email, role=role, status=status)

    def show(one: "Profile") -> None:
        if as_json:
            print(json.dumps(_row(one)))
            return
        print(f"{one.id}  {one.created_at:%Y-%m-%d}  {one.role:13}  {one.status:9}  {one.email}")

    async def run(rt: Runtime) -> bool:
        after = ""
        while page := await listed(rt, after=after, limit=100, which=which):
            for one in page:
                show(one)
            after = page[-1].id
        return after == ""

    is_empty = with_runtime(context, run)
    if is_empty and not as_json:
        is_all = which == Filter()
        hint = "`ostiary user create` and `ostiary user invite` make one."
        print(f"There is no account yet. {hint}" if is_all else "There is no such account.")


@user.command("delete")
def user_delete(
    context: typer.Context,
    email: EmailArgument,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask for the email again")] = False,
) -> None:
    """Delete an account and all that belongs to it, for good. Events keep its id."""
    from ostiary.admin.users import delete
    from ostiary.kernel.origin import LOCAL

    confirmed = None
    if not yes:
        confirmed = with_runtime(context, lambda rt: account(rt, email))
        _confirm(confirmed)

    async def run(rt: Runtime, one: "Profile") -> "Changed":
        # The email may have another owner by now; nobody has confirmed that account.
        if confirmed is not None and one.id != confirmed.id:
            raise CommandFailed(
                f"{email} is the email of another account by now ({one.id}). Nothing was deleted. "
                "Run the command again."
            )
        return await delete(rt, one.id, origin=LOCAL)

    profile, done = with_runtime(
        context, lambda rt: on_account(rt, email, lambda one: run(rt, one))
    )
    print(f"Deleted {profile.email} ({profile.id}); {count(done.sessions, 'session')} ended.")


def _new_user(email: str, username: str | None, *, is_admin: bool, is_verified: bool) -> "NewUser":
    from ostiary.users.actions import NewUser
    from ostiary.users.names import Email, Username

    return NewUser(
        email=valid("email", Email, email),
        username=valid("username", Username, username) if username else None,
        role="administrator" if is_admin else "user",
        email_verified=is_verified,
    )


def _row(one: "Profile") -> dict[str, object]:
    row = {"id": one.id, "email": one.email, "role": one.role, "status": one.status}
    return {**row, "created_at": one.created_at.isoformat()}


def _confirm(profile: "Profile") -> None:
    """Ask for the email once more. Ends the command where it is another one."""
    if not sys.stdin.isatty():
        raise CommandFailed(
            "Standard input is no terminal, so nobody can confirm. "
            f"Add --yes to delete {profile.email} without being asked."
        )
    print(
        f"This deletes {sentences.noun(profile)} {profile.email} ({profile.id}, created on "
        f"{profile.created_at:%Y-%m-%d}) with all that belongs to the account, for good."
    )
    typed: str = typer.prompt("Type the email to delete the account")
    if typed.strip().lower() != profile.email.lower():
        raise CommandFailed("The email that was typed is another one. Nothing was deleted.")


def _read_password(email: str, *, from_stdin: bool) -> str:
    if from_stdin:
        line = sys.stdin.readline().rstrip("\r\n")
        if not line:
            raise CommandFailed(
                "Password: standard input is empty. Pipe the password in, on one line."
            )
        return line
    if not sys.stdin.isatty():
        raise CommandFailed(sentences.nobody_to_ask(email))
    prompted: str = typer.prompt("Password", hide_input=True, confirmation_prompt=True)
    return prompted
