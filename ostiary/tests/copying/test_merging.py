"""Every kind of value, key and reference comes through a merge, and no difference is overlooked."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    select,
    text,
)

from ostiary.copying.comparing import Compared, compare
from ostiary.copying.merging import Merged, merge, remove_surplus
from ostiary.copying.rows import BATCH, CopyRefused
from ostiary.kernel.database import Database, UtcDateTime

_META = MetaData()
_FIRST = text("state = 'first'")
PERSON = Table(
    "person",
    _META,
    Column("name", String(40), primary_key=True),
    Column("boss", ForeignKey("person.name", ondelete="SET NULL")),
    Column("badge", String(40), unique=True),
    Column("state", String(8)),
    Column("room", Integer),
    Index("uq_person_room", "room", unique=True, sqlite_where=_FIRST, postgresql_where=_FIRST),
)
THING = Table(
    "thing",
    _META,
    Column("owner", ForeignKey("person.name", ondelete="CASCADE"), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("flag", Boolean),
    Column("big", BigInteger),
    Column("raw", LargeBinary),
    Column("words", String(200)),
    Column("at", UtcDateTime),
    Column("data", JSON),
)
AT = datetime(2026, 3, 1, 12, 0, 0, 123_456, tzinfo=UTC)
DATA = {"b": [1, 1.0, True, None, "ß\U0001f511"], "a": {"n": 2**60}}
FULL = {"flag": True, "big": 2**62, "raw": bytes(range(256)), "words": "ŁódźA\u0301 \U0001f511"}
# Some sort by code points in another order than people do, on either side of a page's end.
NAMES = [f"{first}{number:04}" for first in ("a", "B", "_", "-", "é") for number in range(240)]


@pytest.fixture
async def source_db(tmp_path: Path) -> AsyncIterator[Database]:
    """The source, filled."""
    (tmp_path / "merge.db").touch()
    db = Database(f"sqlite:///{tmp_path}/merge.db", pool_size=2)
    people = [
        {"name": name, "boss": other, "badge": f"{name} badge", "state": "first", "room": number}
        for number, (name, other) in enumerate(zip(NAMES, reversed(NAMES), strict=True))
    ]
    async with db.write() as tx:
        await tx.run_sync(_META.create_all)
        await tx.execute(PERSON.insert(), [{**one, "boss": None} for one in people])
        await tx.execute(
            text("UPDATE person SET boss = :boss WHERE name = :name"),
            [{"name": one["name"], "boss": one["boss"]} for one in people],
        )
        await tx.execute(
            THING.insert(),
            [
                {"owner": name, "number": number, "at": AT, "data": DATA, **FULL}
                for name in NAMES[:600]
                for number in (1, 2)
            ],
        )
        empty = dict.fromkeys(("flag", "big", "raw", "words", "at"))
        await tx.execute(THING.insert(), [{"owner": "a0001", "number": 3, **empty, "data": {}}])
        await tx.execute(text("UPDATE thing SET data = NULL WHERE number = 3"))
        await tx.execute(THING.insert(), [{"owner": "a0001", "number": 4, **empty, "data": None}])
    yield db
    await db.close()


async def _copy(db: Database, target: Database) -> tuple[Merged, Merged, list[Compared]]:
    async with db.read() as source:
        for table in (THING, PERSON):
            await remove_surplus(source, target, table)
        people = await merge(source, target, PERSON)
        things = await merge(source, target, THING)
    return people, things, await _compare(db, target)


async def _compare(db: Database, target: Database) -> list[Compared]:
    async with db.read() as left, target.read() as right:
        return [await compare(left, right, table) for table in (PERSON, THING)]


async def _run(db: Database, *statements: str) -> None:
    async with db.write() as tx:
        for statement in statements:
            assert (await tx.execute(text(statement))).rowcount


EQUAL = [Compared(len(NAMES), 0), Compared(1_202, 0)]


async def test_every_value_and_reference_arrives_as_it_was(
    source_db: Database, target: Database
) -> None:
    async with target.write() as tx:
        await tx.run_sync(_META.create_all)
    assert len(NAMES) > BATCH
    people, things, compared = await _copy(source_db, target)
    assert compared == EQUAL
    assert (people.copied, things) == (len(NAMES), Merged(1_202, 0))
    rows = select(THING).order_by(THING.c.number)
    async with target.read() as connection:
        for row in await connection.execute(rows.where(THING.c.number < 3).limit(5)):
            assert row._mapping == {**row._mapping, "at": AT, "data": DATA, **FULL}
            assert str(row.data) == str(DATA)  # the order of its members, and 1 is not 1.0
        nulls = select(THING.c.number).where(THING.c.data.is_(text("NULL")))
        assert (await connection.scalars(nulls)).all() == [3]  # 4 holds a null of JSON
        bosses = select(PERSON.c.name, PERSON.c.boss)
        found = [tuple(row) for row in await connection.execute(bosses)]
        assert dict(found) == dict(zip(NAMES, reversed(NAMES), strict=True))


async def test_what_has_changed_hands_or_gone_is_followed(
    source_db: Database, target: Database
) -> None:
    async with target.write() as tx:
        await tx.run_sync(_META.create_all)
    await _copy(source_db, target)
    first, last, near = "-0000", "é0239", "-0001"  # the ends of the source's order, and a neighbour
    await _run(
        source_db,
        # Two rows swap what is unique: one page apart, and within one page.
        *_swap(first, last, "badge"),
        *_swap(first, near, "room"),
        # The only one with a room may move out of where rooms are unique, and another in.
        "UPDATE person SET state = 'second' WHERE name = 'B0007'",
        "UPDATE person SET room = (SELECT room FROM person WHERE name = 'B0007') "
        "WHERE name = 'a0007'",
        # Somebody goes; the badge has a new owner whose name sorts before every other.
        "DELETE FROM person WHERE name = 'a0003'",
        "INSERT INTO person (name, badge) VALUES ('!', 'a0003 badge')",
        "UPDATE thing SET number = 9 WHERE owner = 'a0005' AND number = 1",
    )
    _, things, compared = await _copy(source_db, target)
    assert compared == [Compared(len(NAMES), 0), Compared(1_200, 0)]
    people, things, compared = await _copy(source_db, target)
    assert (people, things) == (Merged(0, 0), Merged(0, 0))


def _swap(one: str, other: str, column: str) -> list[str]:
    value = {name: f"(SELECT {column} FROM kept WHERE name = '{name}')" for name in (one, other)}
    return [
        f"CREATE TEMP TABLE kept AS SELECT * FROM person WHERE name IN ('{one}', '{other}')",
        f"UPDATE person SET {column} = NULL WHERE name = '{one}'",
        f"UPDATE person SET {column} = {value[one]} WHERE name = '{other}'",
        f"UPDATE person SET {column} = {value[other]} WHERE name = '{one}'",
        "DROP TABLE kept",
    ]


DAMAGES = [
    "UPDATE thing SET flag = NOT flag WHERE {one}",
    "UPDATE thing SET flag = NULL WHERE {one}",
    "UPDATE thing SET big = big - 1 WHERE {one}",
    "UPDATE thing SET words = '\u0141\u00f3d\u017a\u00c1 \U0001f511' WHERE {one}",  # looks the same
    "UPDATE thing SET words = words || ' ' WHERE {one}",
    "UPDATE thing SET at = '2026-03-01 12:00:00.123457{zone}' WHERE {one}",
    "UPDATE thing SET data = '{\"b\": 1}' WHERE {one}",
    "UPDATE thing SET data = 'null' WHERE owner = 'a0001' AND number = 3",
    "UPDATE thing SET data = NULL WHERE owner = 'a0001' AND number = 4",
    "UPDATE thing SET raw = NULL WHERE {one}",
    "DELETE FROM thing WHERE {one}",
    "INSERT INTO thing (owner, number) VALUES ('B0000', 8)",
]


async def test_a_comparison_overlooks_nothing(source_db: Database, target: Database) -> None:
    async with target.write() as tx:
        await tx.run_sync(_META.create_all)
    _, _, compared = await _copy(source_db, target)
    assert compared == EQUAL
    zone = "" if target.is_sqlite else "+00"
    for number, damage in enumerate(DAMAGES):
        one = f"owner = 'B{number:04}' AND number = 1"
        await _run(target, damage.replace("{one}", one).replace("{zone}", zone))
        if number in (0, 6):
            assert await _compare(source_db, target) == [EQUAL[0], Compared(1_202, number + 1)]
    assert await _compare(source_db, target) == [EQUAL[0], Compared(1_202, len(DAMAGES))]
    _, things, compared = await _copy(source_db, target)
    assert (things, compared) == (Merged(1, len(DAMAGES) - 2), EQUAL)


async def test_a_row_that_the_target_does_not_take_is_named_and_its_values_are_not(
    source_db: Database, target: Database
) -> None:
    async with target.write() as tx:
        await tx.run_sync(_META.create_all)
        if target.is_sqlite:  # which checks no length by itself
            await tx.execute(
                text(
                    "CREATE TRIGGER short BEFORE INSERT ON thing WHEN length(new.words) > 200 "
                    "BEGIN SELECT RAISE(ABORT, 'value too long'); END"
                )
            )
    await _run(
        source_db,
        f"UPDATE thing SET words = '{'secret' * 50}' WHERE owner = 'B0000' AND number = 1",
    )
    with pytest.raises(CopyRefused) as refused:
        await _copy(source_db, target)
    assert str(refused.value).startswith(
        "thing, row B0000, 1: the target does not take it (value too long"
    )
    assert "secret" not in str(refused.value)
    await _run(source_db, "UPDATE thing SET words = '' WHERE owner = 'B0000' AND number = 1")
    _, _, compared = await _copy(source_db, target)
    assert compared == EQUAL


SECRET = "$argon2id$v=19$m=24576,t=2,p=1$secretsalt$secrethash"
QUOTING = [
    (f"invalid input for query argument $4: '{SECRET}' (expected int)", "query argument $4)"),
    (f'value "{SECRET}" is out of range', "value …)"),
    (
        f"no 'big' in \"thing\" is 'it''s {SECRET}', it is >: {SECRET}",
        "no 'big' in \"thing\" is …)",
    ),
    (f"wrong\nDETAIL: {SECRET}", "(wrong)"),
]


async def test_the_words_of_the_driver_are_told_without_a_value(
    source_db: Database, target: Database
) -> None:
    one = "owner = 'B0000' AND number = 1"
    async with target.write() as tx:
        await tx.run_sync(_META.create_all)
    # PostgreSQL's driver refuses what is no number. SQLite takes it: a trigger refuses it there.
    await _run(source_db, f"UPDATE thing SET big = '{SECRET}' WHERE {one}")
    for words, says in QUOTING if target.is_sqlite else QUOTING[:1]:
        if target.is_sqlite:
            quoted = words.replace("'", "''")
            async with target.write() as tx:
                await tx.execute(text("DROP TRIGGER IF EXISTS wrong"))
                await tx.exec_driver_sql(
                    "CREATE TRIGGER wrong BEFORE INSERT ON thing WHEN typeof(new.big) = 'text' "
                    f"BEGIN SELECT RAISE(ABORT, '{quoted}'); END"
                )
        with pytest.raises(CopyRefused) as refused:
            await _copy(source_db, target)
        assert says in str(refused.value)
        assert "secret" not in str(refused.value), words
