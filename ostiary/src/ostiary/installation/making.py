"""Make an installation: the SQLite file, its tables and its secret key, each once.

Several processes may do it at once: each file is made by one of them, and whole.
"""

import os
import secrets
from base64 import b64encode
from dataclasses import dataclass
from pathlib import Path

from ostiary.installation.finding import look_into, secret_missing
from ostiary.installation.places import (
    cannot,
    database_file,
    exists,
    foreign,
    is_sqlite,
    placed,
    secret_file,
)
from ostiary.kernel import schema
from ostiary.kernel.database import Database
from ostiary.kernel.schema import SchemaUnknown
from ostiary.settings import Settings


@dataclass(frozen=True, slots=True)
class Created:
    """The files that `create` has made; None for a file that was there, or is not needed."""

    database: Path | None = None
    secret: Path | None = None

    def sentences(self) -> str:
        """What was made, where, and what to do with it; empty where nothing was made."""
        if self.database is not None and self.secret is not None:
            return (
                f"Created the database {self.database} and its secret key {placed(self.secret)}. "
                "Back up both, and keep the copies apart."
            )
        if self.database is not None:
            return f"Created the database {placed(self.database)}. Back it up."
        if self.secret is not None:
            return f"Created the secret key {placed(self.secret)}. Back it up."
        return ""


def create(settings: Settings) -> Created:
    """Make the SQLite file and its secret key where they are missing; nothing for PostgreSQL.

    Several processes may call it at once. Raises `SettingsError`.
    """
    if not is_sqlite(settings):
        return Created()
    file, secret = database_file(settings), secret_file(settings)
    # Looked at in this order: another process makes the key first, and seals with it later.
    is_sealed = exists(file) and look_into(settings).is_sealed
    if secret is not None and is_sealed and not exists(secret):
        raise secret_missing(settings, secret)
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise cannot(f"The folder {placed(file.parent)}", "created", error) from None
    made_secret = secret if secret is not None and _make_secret(secret) else None
    return Created(file if _make_database(file) else None, made_secret)


async def migrate(settings: Settings) -> int:
    """Run the migrations that the database lacks; return how many. Raises `SettingsError`."""
    # Imported here: Alembic is slow to import and a migrated database never needs it.
    from ostiary.migrations import upgrade

    db = Database(settings.database_url, pool_size=1)
    try:
        return await upgrade(db)
    except SchemaUnknown:
        raise foreign(settings) from None
    finally:
        await db.close()


async def prepare(settings: Settings) -> Created:
    """What a server does before it opens its database: SQLite is made and migrated.

    PostgreSQL is left as it is: it is migrated by the command. Raises `SettingsError`.
    """
    if not is_sqlite(settings):
        return Created()
    made = create(settings)
    if look_into(settings).migration < schema.head():
        await migrate(settings)
    return made


def _make_database(file: Path) -> bool:
    """Make an empty SQLite file, for its owner only; False where there is a file already."""
    try:
        os.close(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    except FileExistsError:
        return False
    except OSError as error:
        raise cannot(f"The database {placed(file)}", "created", error) from None
    return True


def _make_secret(file: Path) -> bool:
    """Make a secret key, for its owner only; False where there is a file already."""
    if exists(file):
        return False
    draft = file.with_name(f"{file.name}.{secrets.token_hex(4)}")
    try:
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(descriptor, "wb") as handle:
                handle.write(b64encode(secrets.token_bytes(32)) + b"\n")
            # Linked into place whole, so that a second process reads a key or finds none.
            os.link(draft, file)
        finally:
            draft.unlink()
    except FileExistsError:
        return False
    except OSError as error:
        raise cannot(f"The secret key {placed(file)}", "created", error) from None
    return True
