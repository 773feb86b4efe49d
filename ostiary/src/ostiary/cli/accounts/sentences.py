"""What an operator reads about an account: which it is, why not, and the command to run next."""

import shlex
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    # Imported where it is used: no other command waits for it.
    from ostiary.settings import Settings
    from ostiary.users.actions import Profile


def quoted(email: str) -> str:
    """`email` as a shell takes it: RFC 5321 lets it hold backticks, `$`, `&` and `|`."""
    return shlex.quote(email) if not email.startswith("-") else f"-- {shlex.quote(email)}"


def noun(profile: "Profile") -> str:
    """The account's role, as the noun before its email."""
    return "the administrator" if profile.role == "administrator" else "the user"


def no_account(email: str) -> str:
    """No account has this email."""
    return f"There is no account with the email {email}. `ostiary user list` shows all."


def email_taken(email: str) -> str:
    """An account with this email is there already."""
    shown = f"`ostiary user list --email={shlex.quote(email)}` shows it."
    return f"{email} has an account already. {shown}"


def username_taken(username: str | None) -> str:
    """Another account has this user name."""
    return f"Another account has the user name {username}. Choose another --username."


def has_password(profile: "Profile") -> str:
    """Why an account that has a password is not invited."""
    said = f"{profile.email} has an account with a password, so no invitation was sent."
    command = f"`ostiary user set-password {quoted(profile.email)}`"
    if profile.email_verified:
        return f"{said} {command} mails a link to choose a new password."
    return (
        f"{said} Its email was never verified, so somebody else may have made the account. "
        f"{command} mails a link with which the owner of the mailbox takes it over."
    )


def leads_to(settings: "Settings") -> str:
    """Where a mailed link leads, while nothing but the default says so."""
    if "public_url" in settings.model_fields_set:
        return ""
    return f" It leads to {settings.public_url}. For another server, set public_url first."


def differs(profile: "Profile") -> str:
    """Why an invitation that asks for another role or user name is not sent."""
    return (
        f"{profile.email} was invited with another role or user name. Leave --admin and "
        f"--username out to send another link; `ostiary user promote {quoted(profile.email)}` "
        "makes the account an administrator's."
    )


def suspended(email: str) -> str:
    """Why no link is mailed to a suspended account."""
    return (
        f"{email} is suspended, so no link would work. "
        f"Reactivate the account first: `ostiary user reactivate {quoted(email)}`."
    )


def unproven(profile: "Profile") -> str:
    """Why an account whose email was never verified is not promoted."""
    return (
        f"The email {profile.email} was never verified, so somebody else may have made the "
        "account. Nothing was changed. Let the owner of the mailbox choose a password first: "
        f"`ostiary user set-password {quoted(profile.email)}`."
    )


def nobody_to_ask(email: str) -> str:
    """Why no password can be asked for, and how an account comes by one."""
    return (
        "Password: standard input is no terminal, so nobody can be asked. Pipe the password "
        "in and add --password-stdin, or let its owner choose: "
        f"`ostiary user invite {quoted(email)}`."
    )
