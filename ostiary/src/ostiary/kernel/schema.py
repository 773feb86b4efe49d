"""What the database's schema is, and what this code needs it to be. Knows no Alembic.

Migrations only expand, so code runs on its own schema or a newer one, never on an older.
"""

from pathlib import Path

from sqlalchemy import inspect, text
from sqlalchemy.ext.asyncio import AsyncConnection

VERSIONS = Path(__file__).parent.parent / "migrations" / "versions"


class SchemaBehind(Exception):
    """The database lacks migrations that this code needs."""


class SchemaUnknown(Exception):
    """The database holds the migrations of another application."""


def head() -> int:
    """The number of the newest migration (their files are named `0001_…`, `0002_…`)."""
    return max(int(file.name[:4]) for file in VERSIONS.glob("[0-9]*.py"))


async def current(connection: AsyncConnection) -> int:
    """The number of the last migration that the database has seen; 0 for an empty one.

    Raises `SchemaUnknown`.
    """
    if not await connection.run_sync(lambda sync: inspect(sync).has_table("alembic_version")):
        return 0
    found = await connection.scalar(text("SELECT version_num FROM alembic_version"))
    return to_number(found)


def to_number(version: str | None) -> int:
    """The number of the migration `version`; 0 for none. Raises `SchemaUnknown`."""
    if not version:
        return 0
    if not (version.isascii() and version.isdigit()):
        # Another application that uses Alembic names its migrations in another way.
        raise SchemaUnknown
    return int(version)
