"""One run: check, remove, merge, compare. Started again, it goes on where it was stopped."""

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Literal

from sqlalchemy import Table, text

from ostiary.copying import source, target
from ostiary.copying.comparing import compare
from ostiary.copying.merging import merge, remove_surplus
from ostiary.copying.rows import transaction
from ostiary.kernel.database import Base, Connection, Database
from ostiary.kernel.keyring import SigningKey

_PACKAGE = Path(__file__).parent.parent


@dataclass(frozen=True, slots=True)
class CopiedTable:
    """What one run did to one table; it is equal where no row is `differing`."""

    name: str
    rows: int
    copied: int
    changed: int
    removed: int
    differing: int


@dataclass(frozen=True, slots=True)
class Copied:
    """What one run did. `is_held`: nobody else could use the source while it ran."""

    tables: tuple[CopiedTable, ...]
    is_held: bool

    @property
    def is_equal(self) -> bool:
        """Whether the target held exactly the rows of the snapshot."""
        return not any(one.differing for one in self.tables)


Step = Literal["copying", "comparing"]
Tell = Callable[[Step, str], None]
"""Is told the step and the table, before the table's turn."""


async def copy(source_url: str, to: Database, *, tell: Tell = lambda _step, _table: None) -> Copied:
    """Make `to` the copy of the SQLite file of `source_url`, and compare every row.

    One snapshot of the source is copied and compared. The source is not written to, so a server
    may go on using it; then `Copied.is_held` is false, and a later run brings what it wrote since.
    Raises `CopyRefused` where the source or the target cannot be used; nothing is written then.
    """
    tables = every_table()
    names = {one.name for one in tables}
    async with source.opened(source_url, tables=names) as opened, target.claimed(to):
        await target.check(opened.connection, to, tables)
        rows = await _copy(opened.connection, to, tables, tell)
    return Copied(rows, opened.is_held)


def every_table() -> list[Table]:
    """The tables of every slice, parents before children; signing keys first: they tell whose."""
    for file in sorted(_PACKAGE.rglob("tables.py")):
        parts = file.relative_to(_PACKAGE).with_suffix("").parts
        import_module(".".join(("ostiary", *parts)))
    name = SigningKey.__tablename__
    return sorted(Base.metadata.sorted_tables, key=lambda one: one.name != name)


async def _copy(
    opened: Connection, to: Database, tables: list[Table], tell: Tell
) -> tuple[CopiedTable, ...]:
    # What is gone goes first: its unique values may have new owners.
    removed = {one.name: await remove_surplus(opened, to, one) for one in reversed(tables)}
    merged = {}
    for one in tables:
        tell("copying", one.name)
        merged[one.name] = await merge(opened, to, one)
    compared = {}
    async with transaction(to) as tx:
        if not to.is_sqlite:
            await tx.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"))
        for one in tables:
            tell("comparing", one.name)
            compared[one.name] = await compare(opened, tx, one)
    return tuple(
        CopiedTable(
            one.name,
            rows=compared[one.name].rows,
            copied=merged[one.name].copied,
            changed=merged[one.name].changed,
            removed=removed[one.name],
            differing=compared[one.name].differing,
        )
        for one in tables
    )
