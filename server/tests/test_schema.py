"""The chain of migrations makes the tables that the code names, on both databases, and knows its own limits."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect, text

from learntrac.kit.db import Database
from learntrac.opening import open_database
from learntrac.schema import METADATA, SchemaProblem, alembic_config, migrate
from learntrac.trac.environment import EnvironmentProblem
from tests.conftest import make_settings
from tests.environments import Postgres

NOT_OURS = ("concept_text", "passage_text", "procrastinate_")  # differ on each database, or another package's


@pytest.fixture(params=["sqlite", "postgresql"])
async def database(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Database]:
    """An empty database of each kind."""
    if request.param == "sqlite":
        opened = Database(f"sqlite:///{tmp_path}/folder/learntrac.db")
    else:
        postgres: Postgres = request.getfixturevalue("postgres")
        postgres.create_database("schema_test")
        opened = Database(postgres.url("schema_test", "asyncpg"))
    yield opened
    await opened.close()
    if request.param == "postgresql":
        postgres.drop_database("schema_test")


async def on(database: Database, work: Callable[[Connection], Any]) -> Any:
    async with database.administer() as connection:
        return await connection.run_sync(work)


def differences(connection: Connection) -> list[Any]:
    def is_ours(name: str | None, kind: str, _parents: object) -> bool:
        return kind != "table" or not (name or "").startswith(NOT_OURS)

    def belongs_here(_object: object, name: str | None, kind: str, _reflected: bool, _other: object) -> bool:
        return kind != "table" or name in tables_of(connection)

    options = {
        "compare_type": True,
        "compare_server_default": True,
        "include_name": is_ours,
        "include_object": belongs_here,
    }
    return list(compare_metadata(MigrationContext.configure(connection, opts=options), METADATA))


def tables_of(connection: Connection) -> set[str]:
    """The tables that the code names for this kind of database."""
    dialects = (None, connection.dialect.name)
    return {name for name, table in METADATA.tables.items() if table.info.get("dialect") in dialects}


def downgrade(connection: Connection) -> None:
    config = alembic_config()
    config.attributes["connection"] = connection
    command.downgrade(config, "base")


def table_names(connection: Connection) -> set[str]:
    return set(inspect(connection).get_table_names()) - {"alembic_version"}


async def test_the_migrations_make_what_the_code_names(database: Database) -> None:
    await migrate(database)

    assert await on(database, differences) == []
    names, ours = await on(database, table_names), await on(database, tables_of)
    assert names >= ours
    assert {name for name in names - ours if not name.startswith(NOT_OURS)} == set()


async def test_migrating_twice_is_migrating_once(database: Database) -> None:
    await migrate(database)
    async with database.begin() as session:
        await session.execute(text("UPDATE catalog_state SET generation = 7"))
    await migrate(database)

    async with database.read() as session:
        assert (await session.execute(text("SELECT generation FROM catalog_state"))).scalar_one() == 7


async def test_there_and_back_and_there_again(database: Database) -> None:
    await migrate(database)
    await on(database, downgrade)
    assert await on(database, table_names) == set()

    await migrate(database)
    assert await on(database, differences) == []


async def test_a_database_of_a_newer_version_is_left_alone(database: Database, tmp_path: Path) -> None:
    await migrate(database)
    async with database.begin() as session:
        await session.execute(text("UPDATE alembic_version SET version_num = '9999'"))

    with pytest.raises(SchemaProblem, match=r"revision 9999.*Upgrade LearnTrac"):
        await migrate(database)
    url = database.url.render_as_string(hide_password=False).replace("+aiosqlite", "").replace("+asyncpg", "")
    with pytest.raises(EnvironmentProblem, match="revision 9999"):
        await open_database(make_settings(tmp_path, database_url=url))


def test_the_chain_has_one_end() -> None:
    assert len(ScriptDirectory.from_config(alembic_config()).get_heads()) == 1


async def test_tables_that_no_migration_made_are_refused(database: Database) -> None:
    await on(database, lambda connection: connection.execute(text("CREATE TABLE standing (other INTEGER)")))

    with pytest.raises(SchemaProblem, match="a table standing, but no alembic_version"):
        await migrate(database)


@pytest.mark.parametrize("damage", ["DROP TABLE learning_event", "ALTER TABLE learning_event DROP COLUMN seconds"])
async def test_a_table_that_is_missing_or_half_made_is_named(database: Database, damage: str) -> None:
    await migrate(database)
    await on(database, lambda connection: connection.execute(text(damage)))

    with pytest.raises(SchemaProblem, match="table learning_event is missing or not as LearnTrac made it"):
        await migrate(database)
