"""Rows as they are copied and compared: in pages by primary key, JSON as the text that is stored.

No page order is shared between the two databases, which may sort text in different ways: each
pages in its own order and is asked for the other's keys.
"""

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

from sqlalchemy import (
    JSON,
    BindParameter,
    Column,
    ColumnElement,
    Select,
    Table,
    Text,
    bindparam,
    cast,
    delete,
    insert,
    select,
    text,
    tuple_,
    update,
)
from sqlalchemy.sql.dml import UpdateBase

from ostiary.kernel.database import AnyRow, Connection, Database

BATCH = 1_000
"""Rows in one page, and in one transaction on the target."""

Key = tuple[Any, ...]
"""The values of a row's primary key."""

Columns = Sequence[Column[Any]]


class CopyRefused(Exception):
    """The copy cannot go on; the text says why, and what to do next."""


@asynccontextmanager
async def transaction(target: Database) -> AsyncIterator[Connection]:
    """One transaction on the target, whose statements are planned anew each time.

    A plan that PostgreSQL keeps from when a table was empty reads all of it for every batch.
    """
    async with target.write() as tx:
        if not target.is_sqlite:
            await tx.execute(text("SET LOCAL plan_cache_mode = force_custom_plan"))
        yield tx


def key_columns(table: Table) -> Columns:
    """The columns of the primary key."""
    return list(table.primary_key.columns)


def all_columns(table: Table) -> Columns:
    """Every column, those of the primary key first."""
    return [*key_columns(table), *(one for one in table.columns if not one.primary_key)]


def key_of(table: Table, row: AnyRow) -> Key:
    """The primary key of a row whose first columns it is."""
    return tuple(row[: len(table.primary_key.columns)])


def is_same(left: AnyRow, right: AnyRow | None) -> bool:
    """Whether two rows of the same columns hold the same values."""
    return right is not None and left == right


async def pages(
    connection: Connection, table: Table, columns: Columns
) -> AsyncIterator[Sequence[AnyRow]]:
    """The rows of `table`, a page at a time, in the order that the database gives to its keys."""
    last: Key | None = None
    while page := await page_after(connection, table, columns, last):
        yield page
        if len(page) < BATCH:
            return
        last = key_of(table, page[-1])


async def page_after(
    connection: Connection, table: Table, columns: Columns, last: Key | None
) -> Sequence[AnyRow]:
    """The page behind the key `last`; the first one where that is None."""
    statement = _select(columns).order_by(*key_columns(table)).limit(BATCH)
    if last is not None:
        key: Any = _key(table)
        statement = statement.where(key > (last[0] if len(last) == 1 else last))
    return (await connection.execute(statement)).all()


async def look_up(
    connection: Connection, table: Table, columns: Columns, keys: Sequence[Key]
) -> dict[Key, AnyRow]:
    """The rows with these keys, of which there may be fewer."""
    found = await connection.execute(_select(columns).where(_is_among(table, keys)))
    return {key_of(table, row): row for row in found}


async def select_by(
    tx: Connection,
    table: Table,
    columns: Columns,
    values: Iterable[Key],
    *,
    condition: ColumnElement[bool] | None,
) -> Sequence[AnyRow]:
    """The keys, then `columns`, of the rows whose `columns` hold one of `values`."""
    statement = _select([*key_columns(table), *columns]).where(tuple_(*columns).in_(list(values)))
    if condition is not None:
        statement = statement.where(condition)
    return (await tx.execute(statement)).all()


async def add(tx: Connection, table: Table, columns: Columns, rows: Sequence[AnyRow]) -> None:
    """Insert `rows`."""
    await _run(tx, insert(table).values(_assigned(tx, columns)), columns, rows)


async def change(tx: Connection, table: Table, columns: Columns, rows: Sequence[AnyRow]) -> None:
    """Update the rows with the keys of `rows` to what these hold."""
    others = [one for one in columns if not one.primary_key]
    statement = update(table).values(_assigned(tx, others))
    for column in key_columns(table):
        statement = statement.where(column == _bound(column))
    await _run(tx, statement, columns, rows)


async def remove(tx: Connection, table: Table, keys: Sequence[Key]) -> None:
    """Delete the rows with these keys."""
    await tx.execute(delete(table).where(_is_among(table, keys)))


async def _run(
    tx: Connection, statement: UpdateBase, columns: Columns, rows: Sequence[AnyRow]
) -> None:
    if rows:
        names = [f"new_{column.name}" for column in columns]
        await tx.execute(statement, [dict(zip(names, row, strict=True)) for row in rows])


def _select(columns: Columns) -> Select[*tuple[Any, ...]]:
    # As text: a null in JSON and a NULL stay two things, and no number or order of members changes.
    return select(
        *(cast(one, Text).label(one.name) if isinstance(one.type, JSON) else one for one in columns)
    )


def _assigned(tx: Connection, columns: Columns) -> Mapping[str, ColumnElement[Any]]:
    is_typed = tx.dialect.name == "postgresql"  # SQLite would make a number of the text
    return {
        one.name: cast(_bound(one), one.type)
        if is_typed and isinstance(one.type, JSON)
        else _bound(one)
        for one in columns
    }


def _bound(column: Column[Any]) -> BindParameter[Any]:
    is_json = isinstance(column.type, JSON)
    return bindparam(f"new_{column.name}", type_=Text() if is_json else column.type)


def _key(table: Table) -> ColumnElement[Any]:
    columns = key_columns(table)
    return columns[0] if len(columns) == 1 else tuple_(*columns)


def _is_among(table: Table, keys: Sequence[Key]) -> ColumnElement[bool]:
    if len(table.primary_key.columns) == 1:
        return _key(table).in_([key[0] for key in keys])
    return _key(table).in_(keys)
