"""What went wrong outside Ostiary, in one line: which thing, where it is, and what to do next."""

import socket
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from ostiary.cli.outcomes import CommandFailed
from ostiary.installation.places import database_file, hide_password, is_sqlite, place, sqlite_fault
from ostiary.kernel.database import DatabaseDown
from ostiary.kernel.redis import RedisError
from ostiary.settings import Settings

# PostgreSQL's own codes (its manual, appendix A), and what helps.
_REFUSALS = {
    "28P01": "does not accept the password. Correct it in database_url.",
    "28000": "does not let this user in. Correct the user in database_url, or pg_hba.conf there.",
    "3D000": "does not exist. Create it with `createdb`, or correct its name in database_url.",
    "42501": "does not give its user the permission. Make that user the owner of the database.",
    "23505": "was changed by another process at the same moment. Run the command again.",
    "40001": "undid the command, because others changed the same rows. Run the command again.",
    "40P01": "undid the command, because others changed the same rows. Run the command again.",
    "25006": "is read-only. Name the primary server in database_url.",
    "53300": "has no connection left. Lower database_pool, or raise max_connections there.",
    "57P03": "is starting or stopping. Try again in a moment.",
}

# What the driver says of TLS, which has no code, and what helps.
_TLS = {
    "rejected SSL upgrade": "offers no TLS, and database_url asks for it. Turn TLS on there, or "
    "correct sslmode.",
    "root certificate file": "is not asked: no file names the authorities to trust. Set the "
    "variable PGSSLROOTCERT to such a file.",
}


@contextmanager
def explained(settings: Settings) -> Iterator[None]:
    """Turn what the database and Redis of `settings` raise in the block into `CommandFailed`."""
    try:
        yield
    except BrokenPipeError:
        raise  # the reader of the output has gone: no fault of the database
    except RedisError as error:
        raise CommandFailed(describe_redis(settings, error)) from error
    except ModuleNotFoundError as error:
        if error.name != "asyncpg":
            raise
        raise CommandFailed(
            "The driver of PostgreSQL is not installed. Install it with the extra: "
            "`pip install 'ostiary[postgres]'`."
        ) from error
    except _database_errors(settings) as error:
        if isinstance(error, OSError) and error.filename:
            raise  # a file of the command's own; the database's socket comes without its name
        raise CommandFailed(describe_database(settings, error)) from error


def describe_database(settings: Settings, error: BaseException) -> str:
    """What the database does, and the next step. Its password is not shown."""
    cause = _cause(error)
    if is_sqlite(settings):
        if isinstance(cause, sqlite3.Error):
            return sqlite_fault(cause, database_file(settings))
        return f"The database {place(settings)} cannot be used: {_words(cause)}."
    subject = f"The database {place(settings)}"
    code = str(getattr(cause, "sqlstate", None) or "")
    if code in _REFUSALS:
        return f"{subject} {_REFUSALS[code]}"
    if code:
        return f"{subject} refused a statement: {_words(cause)} ({code})."
    if isinstance(cause, PoolTimeout):
        return f"{subject} is busy: no connection was free for 2 seconds. Raise database_pool."
    for words, says in _TLS.items():
        if words in str(cause):
            return f"{subject} {says}"
    url = make_url(settings.database_url)
    step = "Start PostgreSQL there, or correct database_url."
    return f"{subject} {_state(cause, url.host or 'localhost')}. {step}"


def describe_redis(settings: Settings, error: BaseException) -> str:
    """What Redis does, and the next step. Its password is not shown."""
    subject = f"Redis at {hide_password(settings.redis_url)}"
    text = str(error)
    if "AUTH" in text or "WRONGPASS" in text or "invalid username-password" in text:
        return f"{subject} does not accept the password. Correct it in redis_url."
    cause = error.__cause__ or error.__context__ or error
    host = urlsplit(settings.redis_url).hostname or "localhost"
    return f"{subject} {_state(cause, host)}. Start Redis there, or correct redis_url."


def _state(error: BaseException, host: str) -> str:
    match error:
        case ConnectionRefusedError():
            return "refuses connections"
        case socket.gaierror():
            return f"has no address: the name {host} is unknown"
        case TimeoutError():
            return "does not answer in time"
        case ConnectionError():
            return "closed the connection"
        case _:
            return f"cannot be reached ({_words(error)})"


def _cause(error: BaseException) -> BaseException:
    """What the driver said: the layers above wrap it."""
    while isinstance(error, DBAPIError | DatabaseDown):
        inner = getattr(error, "orig", None) or error.__cause__
        if inner is None:
            break
        error = inner
    cause = error.__cause__
    return cause if cause is not None and hasattr(cause, "sqlstate") else error


def _words(error: BaseException) -> str:
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return str(text).splitlines()[0].rstrip(".")


def _database_errors(settings: Settings) -> tuple[type[Exception], ...]:
    """What the database raises, by whichever layer notices first."""
    wrapped = (DBAPIError, DatabaseDown, PoolTimeout)
    if is_sqlite(settings):
        return (*wrapped, sqlite3.Error)
    try:
        import asyncpg  # type: ignore[import-untyped]  # it ships no types
    except ModuleNotFoundError:
        return wrapped
    # The driver's own come unwrapped where no connection can be made, and so do the system's.
    return (*wrapped, asyncpg.PostgresError, asyncpg.InterfaceError, OSError)
