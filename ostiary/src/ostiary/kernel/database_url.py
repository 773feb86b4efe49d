"""The URL of a database is read once, and refused in our words where the driver would fail on it.

No refusal repeats a value: a URL holds a password.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from ostiary.kernel.faults import Code, wrong
from ostiary.kernel.text import is_clean

_URL_NEEDED = "use sqlite:///path or postgresql://user@host/database."

# What SQLAlchemy's dialect and asyncpg.connect() take as text; their other options are no text.
_OPTIONS = (
    *("host", "port", "user", "password", "passfile", "ssl", "sslmode"),
    *("target_session_attrs", "krbsrvname", "prepared_statement_cache_size"),
)

# asyncpg reads these from the environment, by libpq's names.
_VARIABLES = {
    "sslrootcert": "PGSSLROOTCERT",
    "sslcert": "PGSSLCERT",
    "sslkey": "PGSSLKEY",
    "sslcrl": "PGSSLCRL",
}

_SSL = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")
_CHOICES = {
    "ssl": _SSL,
    "sslmode": _SSL,
    "target_session_attrs": (
        *("any", "primary", "standby", "prefer-standby", "read-write", "read-only"),
    ),
}


def driver_url(url: str) -> URL:
    """`url` with the driver that we use, and libpq's `sslmode` by the driver's name for it.

    Raises `ValueError` for another kind of database, and for an option that the driver does not
    take.
    """
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        # Ours, because theirs may quote the URL, which holds a password.
        raise wrong(Code.MALFORMED, _URL_NEEDED) from None
    _refuse_unclean(parsed)
    match parsed.get_backend_name():
        case "sqlite" if parsed.database not in (None, "", ":memory:") and not parsed.host:
            # Also without an option behind it: the driver would drop that part of the path.
            if "?" in url:
                raise wrong(
                    Code.MALFORMED,
                    f"{_named(parsed.query)}sqlite:///path takes no options. Leave out what "
                    "follows ?, or write %3F where it belongs to the path.",
                )
            return parsed.set(drivername="sqlite+aiosqlite")
        case "postgresql":
            return _with_options(parsed.set(drivername="postgresql+asyncpg"))
        case _:
            raise wrong(Code.MALFORMED, _URL_NEEDED)


def sqlite_uri(file: str | Path) -> str:
    """The URI (SQLite's own form) that opens `file` for reading and writing, and never makes it."""
    return f"{Path(file).absolute().as_uri()}?mode=rw"


def _named(query: Mapping[str, object]) -> str:
    return f"{', '.join(query)}: " if query else ""


def _refuse_unclean(url: URL) -> None:
    texts = [url.username, url.host, url.database, url.password]
    for name, value in url.query.items():
        texts += [name, *([value] if isinstance(value, str) else value)]
    if not all(is_clean(str(one)) for one in texts if one):
        raise wrong(Code.CONTROL_CHARACTER, "remove control characters and line breaks.")


def _with_options(url: URL) -> URL:
    """`url`, whose options were checked. Raises `ValueError`."""
    if not url.query:
        return url
    for name, value in url.query.items():
        _check_option(name, value)
    query = dict(url.query)
    if "sslmode" in query:
        if "ssl" in query:
            raise wrong(Code.CONFLICT, "ssl and sslmode mean the same. Leave one of them out.")
        query["ssl"] = query.pop("sslmode")
    url = url.set(query=query)
    try:
        url.get_dialect()().create_connect_args(url)
    except (ArgumentError, ValueError):
        raise wrong(
            Code.MALFORMED,
            "host, port or prepared_statement_cache_size is not usable. Use a number for the last "
            "two, and for several hosts ?host=one:5432&host=two:5432.",
        ) from None
    return url


def _check_option(name: str, value: str | Sequence[str]) -> None:
    if name in _VARIABLES:
        raise wrong(
            Code.UNKNOWN,
            f"{name} cannot be a part of the URL. Set the variable {_VARIABLES[name]} instead.",
        )
    if name not in _OPTIONS:
        raise wrong(
            Code.UNKNOWN,
            f"{name} is not an option of the driver. Leave it out; known are "
            f"{', '.join(_OPTIONS)}.",
        )
    if name != "host" and not isinstance(value, str):
        raise wrong(Code.CONFLICT, f"{name} stands there more than once. Write it once.")
    if name in _CHOICES and value not in _CHOICES[name]:
        raise wrong(Code.NOT_ALLOWED, f"use {', '.join(_CHOICES[name])} for {name}.")
