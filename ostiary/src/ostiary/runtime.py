"""The Runtime: everything with a lifetime or a side effect, opened in one place, passed along."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from ostiary.installation import finding, places
from ostiary.kernel import schema
from ostiary.kernel.clock import Clock, SystemClock
from ostiary.kernel.database import Database
from ostiary.kernel.hashing import PasswordHasher
from ostiary.kernel.keyring import Keyring
from ostiary.kernel.limits import Limiter
from ostiary.kernel.mail import Mailer, open_mailer
from ostiary.kernel.redis import Redis, open_redis
from ostiary.kernel.templates import Templates
from ostiary.kernel.vault import SealBroken, Vault
from ostiary.settings import Settings


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

    Parts that are handed in are used as they are and left open. No file is made: a new
    installation needs `installation.making.prepare` first. Raises `SettingsError` where something
    is missing or the settings cannot work together, `SchemaBehind` where migrations are lacking.
    """
    clock = clock or SystemClock()
    vault = Vault(finding.find(settings))
    hashing = settings.hashing
    async with AsyncExitStack() as stack:
        db = Database(settings.database_url, pool_size=settings.database_pool)
        stack.push_async_callback(db.close)
        await _refuse_behind(settings, db)
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
            raise finding.keys_unknown(settings) from None
        limits = Limiter(redis, clock, vault, max_keys=settings.limits.max_keys)
        if mailer is None:
            mailer = open_mailer(settings.mail.url, sender=settings.sender)
            stack.push_async_callback(mailer.close)
        folder = settings.brand.templates
        templates = Templates(Path(folder) if folder else None)
        yield Runtime(settings, clock, db, redis, limits, hasher, vault, keys, mailer, templates)


async def _refuse_behind(settings: Settings, db: Database) -> None:
    try:
        async with db.read() as connection:
            found = await schema.current(connection)
    except schema.SchemaUnknown:
        raise places.foreign(settings) from None
    finding.refuse_behind(settings, found)
