"""The target becomes what the source is, a batch at a time; each batch is one short transaction."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Table, UniqueConstraint
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError

from ostiary.copying.rows import (
    Columns,
    CopyRefused,
    Key,
    add,
    all_columns,
    change,
    is_same,
    key_columns,
    key_of,
    look_up,
    page_after,
    pages,
    remove,
    select_by,
    transaction,
)
from ostiary.kernel.database import AnyRow, Connection, Database


@dataclass(frozen=True, slots=True)
class Merged:
    """How many rows were inserted, and how many were updated."""

    copied: int
    changed: int


async def remove_surplus(source: Connection, target: Database, table: Table) -> int:
    """Delete the rows of the target that the source does not have; return how many those were."""
    columns = key_columns(table)
    removed = 0
    last: Key | None = None
    while True:
        async with target.read() as connection:
            page = await page_after(connection, table, columns, last)
        if not page:
            return removed
        keys = [key_of(table, row) for row in page]
        last = keys[-1]
        kept = await look_up(source, table, columns, keys)
        surplus = [key for key in keys if key not in kept]
        if surplus:
            async with transaction(target) as tx:
                await remove(tx, table, surplus)
            removed += len(surplus)


async def merge(source: Connection, target: Database, table: Table) -> Merged:
    """Insert the rows that the target lacks, and update those that differ.

    Columns that refer to the table itself are written in a second pass, when every row is there;
    such a row counts as inserted and as updated. Raises `CopyRefused` for a row that the target
    does not take.
    """
    columns = all_columns(table)
    within = [one for one in columns if any(key.column.table is table for key in one.foreign_keys)]
    if not within:
        return await _pass(source, target, table, columns)
    first = await _pass(source, target, table, [one for one in columns if one not in within])
    second = await _pass(source, target, table, columns)
    return Merged(first.copied, first.changed + second.changed)


async def _pass(source: Connection, target: Database, table: Table, columns: Columns) -> Merged:
    copied = changed = 0
    async with target.read() as connection:
        is_empty = not await page_after(connection, table, key_columns(table), None)
    # Most of a first run: there is nothing to look up, and nothing in the way.
    apply = _fill if is_empty else _apply
    async for page in pages(source, table, columns):
        try:
            async with transaction(target) as tx:
                applied = await apply(source, tx, table, columns, page)
        except (InterfaceError, OperationalError):
            raise  # the connection, not the rows
        except DBAPIError:
            applied = await _apply_singly(source, target, table, columns, page)
        copied += applied.copied
        changed += applied.changed
    return Merged(copied, changed)


async def _apply_singly(
    source: Connection, target: Database, table: Table, columns: Columns, page: Sequence[AnyRow]
) -> Merged:
    """The page, a row at a time, so that the refusal names the row."""
    copied = changed = 0
    for row in page:
        try:
            async with transaction(target) as tx:
                applied = await _apply(source, tx, table, columns, [row])
        except (InterfaceError, OperationalError):
            raise
        except DBAPIError as error:
            reason = _without_values(str(error.orig), table)
            key = ", ".join(map(str, key_of(table, row)))
            raise CopyRefused(
                f"{table.name}, row {key}: the target does not take it ({reason}). "
                "Correct the row in the source, and run the same command again."
            ) from None
        copied += applied.copied
        changed += applied.changed
    return Merged(copied, changed)


def _without_values(reason: str, table: Table) -> str:
    """The driver's words, up to the first that may be a value of the row.

    Values stand on later lines, behind a colon, or in quotes. Names of the schema stand in quotes
    too, and stay.
    """
    line = re.sub(r"^<class '[\w.]+'>: ", "", reason.partition("\n")[0])
    start = line.partition(": ")[0]
    names = {table.name, *table.columns.keys(), *(str(one.name) for one in table.constraints)}
    names |= {str(one.name) for one in table.indexes}
    end = 0
    while (quote := re.compile("[\"']").search(start, end)) is not None:
        end = start.find(quote[0], quote.end()) + 1
        if not end or start[quote.end() : end - 1] not in names:
            return f"{start[: quote.start()]}…"
    return start


async def _fill(
    _source: Connection, tx: Connection, table: Table, columns: Columns, page: Sequence[AnyRow]
) -> Merged:
    await add(tx, table, columns, page)
    return Merged(len(page), 0)


async def _apply(
    source: Connection, tx: Connection, table: Table, columns: Columns, page: Sequence[AnyRow]
) -> Merged:
    found = await look_up(tx, table, columns, [key_of(table, row) for row in page])
    differing = [row for row in page if not is_same(row, found.get(key_of(table, row)))]
    if not differing:
        return Merged(0, 0)
    known = found.keys() - await _evict(source, tx, table, columns, differing)
    missing = [row for row in differing if key_of(table, row) not in known]
    changed = [row for row in differing if key_of(table, row) in known]
    await add(tx, table, columns, missing)
    await change(tx, table, columns, changed)
    return Merged(len(missing), len(changed))


async def _evict(
    source: Connection, tx: Connection, table: Table, columns: Columns, rows: Sequence[AnyRow]
) -> set[Key]:
    """Delete the rows of the target that hold what is unique in one of `rows`; return their keys.

    Since the last run a row has given such a value to another one. The source says what the first
    row holds now; its page, which is this one or a later one, inserts it again, and the tables
    behind this one insert what went with it.
    """
    holders: set[Key] = set()
    positions = {column.name: number for number, column in enumerate(columns)}
    for unique, condition in _uniques(table):
        owners: dict[Key, Key] = {}
        for row in rows:
            value = tuple(row[positions[column.name]] for column in unique)
            if None not in value:
                owners[value] = key_of(table, row)
        if not owners:
            continue
        for row in await select_by(tx, table, unique, owners, condition=condition):
            key = key_of(table, row)
            if owners[tuple(row[len(key) :])] != key:
                holders.add(key)
    if not holders:
        return set()
    held = await look_up(tx, table, columns, list(holders))
    right = await look_up(source, table, columns, list(holders))
    # A row that is what the source has is in nobody's way: the source has both.
    evicted = {key for key, row in held.items() if not is_same(row, right.get(key))}
    await remove(tx, table, list(evicted))
    return evicted


def _uniques(table: Table) -> Iterator[tuple[Columns, ColumnElement[bool] | None]]:
    """What is unique besides the primary key: columns, and of which rows (None: of all)."""
    for constraint in table.constraints:
        if isinstance(constraint, UniqueConstraint):
            yield list(constraint.columns), None
    for index in table.indexes:
        if index.unique:
            yield list(index.columns), index.dialect_options["postgresql"]["where"]
