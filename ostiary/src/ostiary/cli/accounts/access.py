"""`user suspend | reactivate | promote | demote | set-password | reset-mfa`: what one may do."""

import typer

from ostiary.cli.accounts import sentences
from ostiary.cli.accounts.lookup import EmailArgument, on_account
from ostiary.cli.accounts.users import user
from ostiary.cli.opening import settings_of, with_runtime
from ostiary.cli.outcomes import CommandFailed, count
from ostiary.runtime import Runtime

__all__ = ["user"]


@user.command("suspend")
def user_suspend(context: typer.Context, email: EmailArgument) -> None:
    """Shut an account: its sessions are refused from the next request on."""
    from ostiary.admin.users import Unchanged, suspend
    from ostiary.kernel.origin import LOCAL

    profile, done = with_runtime(
        context, lambda rt: on_account(rt, email, lambda one: suspend(rt, one.id, origin=LOCAL))
    )
    if isinstance(done, Unchanged):
        raise CommandFailed(
            f"{profile.email} is suspended already. `ostiary user reactivate "
            f"{sentences.quoted(profile.email)}` opens the account again."
        )
    print(f"Suspended {profile.email}; {count(done.sessions, 'session')} shut out.")


@user.command("reactivate")
def user_reactivate(context: typer.Context, email: EmailArgument) -> None:
    """Open a suspended account again. Its sessions that have not expired work again."""
    from ostiary.admin.users import Unchanged, reactivate
    from ostiary.kernel.origin import LOCAL

    profile, done = with_runtime(
        context, lambda rt: on_account(rt, email, lambda one: reactivate(rt, one.id, origin=LOCAL))
    )
    if isinstance(done, Unchanged):
        raise CommandFailed(f"{profile.email} is active already. There is nothing to do.")
    print(f"Reactivated {profile.email}; {count(done.sessions, 'session')} let in again.")


@user.command("promote")
def user_promote(context: typer.Context, email: EmailArgument) -> None:
    """Make an account an administrator's."""
    from ostiary.admin.users import Unchanged, Unproven, promote
    from ostiary.kernel.origin import LOCAL

    profile, done = with_runtime(
        context, lambda rt: on_account(rt, email, lambda one: promote(rt, one.id, origin=LOCAL))
    )
    if isinstance(done, Unchanged):
        raise CommandFailed(f"{profile.email} is an administrator already. There is nothing to do.")
    if isinstance(done, Unproven):
        raise CommandFailed(sentences.unproven(profile))
    ended = f"; {count(done.sessions, 'session')} ended" if done.sessions else ""
    print(f"Promoted {profile.email} to administrator{ended}.")


@user.command("demote")
def user_demote(context: typer.Context, email: EmailArgument) -> None:
    """Make an administrator a user again."""
    from ostiary.admin.users import Unchanged, demote
    from ostiary.kernel.origin import LOCAL

    profile, done = with_runtime(
        context, lambda rt: on_account(rt, email, lambda one: demote(rt, one.id, origin=LOCAL))
    )
    if isinstance(done, Unchanged):
        raise CommandFailed(f"{profile.email} is not an administrator. There is nothing to do.")
    print(f"Demoted {profile.email} to user.")


@user.command("set-password")
def user_set_password(context: typer.Context, email: EmailArgument) -> None:
    """Mail the owner of an account a link to choose a new password. No password is typed here."""
    from ostiary.admin.users import Shut, mail_password_link
    from ostiary.kernel.origin import LOCAL

    profile, done = with_runtime(
        context,
        lambda rt: on_account(rt, email, lambda one: mail_password_link(rt, one, origin=LOCAL)),
    )
    if isinstance(done, Shut):
        raise CommandFailed(sentences.suspended(profile.email))
    minutes = max(1, round(done.lifetime.total_seconds() / 60))
    span = count(minutes // 60, "hour") if minutes % 60 == 0 else count(minutes, "minute")
    print(
        f"The server mails {profile.email} a link to choose a password, which works once, "
        f"for {span}. The present password stays until the link is used."
        f"{sentences.leads_to(settings_of(context))}"
    )


@user.command("reset-mfa")
def user_reset_mfa(context: typer.Context, email: EmailArgument) -> None:
    """Take every second factor from an account and end its sessions. Make sure who is asking."""
    from ostiary.kernel.origin import LOCAL
    from ostiary.signin.binding import MfaNotEnabled, Reset, reset
    from ostiary.users.actions import Profile

    async def run(rt: Runtime) -> tuple[Profile, Reset]:
        return await on_account(rt, email, lambda one: reset(rt, one, origin=LOCAL))

    try:
        profile, done = with_runtime(context, run)
    except MfaNotEnabled:
        raise CommandFailed(
            f"{email} has no second factor. There is nothing to take away."
        ) from None
    print(
        f"Took the second factors of {profile.email} away ({', '.join(done.kinds)}); "
        f"{count(done.sessions, 'session')} ended."
    )
