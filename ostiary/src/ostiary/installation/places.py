"""Where the database and the secret key are, and how a message names them."""

import os
import re
import sqlite3
from pathlib import Path
from urllib.parse import unquote

from ostiary.kernel.database import driver_url
from ostiary.settings import Settings, SettingsError

USER = "the user that runs Ostiary"
"""Whose permissions matter."""


def is_sqlite(settings: Settings) -> bool:
    """Whether the database is an SQLite file."""
    return driver_url(settings.database_url).get_backend_name() == "sqlite"


def database_file(settings: Settings) -> Path:
    """The SQLite file. A relative path counts from the folder that the process runs in."""
    return Path(driver_url(settings.database_url).database or "")


def secret_file(settings: Settings) -> Path | None:
    """The file of the secret key beside the SQLite file; None where `secret_keys` is set."""
    if settings.secret_keys or not is_sqlite(settings):
        return None
    return database_file(settings).parent / "secret.key"


def place(settings: Settings) -> str:
    """The database as a message names it: the SQLite file, or the URL without its password."""
    if is_sqlite(settings):
        return str(database_file(settings))
    return hide_password(settings.database_url)


def hide_password(url: str) -> str:
    """`url` as it may be shown. What may be a part of the password is hidden too."""
    shown = re.sub(r"([?&])([^=&]*)=([^&]*)", _hide_option, url, flags=re.DOTALL)
    # Up to the last @: a user may hold one, and so may a password that nobody encoded.
    return re.sub(r"(//[^:]*):.*@", r"\1:***@", shown, flags=re.DOTALL)


def _hide_option(option: re.Match[str]) -> str:
    if "pass" not in unquote(option[2]).lower():
        return option[0]
    # An @ stays: what looks like an option may stand in the middle of a password.
    return f"{option[1]}{option[2]}={'***@***' if '@' in option[3] else '***'}"


def foreign(settings: Settings) -> SettingsError:
    """The refusal of a database that another application has migrated."""
    return SettingsError(
        f"The database {place(settings)} belongs to another application: its tables are not "
        "Ostiary's. Name a database of its own in database_url."
    )


def sqlite_fault(error: sqlite3.Error, file: Path) -> str:
    """What is wrong with the SQLite file, and what to do."""
    code = getattr(error, "sqlite_errorname", "")
    match code.removeprefix("SQLITE_").partition("_")[0]:
        case "NOTADB" | "CORRUPT":
            return (
                f"The database {placed(file)} is damaged, or it is not an SQLite file. Restore it "
                'from your backup; the how-to "Back up and restore" says how.'
            )
        case "CANTOPEN" | "READONLY" | "PERM" | "IOERR" | "AUTH":
            return (
                f"The database {placed(file)} cannot be used: {error}. Let {USER} read and "
                "write the file and its folder."
            )
        case "BUSY" | "LOCKED":
            return (
                f"The database {placed(file)} was locked by another program for more than 5 "
                "seconds. Try again, or end that program."
            )
        case "FULL":
            return f"The disk that holds the database {placed(file)} is full. Free some space."
        case _:
            return f"The database {placed(file)} cannot be used: {error}."


def cannot(subject: str, what: str, error: OSError) -> SettingsError:
    """The refusal where the system lets `subject` not be created or looked at."""
    return SettingsError(
        f"{subject} cannot be {what}: {error.strerror}. Let {USER} write there, or name another "
        "place in database_url."
    )


def placed(file: Path) -> str:
    """`file`, and where a relative path is."""
    return str(file) if file.is_absolute() else f"{file} in {Path.cwd()}"


def missing(file: Path) -> str:
    """That `file` is not there, and where a relative path was looked for."""
    looked_in = "" if file.is_absolute() else f" in the working folder {Path.cwd()}"
    return f"{file} does not exist{looked_in}"


def exists(file: Path) -> bool:
    """Whether `file` is there.

    Raises `SettingsError` where nobody may look, and where `file`, or a folder on the way to it, is
    a symbolic link to nothing: neither there, nor to be made.
    """
    try:
        if file.exists():
            return True
        link = next((one for one in (file, *file.parents) if _is_dangling(one)), None)
    except OSError as error:
        raise cannot(f"The file {placed(file)}", "looked at", error) from None
    if link is None:
        return False
    raise SettingsError(
        f"The file {placed(file)} cannot be used: {link} is a symbolic link to "
        f"{os.readlink(link)}, and nothing is there. Put back what it leads to, or remove the link."
    )


def _is_dangling(path: Path) -> bool:
    return path.is_symlink() and not path.exists()
