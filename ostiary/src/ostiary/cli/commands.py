"""Every command, with its arguments. `docs/reference/cli.md` is made from this."""

import asyncio
import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import TypeAdapter, ValidationError

from ostiary import __version__
from ostiary.cli.configuration import config
from ostiary.cli.opening import settings_of, with_runtime
from ostiary.cli.outbox import mail
from ostiary.kernel import logs
from ostiary.runtime import Runtime
from ostiary.settings import Settings, SettingsError

app = typer.Typer(no_args_is_help=True, pretty_exceptions_enable=False)
user = typer.Typer(no_args_is_help=True, help="Create, list, suspend and reactivate accounts.")
keys = typer.Typer(no_args_is_help=True, help="Look after the signing keys.")
app.add_typer(config, name="config")
app.add_typer(user, name="user")
app.add_typer(keys, name="keys")
app.add_typer(mail, name="mail")

ConfigFile = Annotated[
    Path | None,
    typer.Option(
        "--config",
        help="Settings file; without it, ostiary.toml in the working folder, where there is one. "
        "Relative paths in it count from the working folder.",
    ),
]


def _print_version(is_asked: bool) -> None:
    if is_asked:
        print(f"ostiary {__version__}")
        raise typer.Exit


Version = Annotated[
    bool,
    typer.Option(
        "--version", callback=_print_version, is_eager=True, help="Print the version and exit"
    ),
]


@app.callback()
def common(
    context: typer.Context,
    config_file: ConfigFile = None,
    version: Version = False,  # noqa: ARG001 -- its callback prints
) -> None:
    """A self-hosted identity platform. Settings: ostiary.toml, then OSTIARY_… variables."""
    context.obj = config_file


@app.command()
def serve(
    context: typer.Context,
    host: Annotated[
        str, typer.Option(help="Address to listen on; 0.0.0.0 for all, which needs public_url")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65_535, help="Port; 0 picks a free one")] = 8000,
    workers: Annotated[
        int, typer.Option(min=1, max=64, help="Processes; more than one need a Redis server")
    ] = 1,
) -> None:
    """Start the server. It makes and migrates SQLite itself; for PostgreSQL run migrate first.

    The first start makes var/ostiary.db and var/secret.key in the working folder.

    Ctrl+C or SIGTERM stops it. Requests in flight have 30 seconds to finish.
    """
    # Imported here: the other commands need no HTTP.
    from ostiary.cli.serving.process import serve as run

    settings = settings_of(context)
    logs.configure(settings.log_level)
    run(settings, host=host.removeprefix("[").removesuffix("]"), port=port, workers=workers)


@app.command()
def worker(context: typer.Context) -> None:
    """Deliver messages, sweep, rotate keys: alone, where `worker.enabled` is false for `serve`."""
    from ostiary.cli.working import work

    settings = settings_of(context)
    logs.configure(settings.log_level)
    work(settings)


@app.command()
def migrate(context: typer.Context) -> None:
    """Bring the database to the schema of this version. Safe to run twice, or by two at once.

    An SQLite database that is not there is made, with its secret key.
    """
    from ostiary.cli.failures import explained
    from ostiary.installation import making, places
    from ostiary.kernel import schema

    settings = settings_of(context)
    with explained(settings):
        made = making.create(settings)
        count = asyncio.run(making.migrate(settings))
    if made.sentences():
        print(made.sentences())
    state = f"now: {count} migration{'s' if count > 1 else ''} run" if count else "already"
    print(f"The database {places.place(settings)} is at migration {schema.head():04} {state}.")


@app.command("setup-link")
def setup_link(
    context: typer.Context,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object")] = False,
) -> None:
    """Make a link with which the first administrator is made, within an hour.

    Links from before are no longer valid. Refused where there is an administrator.
    """
    from ostiary.signin import bootstrap

    async def run(rt: Runtime) -> tuple[str | None, Settings]:
        return await bootstrap.invite(rt), rt.settings

    link, settings = with_runtime(context, run)
    if link is None:
        raise SettingsError(
            "No link was made: there is an administrator already. `ostiary user list` shows the "
            "accounts and their roles."
        )
    if as_json:
        print(json.dumps({"url": link}))
        return
    print(f"Open this link within an hour to make the first administrator: {link}")
    if "public_url" not in settings.model_fields_set:
        print(f"It is for a server on {settings.public_url}. For another, set public_url first.")


@app.command()
def version() -> None:
    """Print the version."""
    print(__version__)


@user.command("create")
def user_create(
    context: typer.Context,
    email: Annotated[str, typer.Argument(help="The email address")],
    admin: Annotated[bool, typer.Option("--admin", help="Make them an administrator")] = False,
    verified: Annotated[bool, typer.Option("--verified", help="The address is known good")] = False,
    username: Annotated[str | None, typer.Option(help="A user name")] = None,
    password_stdin: Annotated[
        bool, typer.Option("--password-stdin", help="Read the password from standard input")
    ] = False,
) -> None:
    """Create an account. The password is asked for, or read from standard input."""
    from ostiary.authenticators.password import Password
    from ostiary.kernel.origin import LOCAL
    from ostiary.signin.signup import create_user
    from ostiary.users.actions import NewUser
    from ostiary.users.names import Email, Username

    new = NewUser(
        email=_valid("email", Email, email),
        username=_valid("username", Username, username) if username else None,
        role="administrator" if admin else "user",
        email_verified=verified,
    )
    plain: str = _valid("password", Password, _read_password(from_stdin=password_stdin))
    profile = with_runtime(context, lambda rt: create_user(rt, new, plain, origin=LOCAL))
    print(profile.id)


@user.command("list")
def user_list(
    context: typer.Context,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line")] = False,
) -> None:
    """List accounts, oldest first."""
    from ostiary.users.actions import Profile, listed

    def show(one: Profile) -> None:
        if as_json:
            row = {"id": one.id, "email": one.email, "role": one.role, "status": one.status}
            print(json.dumps({**row, "created_at": one.created_at.isoformat()}))
        else:
            print(
                f"{one.id}  {one.created_at:%Y-%m-%d}  {one.role:13}  {one.status:9}  {one.email}"
            )

    async def run(rt: Runtime) -> None:
        after = ""
        while page := await listed(rt, after=after, limit=100):
            for one in page:
                show(one)
            after = page[-1].id

    with_runtime(context, run)


@user.command("suspend")
def user_suspend(
    context: typer.Context, email: Annotated[str, typer.Argument(help="Whose account")]
) -> None:
    """Shut an account: its sessions are refused from the next request on."""
    from ostiary.kernel.origin import LOCAL
    from ostiary.users.actions import find, suspend
    from ostiary.users.names import Email

    async def run(rt: Runtime) -> None:
        await suspend(rt, (await find(rt, _valid("email", Email, email))).id, origin=LOCAL)

    with_runtime(context, run)


@user.command("reactivate")
def user_reactivate(
    context: typer.Context, email: Annotated[str, typer.Argument(help="Whose account")]
) -> None:
    """Open a suspended account again."""
    from ostiary.kernel.origin import LOCAL
    from ostiary.users.actions import find, reactivate
    from ostiary.users.names import Email

    async def run(rt: Runtime) -> None:
        await reactivate(rt, (await find(rt, _valid("email", Email, email))).id, origin=LOCAL)

    with_runtime(context, run)


@user.command("reset-mfa")
def user_reset_mfa(
    context: typer.Context, email: Annotated[str, typer.Argument(help="Whose account")]
) -> None:
    """Take every second factor from an account and end its sessions. Make sure who is asking."""
    from ostiary.kernel.origin import LOCAL
    from ostiary.signin.binding import reset
    from ostiary.users.actions import find
    from ostiary.users.names import Email

    async def run(rt: Runtime) -> None:
        await reset(rt, await find(rt, _valid("email", Email, email)), origin=LOCAL)

    with_runtime(context, run)


@keys.command("list")
def keys_list(
    context: typer.Context,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line")] = False,
) -> None:
    """List the signing keys, newest first, with what each is doing."""
    from ostiary.kernel.keyring import LoadedKey

    def state(key: LoadedKey, rt: Runtime) -> str:
        now = rt.clock.now()
        if key.is_signing(now):
            return "signing"
        if key.signs_until is not None and key.signs_until <= key.signs_from:
            return "overtaken"
        return "published" if key.signs_from > now else "verifying"

    async def run(rt: Runtime) -> None:
        for key in await rt.keys.keys():
            doing, since = state(key, rt), key.signs_from
            if as_json:
                row = {"kid": key.kid, "alg": key.alg, "state": doing}
                print(json.dumps({**row, "signs_from": since.isoformat()}))
            else:
                print(f"{key.kid}  {key.alg}  {doing:9}  from {since:%Y-%m-%d %H:%M}")

    with_runtime(context, run)


@keys.command("rotate")
def keys_rotate(
    context: typer.Context,
    now: Annotated[
        bool, typer.Option("--now", help="Sign at once: for a key that may have leaked")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object")] = False,
) -> None:
    """Add a signing key. It is published at once and signs after 24 hours."""
    from ostiary.kernel.keyring import LoadedKey
    from ostiary.kernel.origin import LOCAL
    from ostiary.sessions.actions import rotate_keys

    async def run(rt: Runtime) -> LoadedKey:
        kid = await rotate_keys(rt, at_once=now, origin=LOCAL)
        return next(key for key in await rt.keys.keys() if key.kid == kid)

    key = with_runtime(context, run)
    if as_json:
        print(json.dumps({"kid": key.kid, "signs_from": key.signs_from.isoformat()}))
        return
    start = "now" if now else f"{key.signs_from:%Y-%m-%d %H:%M} UTC"
    print(f"The signing key {key.kid} is published, and signs from {start} on.")


def _read_password(*, from_stdin: bool) -> str:
    if from_stdin:
        return sys.stdin.readline().rstrip("\r\n")
    prompted: str = typer.prompt("Password", hide_input=True, confirmation_prompt=True)
    return prompted


def _valid(name: str, kind: Any, value: str) -> str:
    try:
        checked: str = TypeAdapter(kind).validate_python(value)
    except ValidationError as error:
        raise SettingsError(
            f"{name} {error.errors()[0]['msg'].removeprefix('Value error, ')}"
        ) from None
    return checked
