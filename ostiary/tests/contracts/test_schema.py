"""The migrations build exactly the tables that the code describes, on both databases."""

import json
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import (
    CheckConstraint,
    Connection,
    ForeignKeyConstraint,
    UniqueConstraint,
    inspect,
    text,
)

from ostiary import migrations
from ostiary.installation import making
from ostiary.kernel import schema
from ostiary.kernel.database import Base, Database
from ostiary.runtime import Runtime, open_runtime
from ostiary.settings import Settings, SettingsError


def _shape(connection: Connection) -> dict[str, Any]:
    """Every table, column, key, index and constraint, by name."""
    found = inspect(connection)
    shape: dict[str, Any] = {}
    for table in sorted(set(found.get_table_names()) - {"alembic_version"}):
        uniques = {one["name"] for one in found.get_unique_constraints(table)}
        shape[table] = {
            "columns": {
                one["name"]: (str(one["type"].as_generic()), one["nullable"])
                for one in found.get_columns(table)
            },
            "primary": found.get_pk_constraint(table)["name"],
            "unique": sorted(map(str, uniques)),
            "indexes": {
                one["name"]: (one["column_names"], bool(one["unique"]))
                for one in found.get_indexes(table)
                if one["name"] not in uniques  # PostgreSQL lists those once more
            },
            "checks": sorted(str(one["name"]) for one in found.get_check_constraints(table)),
            "foreign": {
                one["name"]: (one["referred_table"], one["options"].get("ondelete"))
                for one in found.get_foreign_keys(table)
            },
        }
    return shape


def _described() -> dict[str, Any]:
    """The same of `Base.metadata`."""
    shape: dict[str, Any] = {}
    for table in Base.metadata.tables.values():
        uniques = [one for one in table.constraints if isinstance(one, UniqueConstraint)]
        foreign = [one for one in table.constraints if isinstance(one, ForeignKeyConstraint)]
        checks = [one for one in table.constraints if isinstance(one, CheckConstraint)]
        shape[table.name] = {
            "columns": set(table.columns.keys()),
            "primary": table.primary_key.name,
            "unique": sorted(str(one.name) for one in uniques),
            "indexes": {
                one.name: ([column.name for column in one.columns], one.unique)
                for one in table.indexes
            },
            "checks": sorted(f"ck_{table.name}_{one.name}" for one in checks),
            "foreign": {one.name: (one.referred_table.name, one.ondelete) for one in foreign},
        }
    return shape


async def test_the_migrations_build_exactly_what_the_code_describes(rt: Runtime) -> None:
    async with rt.db.read() as connection:
        built = await connection.run_sync(_shape)
    assert built == {
        name: one | {"columns": built[name]["columns"]} for name, one in _described().items()
    }
    assert {name: one["columns"].keys() for name, one in built.items()} == {
        name: one["columns"] for name, one in _described().items()
    }


async def test_autogenerate_finds_nothing_left_to_migrate(rt: Runtime) -> None:
    def compare(connection: Connection) -> list[Any]:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        return list(compare_metadata(context, Base.metadata))

    async with rt.db.read() as connection:
        assert await connection.run_sync(compare) == []


async def test_the_shape_is_the_same_on_sqlite(rt: Runtime, tmp_path: Path) -> None:
    (tmp_path / "other.db").touch()
    sqlite = Database(f"sqlite:///{tmp_path}/other.db", pool_size=1)
    assert await migrations.upgrade(sqlite) == schema.head()
    async with sqlite.read() as connection:
        expected = await connection.run_sync(_shape)
    await sqlite.close()
    async with rt.db.read() as connection:
        built = await connection.run_sync(_shape)
    # BLOB and BYTEA, VARCHAR and TEXT have one generic name; the zone of an instant has two.
    assert str(built).replace("TIMESTAMP", "DATETIME") == str(expected)


def test_history_is_one_numbered_line_with_one_head() -> None:
    script = ScriptDirectory(str(Path(migrations.__file__).parent))
    revisions = list(script.walk_revisions())
    assert len(script.get_heads()) == 1
    assert script.get_current_head() == f"{schema.head():04}"
    numbers = [f"{number:04}" for number in range(schema.head(), 0, -1)]
    assert [one.revision for one in revisions] == numbers
    assert [Path(one.path).name[:5] for one in revisions] == [f"{number}_" for number in numbers]
    assert [one.down_revision for one in revisions] == [*numbers[1:], None]


def test_every_foreign_key_says_what_happens_on_delete() -> None:
    keys = [key for table in Base.metadata.tables.values() for key in table.foreign_keys]
    assert keys
    assert {str(key.parent) for key in keys if key.ondelete is None} == set()


def test_every_foreign_key_is_led_by_an_index() -> None:
    # Otherwise deleting a user reads every session there is.
    for table in Base.metadata.tables.values():
        led = {index.columns.values()[0].name for index in table.indexes}
        for key in table.foreign_keys:
            assert key.parent.name in led, key


async def test_migrating_twice_changes_nothing(rt: Runtime) -> None:
    async with rt.db.read() as connection:
        before = await connection.run_sync(_shape)
    assert await migrations.upgrade(rt.db) == 0
    async with rt.db.read() as connection:
        assert await connection.run_sync(_shape) == before


async def test_a_database_of_a_later_version_is_used_as_it_is(
    rt: Runtime, settings: Settings
) -> None:
    # Migrations only expand, so that a process of the last version goes on during an upgrade.
    async with rt.db.write() as tx:
        await tx.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    try:
        async with open_runtime(settings, clock=rt.clock) as older:
            assert json.loads(await older.keys.published())["keys"]
    finally:
        async with rt.db.write() as tx:
            number = f"{schema.head():04}"
            await tx.execute(text("UPDATE alembic_version SET version_num = :n"), {"n": number})


async def test_a_database_behind_its_migrations_is_refused(rt: Runtime, settings: Settings) -> None:
    for number, says in (("0000", "has no tables yet"), ("0001", "is at migration 0001")):
        async with rt.db.write() as tx:
            await tx.execute(text("UPDATE alembic_version SET version_num = :n"), {"n": number})
        try:
            with pytest.raises(schema.SchemaBehind, match=f"{says}.*`ostiary migrate`"):
                async with open_runtime(settings):
                    pass
        finally:
            async with rt.db.write() as tx:
                head = {"n": f"{schema.head():04}"}
                await tx.execute(text("UPDATE alembic_version SET version_num = :n"), head)


async def test_a_database_of_another_application_is_refused(
    rt: Runtime, settings: Settings
) -> None:
    async with rt.db.write() as tx:
        await tx.execute(text("UPDATE alembic_version SET version_num = '1a2b3c'"))
    try:
        with pytest.raises(SettingsError, match="belongs to another application"):
            async with open_runtime(settings):
                pass
        with pytest.raises(SettingsError, match="belongs to another application"):
            await making.migrate(settings)
    finally:
        async with rt.db.write() as tx:
            head = {"n": f"{schema.head():04}"}
            await tx.execute(text("UPDATE alembic_version SET version_num = :n"), head)


async def test_a_server_migrates_an_empty_sqlite_file(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "fresh.db").touch()
    url = f"sqlite:///{tmp_path}/fresh.db"
    fresh = Settings(**settings.model_dump() | {"database_url": url})
    assert (await making.prepare(fresh)).sentences() == ""
    async with open_runtime(fresh) as opened, opened.db.read() as connection:
        assert await schema.current(connection) == schema.head()
