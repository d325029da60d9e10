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
from learntrac.main import open_database
from learntrac.schema import METADATA, SchemaTooNew, alembic_config, migrate
from learntrac.trac.environment import EnvironmentProblem
from tests.conftest import make_settings
from tests.environments import Postgres

FULL_TEXT = "concept_text"  # a different thing on each database, so it is in no metadata


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
        return kind != "table" or not (name or "").startswith(FULL_TEXT)

    options = {"compare_type": True, "compare_server_default": True, "include_name": is_ours}
    return list(compare_metadata(MigrationContext.configure(connection, opts=options), METADATA))


def downgrade(connection: Connection) -> None:
    config = alembic_config()
    config.attributes["connection"] = connection
    command.downgrade(config, "base")


def table_names(connection: Connection) -> set[str]:
    return set(inspect(connection).get_table_names()) - {"alembic_version"}


async def test_the_migrations_make_what_the_code_names(database: Database) -> None:
    await migrate(database)

    assert await on(database, differences) == []
    names = await on(database, table_names)
    assert names >= set(METADATA.tables)
    assert {name for name in names - set(METADATA.tables) if not name.startswith(FULL_TEXT)} == set()


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

    with pytest.raises(SchemaTooNew, match=r"revision 9999.*Upgrade LearnTrac"):
        await migrate(database)
    url = database.url.render_as_string(hide_password=False).replace("+aiosqlite", "").replace("+asyncpg", "")
    with pytest.raises(EnvironmentProblem, match="revision 9999"):
        await open_database(make_settings(tmp_path, database_url=url))


def test_the_chain_has_one_end() -> None:
    assert len(ScriptDirectory.from_config(alembic_config()).get_heads()) == 1
