"""Find an installation that is there. Nothing is made: what is missing is refused, and named."""

import os
import sqlite3
import stat
from base64 import b64decode
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from ostiary.installation.places import (
    USER,
    database_file,
    exists,
    foreign,
    is_sqlite,
    missing,
    place,
    placed,
    secret_file,
    sqlite_fault,
)
from ostiary.kernel import schema
from ostiary.kernel.database import sqlite_uri
from ostiary.kernel.schema import SchemaBehind, SchemaUnknown
from ostiary.settings import Settings, SettingsError


@dataclass(frozen=True, slots=True)
class Contents:
    """What an SQLite file holds: its last migration (0: none), and whether a key sealed a part."""

    migration: int
    is_sealed: bool


def find(settings: Settings) -> list[bytes]:
    """The secret keys, newest first, of an installation that is ready. Makes nothing.

    Raises `SettingsError` where something is missing or cannot be used, and `SchemaBehind`. Of
    PostgreSQL it looks at `secret_keys` only: nothing is connected.
    """
    if not is_sqlite(settings):
        return secret_keys(settings)
    find_database(settings)
    return secret_keys(settings)


def find_database(settings: Settings) -> int:
    """The migration that the SQLite file is at. Raises `SettingsError`, `SchemaBehind`."""
    file = database_file(settings)
    if not exists(file):
        raise SettingsError(
            f"The database {missing(file)}. Run the command in the folder of your installation, or "
            "set database_url to an absolute path. `ostiary serve` starts a new installation."
        )
    migration = look_into(settings).migration
    refuse_behind(settings, migration)
    return migration


def refuse_behind(settings: Settings, migration: int) -> None:
    """Let a database pass that has at least the tables of this version. Raises `SchemaBehind`."""
    needed = schema.head()
    if migration >= needed:
        return
    state = f"is at migration {migration:04}" if migration else "has no tables yet"
    raise SchemaBehind(
        f"The database {place(settings)} {state}, and this version needs migration {needed:04}. "
        "Run `ostiary migrate`."
    )


def secret_keys(settings: Settings) -> list[bytes]:
    """The setting `secret_keys`, or the file beside SQLite. Raises `SettingsError`."""
    file = secret_file(settings)
    if file is None and not settings.secret_keys:
        raise SettingsError(
            "secret_keys: PostgreSQL needs at least one. Make it with `openssl rand -base64 32`, "
            "and put it into the settings file or into OSTIARY_SECRET_KEYS."
        )
    if file is None:
        return [b64decode(key.get_secret_value()) for key in settings.secret_keys]
    if not exists(file):
        raise secret_missing(settings, file)
    return [_read_secret(file)]


def exposed_secret(settings: Settings) -> Path | None:
    """The file of the secret key, where users other than its owner can read it."""
    return _exposed(secret_file(settings))


def exposed_database(settings: Settings) -> Path | None:
    """The SQLite file, where users other than its owner can read it."""
    return _exposed(database_file(settings) if is_sqlite(settings) else None)


def _exposed(file: Path | None) -> Path | None:
    if file is None or not exists(file):
        return None
    is_exposed = stat.S_IMODE(file.stat().st_mode) & (stat.S_IRGRP | stat.S_IROTH)
    return file if is_exposed else None


def look_into(settings: Settings) -> Contents:
    """What the SQLite file holds. Raises `SettingsError` where it cannot be read."""
    file = database_file(settings)
    if file.is_dir():
        raise SettingsError(
            f"database_url: {placed(file)} is a folder. Name a file, such as {file}/ostiary.db."
        )
    # SQLite opens what may only be read, and fails at the first write, or with a log beside it.
    for path, mode in ((file, os.R_OK | os.W_OK), (file.parent, os.W_OK | os.X_OK)):
        if not os.access(path, mode):
            raise SettingsError(
                f"The database {placed(file)} cannot be written: {USER} may not change {path}. "
                "Give that user the right to write the file and its folder."
            )
    try:
        with closing(sqlite3.connect(sqlite_uri(file), uri=True, timeout=5)) as found:
            names = {name for (name,) in found.execute("SELECT name FROM sqlite_master")}
            version = is_sealed = None
            if "alembic_version" in names:
                version = found.execute("SELECT version_num FROM alembic_version").fetchone()
            elif any(not name.startswith("sqlite_") for name in names):
                raise foreign(settings)
            if "signing_key" in names:
                is_sealed = found.execute("SELECT 1 FROM signing_key LIMIT 1").fetchone()
            return Contents(schema.to_number(version and version[0]), is_sealed is not None)
    except sqlite3.Error as error:
        raise SettingsError(sqlite_fault(error, file)) from None
    except SchemaUnknown:
        raise foreign(settings) from None


def secret_missing(settings: Settings, file: Path) -> SettingsError:
    """The refusal where the secret key is missing beside its database."""
    if not look_into(settings).is_sealed:
        return SettingsError(f"The secret key {missing(file)}. `ostiary serve` makes one.")
    return SettingsError(
        f"The secret key {missing(file)}, and nothing else opens what the database "
        f"{place(settings)} holds. Restore the file from your backup, or set secret_keys."
    )


def keys_unknown(settings: Settings) -> SettingsError:
    """The refusal where no secret key opens the signing keys."""
    database, file = place(settings), secret_file(settings)
    if file is None:
        return SettingsError(
            f"secret_keys: none of them opens the signing keys of the database {database}. Put "
            "back the key that was in use when they were made."
        )
    return SettingsError(
        f"The secret key {placed(file)} does not open the signing keys of the database "
        f"{database}. Restore the file that belongs to this database from your backup."
    )


def _read_secret(file: Path) -> bytes:
    try:
        key = b64decode(file.read_bytes(), validate=False)
    except OSError as error:
        raise SettingsError(
            f"The secret key {placed(file)} cannot be read: {error.strerror}. Let {USER} read it."
        ) from None
    except ValueError:
        key = b""
    if len(key) != 32:
        raise SettingsError(
            f"The secret key {placed(file)} must be the base64 of 32 bytes, and is not. Restore "
            "the file from your backup."
        )
    return key
