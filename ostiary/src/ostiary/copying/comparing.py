"""Two tables are equal when each row of one is in the other, value by value, and no more are."""

from dataclasses import dataclass

from sqlalchemy import Table

from ostiary.copying.rows import (
    all_columns,
    is_same,
    key_columns,
    key_of,
    look_up,
    pages,
)
from ostiary.kernel.database import Connection


@dataclass(frozen=True, slots=True)
class Compared:
    """`rows` of the source; `differing` are those that differ, are missing, or are too many."""

    rows: int
    differing: int


async def compare(source: Connection, target: Connection, table: Table) -> Compared:
    """Compare every row of `table`; each connection reads one snapshot."""
    columns = all_columns(table)
    rows = differing = found_by_key = held = 0
    async for page in pages(source, table, columns):
        found = await look_up(target, table, columns, [key_of(table, row) for row in page])
        rows += len(page)
        found_by_key += len(found)
        differing += sum(not is_same(row, found.get(key_of(table, row))) for row in page)
    async for keys in pages(target, table, key_columns(table)):
        held += len(keys)
    return Compared(rows, differing + held - found_by_key)
