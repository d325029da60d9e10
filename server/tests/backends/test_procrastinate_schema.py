"""procrastinate's own tables: made from the installed package, and upgraded by its own files."""

from sqlalchemy import Connection, text

from learntrac.backends.queue import procrastinate_schema
from learntrac.kit.db import Database
from tests.environments import Postgres

_SHAPE = text(
    "SELECT 'column', table_name || '.' || column_name || ' ' || data_type FROM information_schema.columns"
    " WHERE table_schema = 'learntrac' AND table_name LIKE 'procrastinate%'"
    " UNION SELECT 'function', oid::regprocedure::text FROM pg_proc WHERE proname LIKE 'procrastinate%'"
    " UNION SELECT 'index', indexname FROM pg_indexes WHERE schemaname = 'learntrac'"
    " UNION SELECT 'trigger', trigger_name FROM information_schema.triggers"
)
BEHIND = 3


def shape(connection: Connection) -> set[tuple[str, str]]:
    return {(row[0], row[1]) for row in connection.execute(_SHAPE)}


async def test_an_older_one_is_upgraded_from_where_it_is(postgres: Postgres) -> None:
    postgres.create_database("procrastinate_test")
    database = Database(postgres.url("procrastinate_test", "plain"))
    files = procrastinate_schema.migration_files()
    for file in files[:-BEHIND]:  # each by itself: some old ones use what they add
        async with database.administer() as connection:
            await connection.run_sync(procrastinate_schema.run_script, file.read_text())
    async with database.administer() as connection:
        await connection.run_sync(procrastinate_schema.note_applied, files[-BEHIND - 1].name)
        older = await connection.run_sync(shape)
        await connection.run_sync(procrastinate_schema.upgrade)
        upgraded = await connection.run_sync(shape)
        await connection.run_sync(procrastinate_schema.upgrade)  # nothing is left to do
        await connection.run_sync(procrastinate_schema.remove)
        assert await connection.run_sync(shape) == set()
        await connection.run_sync(procrastinate_schema.install)
        assert older != upgraded == await connection.run_sync(shape)
    await database.close()
    postgres.drop_database("procrastinate_test")
