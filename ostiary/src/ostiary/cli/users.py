"""`user create | invite | list | delete`: accounts come, are looked at and go.

What changes an account is in `cli.access`, which adds its commands to the same group.
"""

import json
import shlex
import sys
from collections.abc import Awaitable, Callable
from datetime import UTC
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeVar

import typer
from pydantic import TypeAdapter, ValidationError

from ostiary.cli.opening import with_runtime
from ostiary.cli.outcomes import CommandFailed, count
from ostiary.kernel.faults import read
from ostiary.kernel.problems import subject
from ostiary.runtime import Runtime
from ostiary.settings import SettingsError

if TYPE_CHECKING:
    # Imported where it is used: no other command waits for it.
    from ostiary.admin.users import Changed
    from ostiary.users.actions import NewUser, Profile

T = TypeVar("T")

user = typer.Typer(no_args_is_help=True, help="Create, invite, list, change and delete accounts.")

EmailArgument = Annotated[str, typer.Argument(help="The email of the account")]
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
    from ostiary.kernel.origin import LOCAL
    from ostiary.signin.signup import create_user
    from ostiary.users.actions import EmailTaken, UsernameTaken

    new = _new_user(email, username, is_admin=admin, is_verified=verified)

    async def run(rt: Runtime) -> "Profile":
        # Asked for here: without a database, nobody types a password for nothing.
        plain = valid("password", Password, _read_password(email, from_stdin=password_stdin))
        try:
            return await create_user(rt, new, plain, origin=LOCAL)
        except EmailTaken:
            raise CommandFailed(_email_taken(email)) from None
        except UsernameTaken:
            raise CommandFailed(_username_taken(username)) from None

    profile = with_runtime(context, run)
    if as_json:
        print(json.dumps(_row(profile)))
        return
    print(f"Created {_noun(profile)} {profile.email} ({profile.id}).")


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
            raise CommandFailed(_username_taken(username)) from None
        match outcome:
            case Invited():
                return outcome
            case HasPassword(profile):
                raise CommandFailed(_has_password(profile))
            case Differs(profile):
                raise CommandFailed(
                    f"{profile.email} was invited with another role or user name. Leave --admin "
                    "and --username out to send another link; `ostiary user promote "
                    f"{quoted(profile.email)}` makes the account an administrator's."
                )
            case Shut():
                raise CommandFailed(suspended(email))

    invited = with_runtime(context, run)
    profile, until = invited.profile, invited.expires_at.astimezone(UTC)
    if as_json:
        print(json.dumps(_row(profile) | {"expires_at": until.isoformat()}))
        return
    again = "" if invited.is_new else " again; earlier links have ended"
    print(
        f"Invited {_noun(profile)} {profile.email} ({profile.id}){again}. The running server "
        f"mails the link, which works once, until {until:%Y-%m-%d %H:%M} UTC."
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


async def account(rt: Runtime, email: str) -> "Profile":
    """The account with this email. Ends the command where there is none."""
    from ostiary.kernel.problems import NotFound
    from ostiary.users.actions import find
    from ostiary.users.names import Email

    try:
        return await find(rt, valid("email", Email, email))
    except NotFound:
        raise CommandFailed(_no_account(email)) from None


async def on_account(
    rt: Runtime, email: str, action: Callable[["Profile"], Awaitable[T]]
) -> "tuple[Profile, T]":
    """Run `action` on the account with this email. Ends the command where that is refused."""
    from ostiary.kernel.problems import NotFound
    from ostiary.users.actions import LastAdministrator

    found = await account(rt, email)
    try:
        return found, await action(found)
    except LastAdministrator:
        raise CommandFailed(
            f"{found.email} is the last administrator that can sign in, and nothing was changed. "
            "Make another one first: `ostiary user promote EMAIL`."
        ) from None
    except NotFound:
        raise CommandFailed(_no_account(email)) from None


def suspended(email: str) -> str:
    """Why no link is mailed to a suspended account."""
    return (
        f"{email} is suspended, so no link would work. "
        f"Reactivate the account first: `ostiary user reactivate {quoted(email)}`."
    )


def quoted(email: str) -> str:
    """`email` as a shell takes it: RFC 5321 lets it hold backticks, `$`, `&` and `|`."""
    return shlex.quote(email) if not email.startswith("-") else f"-- {shlex.quote(email)}"


def valid(name: str, kind: Any, value: str) -> str:
    """`value` as its kind has it. Raises `SettingsError`, which names the argument `name`."""
    try:
        checked: str = TypeAdapter(kind).validate_python(value)
    except ValidationError as error:
        raise SettingsError(f"{subject([name])}: {read(error.errors()[0])[1]}") from None
    return checked


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


def _noun(profile: "Profile") -> str:
    return "the administrator" if profile.role == "administrator" else "the user"


def _no_account(email: str) -> str:
    return f"There is no account with the email {email}. `ostiary user list` shows all."


def _email_taken(email: str) -> str:
    shown = f"`ostiary user list --email={shlex.quote(email)}` shows it."
    return f"{email} has an account already. {shown}"


def _username_taken(username: str | None) -> str:
    return f"Another account has the user name {username}. Choose another --username."


def _has_password(profile: "Profile") -> str:
    said = f"{profile.email} has an account with a password already, so there is none to choose."
    link = f"`ostiary user set-password {quoted(profile.email)}` mails a link for a new one."
    if profile.email_verified:
        return f"{said} {link}"
    return (
        f"{said} The email was never verified, so somebody else may have made the account. "
        f"{link} It clears the account for the owner of the mailbox."
    )


def _confirm(profile: "Profile") -> None:
    """Ask for the email once more. Ends the command where it is another one."""
    if not sys.stdin.isatty():
        raise CommandFailed(
            "Standard input is no terminal, so nobody can confirm. "
            f"Add --yes to delete {profile.email} without being asked."
        )
    print(
        f"This deletes {_noun(profile)} {profile.email} ({profile.id}, created on "
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
        raise CommandFailed(
            "Password: standard input is no terminal, so nobody can be asked. Pipe the password "
            "in and add --password-stdin, or let its owner choose: "
            f"`ostiary user invite {quoted(email)}`."
        )
    prompted: str = typer.prompt("Password", hide_input=True, confirmation_prompt=True)
    return prompted
