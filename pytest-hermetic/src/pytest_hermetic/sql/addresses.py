"""The arguments of a connect in the words of a URL: for people, so without the password."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy.engine import URL, Dialect


def shown(dialect: Dialect, cargs: Sequence[Any], cparams: Mapping[str, Any]) -> str:
    """Where a connect with these arguments goes. Only host, port, user and database are shown."""
    name = f"{dialect.name}+{dialect.driver}"
    if dialect.name == "sqlite":
        file = cargs[0] if cargs else cparams.get("database", "")
        return f"{name}:///{str(file).removeprefix('file:').partition('?')[0]}"
    if not cargs and not cparams:
        return f"{name} by a creator of its own"
    host = str(cparams.get("host") or "")
    url = URL.create(
        name,
        username=cparams.get("user"),
        # The host of a unix socket is a folder.
        host=None if host.startswith("/") else host,
        port=int(cparams["port"]) if str(cparams.get("port") or "").isdecimal() else None,
        database=cparams.get("dbname") or cparams.get("database"),
        query={"host": host} if host.startswith("/") else {},
    )
    return url.render_as_string().replace("%2F", "/")
