"""The history of the schema: one numbered line of migrations that only expand.

Owns: bringing a database to head. Does not own: the tables (each slice's `tables.py`).
"""

from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, text

from ostiary.kernel.database import Database
from ostiary.kernel.schema import current, head

_ONE_AT_A_TIME = 0x0571A21  # an arbitrary name for PostgreSQL's advisory lock


def config(connection: Connection) -> Config:
    """Alembic's configuration for an open connection; there is no alembic.ini."""
    settings = Config()
    settings.set_main_option("script_location", str(Path(__file__).parent))
    settings.set_main_option("path_separator", "os")
    settings.attributes["connection"] = connection
    return settings


async def upgrade(db: Database) -> int:
    """Run what is missing, in one transaction; return how many migrations that were.

    Two processes may call it at once: the second finds nothing left to do.
    """
    async with db.write() as tx:
        if not db.is_sqlite:  # SQLite's writers queue by themselves
            await tx.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _ONE_AT_A_TIME})
        before = await current(tx)
        if before >= head():
            return 0
        await tx.run_sync(lambda connection: command.upgrade(config(connection), "head"))
        return head() - before
