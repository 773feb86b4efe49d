"""Try what `serve` will need, one thing after the other, and make nothing.

A check returns what it found, or raises a refusal that names the thing and the next step.
"""

import os
import shlex
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from sqlalchemy import inspect, text

from ostiary.cli.failures import describe_redis, explained
from ostiary.cli.outcomes import CommandFailed, count
from ostiary.installation import finding, places
from ostiary.kernel import schema
from ostiary.kernel.clock import SystemClock
from ostiary.kernel.database import Database
from ostiary.kernel.keyring import Keyring
from ostiary.kernel.mail import MailDeferred, open_mailer
from ostiary.kernel.redis import RedisError, is_embedded, open_redis
from ostiary.kernel.schema import SchemaBehind
from ostiary.kernel.templates import TemplateBroken, Templates
from ostiary.kernel.vault import SealBroken, Vault
from ostiary.settings import PREFIX, Settings, SettingsError

_PACKAGES = ("ostiary.mail", "ostiary.web")

# Tables that this user cannot fully use, or that the server will not let anybody change.
_UNUSABLE = text(
    "SELECT relname FROM pg_class WHERE relkind = 'r'"
    " AND relnamespace = current_schema()::regnamespace AND NOT ("
    "has_table_privilege(oid, 'SELECT') AND has_table_privilege(oid, 'INSERT')"
    " AND has_table_privilege(oid, 'UPDATE') AND has_table_privilege(oid, 'DELETE'))"
    " ORDER BY relname"
)


@dataclass(frozen=True, slots=True)
class Checked:
    """What was tried, whether it works, and what was found or what to do."""

    name: str
    is_ok: bool
    text: str

    def __str__(self) -> str:
        """One line for an operator."""
        return f"{'ok' if self.is_ok else 'FAILED':6}  {self.name:11}  {self.text}"


async def check(settings: Settings, *, file: Path | None) -> list[Checked]:
    """Try everything, also behind a failure. `file` is what `--config` named."""
    checks: tuple[tuple[str, Callable[[Settings], Awaitable[str]]], ...] = (
        ("secret keys", _secret_keys),
        ("database", _database),
        ("redis", _redis),
        ("mail", _mail),
        ("templates", _templates),
    )
    return [
        Checked("settings", True, _sources(file)),
        *[await _tried(name, settings, action) for name, action in checks],
    ]


async def _tried(
    name: str, settings: Settings, action: Callable[[Settings], Awaitable[str]]
) -> Checked:
    try:
        return Checked(name, True, await action(settings))
    except (SettingsError, SchemaBehind, CommandFailed) as error:
        return Checked(name, False, str(error))


def _sources(file: Path | None) -> str:
    used = file or Path("ostiary.toml")
    variables = sum(name.startswith(PREFIX) for name in os.environ)
    named = places.placed(used) if used.exists() else f"no ostiary.toml in {Path.cwd()}"
    return f"{named}, {count(variables, PREFIX + '… variable')}"


async def _secret_keys(settings: Settings) -> str:
    file = places.secret_file(settings)
    is_there = not places.is_sqlite(settings) or places.exists(places.database_file(settings))
    if not is_there and file is not None and not places.exists(file):
        raise SettingsError(f"{file} is made with the database. Run `ostiary serve`.")
    keys = finding.secret_keys(settings)
    shown = str(file) if file is not None else f"{len(keys)} in secret_keys"
    return shown + _warning(finding.exposed_secret(settings))


def _warning(exposed: Path | None) -> str:
    if exposed is None:
        return ""
    return f"; other users can read it: run `chmod 600 {shlex.quote(str(exposed))}`"


async def _database(settings: Settings) -> str:
    if places.is_sqlite(settings):
        finding.find_database(settings)
    with explained(settings):
        db = Database(settings.database_url, pool_size=1)
        try:
            return await _look_at(settings, db)
        finally:
            await db.close()


async def _look_at(settings: Settings, db: Database) -> str:
    try:
        async with db.read() as connection:
            migration = await schema.current(connection)
            names = await connection.run_sync(lambda sync: inspect(sync).get_table_names())
    except schema.SchemaUnknown:
        raise places.foreign(settings) from None
    finding.refuse_behind(settings, migration)
    async with db.write() as tx:
        # On SQLite the transaction itself asks for the right to write.
        if not db.is_sqlite:
            await _refuse_unwritable(settings, await tx.scalar(text("SHOW transaction_read_only")))
            unusable = list(await tx.scalars(_UNUSABLE))
            if unusable:
                raise CommandFailed(
                    f"The database {places.place(settings)} does not let its user change "
                    f"{', '.join(unusable)}. Make that user the owner of the tables."
                )
    await _open_signing_keys(settings, db)
    warning = _warning(finding.exposed_database(settings))
    return f"{_shown(settings)}, {len(names)} tables, migration {migration:04}{warning}"


async def _refuse_unwritable(settings: Settings, is_read_only: str | None) -> None:
    if is_read_only == "on":
        raise CommandFailed(
            f"The database {places.place(settings)} is read-only. Name the primary server in "
            "database_url."
        )


async def _open_signing_keys(settings: Settings, db: Database) -> None:
    try:
        vault = Vault(finding.secret_keys(settings))
    except SettingsError:
        return  # told by the check of the secret keys
    longest = timedelta(seconds=settings.tokens.access_lifetime)
    try:
        await Keyring(db, vault, SystemClock(), longest_token=longest).keys()
    except SealBroken:
        raise finding.keys_unknown(settings) from None


async def _redis(settings: Settings) -> str:
    if is_embedded(settings.redis_url):
        return "memory://, for one process: `ostiary serve --workers 2` needs a Redis server"
    redis = open_redis(settings.redis_url)
    try:
        await redis.ping()
    except (RedisError, OSError) as error:
        raise CommandFailed(describe_redis(settings, error)) from error
    finally:
        await redis.aclose()
    return places.hide_password(settings.redis_url)


async def _mail(settings: Settings) -> str:
    shown = places.hide_password(settings.mail.url)
    mailer = open_mailer(settings.mail.url, sender=settings.sender)
    try:
        return f"{shown}, {await mailer.check()}"
    except MailDeferred as error:
        raise CommandFailed(f"{shown}: {error}. Mend that, or change mail.url.") from error


async def _templates(settings: Settings) -> str:
    folder = settings.brand.templates
    if not folder:
        return "the shipped ones"
    templates = Templates(Path(folder))
    try:
        count = sum(templates.check(package) for package in _PACKAGES)
    except TemplateBroken as error:
        raise CommandFailed(f"{error}. Mend the file, or remove it.") from error
    return f"{folder}, {count} files"


def _shown(settings: Settings) -> str:
    return places.hide_password(settings.database_url)
