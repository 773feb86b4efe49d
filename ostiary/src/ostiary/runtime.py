"""The Runtime: everything with a lifetime or a side effect, opened in one place, passed along."""

import os
import secrets
import sqlite3
from base64 import b64decode, b64encode
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, closing
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from ostiary.kernel import schema
from ostiary.kernel.clock import Clock, SystemClock
from ostiary.kernel.database import Database, driver_url
from ostiary.kernel.hashing import PasswordHasher
from ostiary.kernel.keyring import Keyring
from ostiary.kernel.limits import Limiter
from ostiary.kernel.mail import Mailer, open_mailer
from ostiary.kernel.redis import Redis, open_redis
from ostiary.kernel.templates import Templates
from ostiary.kernel.vault import SealBroken, Vault
from ostiary.settings import Settings, SettingsError


@dataclass(frozen=True, slots=True)
class Runtime:
    """Everything with a lifetime or a side effect. Pass it; never import one."""

    settings: Settings
    clock: Clock
    db: Database
    redis: Redis
    limits: Limiter
    hasher: PasswordHasher
    vault: Vault
    keys: Keyring
    mailer: Mailer
    templates: Templates


@asynccontextmanager
async def open_runtime(
    settings: Settings,
    *,
    clock: Clock | None = None,
    redis: Redis | None = None,
    mailer: Mailer | None = None,
) -> AsyncIterator[Runtime]:
    """Open what `settings` name, and close it at the end of the block.

    Parts that are handed in are used as they are and left open. Raises `SettingsError` where the
    settings cannot work together, `SchemaBehind` where PostgreSQL lacks migrations (SQLite
    migrates itself).
    """
    clock = clock or SystemClock()
    vault = Vault(_secret_keys(settings))
    hashing = settings.hashing
    async with AsyncExitStack() as stack:
        db = Database(settings.database_url, pool_size=settings.database_pool)
        stack.push_async_callback(db.close)
        await _prepare_schema(db)
        if redis is None:
            redis = open_redis(settings.redis_url)
            stack.push_async_callback(redis.aclose)
        hasher = PasswordHasher(
            memory_kib=hashing.memory_kib,
            iterations=hashing.iterations,
            threads=hashing.threads,
            max_wait=hashing.max_wait,
        )
        stack.callback(hasher.close)
        longest = timedelta(seconds=settings.tokens.access_lifetime)
        keys = Keyring(db, vault, clock, longest_token=longest)
        try:
            await keys.load()
        except SealBroken:
            raise SettingsError(
                "secret_keys: none of them opens the signing keys of this database"
            ) from None
        limits = Limiter(redis, clock, vault, max_keys=settings.limits.max_keys)
        if mailer is None:
            mailer = open_mailer(settings.mail.url, sender=settings.sender)
            stack.push_async_callback(mailer.close)
        folder = settings.brand.templates
        templates = Templates(Path(folder) if folder else None)
        yield Runtime(settings, clock, db, redis, limits, hasher, vault, keys, mailer, templates)


async def _prepare_schema(db: Database) -> None:
    async with db.read() as connection:
        found = await schema.current(connection)
    if found >= schema.head():
        return
    if not db.is_sqlite:
        raise schema.SchemaBehind(
            f"the database is at migration {found:04}, this version needs {schema.head():04}: "
            "run `ostiary migrate`"
        )
    # Imported here: Alembic is slow to import and a migrated database never needs it.
    from ostiary.migrations import upgrade

    await upgrade(db)


def _secret_keys(settings: Settings) -> list[bytes]:
    if settings.secret_keys:
        return [b64decode(key.get_secret_value()) for key in settings.secret_keys]
    if not settings.database_url.startswith("sqlite"):
        raise SettingsError(
            "secret_keys: PostgreSQL needs them set; `openssl rand -base64 32` makes one"
        )
    database = Path(driver_url(settings.database_url).database or "")
    file = database.parent / "secret.key"
    if not file.exists() and _is_sealed(database):
        raise SettingsError(
            f"{file} is missing, and nothing else opens what {database} holds: "
            "restore it from your backup"
        )
    return [_own_key(file)]


def _is_sealed(database: Path) -> bool:
    """Whether the file holds a signing key, which somebody's secret key sealed."""
    if not database.exists():
        return False
    with closing(sqlite3.connect(f"{database.absolute().as_uri()}?mode=ro", uri=True)) as found:
        try:
            return found.execute("SELECT 1 FROM signing_key LIMIT 1").fetchone() is not None
        except sqlite3.Error:
            return False  # not migrated yet; what else is wrong with it, opening it will tell


def _own_key(file: Path) -> bytes:
    """The key beside an SQLite file, written once, readable by its owner only."""
    file.parent.mkdir(parents=True, exist_ok=True)
    fresh = b64encode(secrets.token_bytes(32))
    try:
        # Linked into place whole, so that a second process reads a key or finds none.
        draft = file.with_name(f"{file.name}.{secrets.token_hex(4)}")
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as handle:
            handle.write(fresh + b"\n")
        try:
            os.link(draft, file)
        except FileExistsError:
            pass
        finally:
            draft.unlink()
        key = b64decode(file.read_bytes(), validate=False)
    except (OSError, ValueError) as error:
        raise SettingsError(f"{file} cannot be used: {error}") from None
    if len(key) != 32:
        raise SettingsError(f"{file} is not the base64 of 32 bytes")
    return key
