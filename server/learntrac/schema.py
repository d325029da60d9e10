"""The whole database: every feature's tables as one metadata, and the one chain of migrations that makes them."""

from collections import defaultdict
from functools import cache
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect, text

from learntrac.accounts import tables as _accounts
from learntrac.activity import tables as _activity
from learntrac.adaptive import tables as _adaptive
from learntrac.analytics import tables as _analytics
from learntrac.audit import tables as _audit
from learntrac.backends.llm import tables as _llm
from learntrac.backends.queue import tables as _queue
from learntrac.chat import tables as _chat
from learntrac.concepts import tables as _concepts
from learntrac.exercises import tables as _exercises
from learntrac.kit import idempotency as _idempotency
from learntrac.kit.db import SCHEMA, Base, Database
from learntrac.knowledge import tables as _knowledge
from learntrac.mastery import tables as _mastery
from learntrac.progress import tables as _progress
from learntrac.trac import tables as _trac
from learntrac.voice import tables as _voice

TABLES = (
    *(_accounts, _activity, _adaptive, _analytics, _audit, _concepts, _exercises, _idempotency, _knowledge, _mastery),
    *(_chat, _llm, _progress, _queue),
    *(_trac, _voice),
)
"""The modules whose import puts their tables into `METADATA`."""
METADATA = Base.metadata
"""A table that only one database has says which in its `info["dialect"]`."""

_HERE = Path(__file__).parent
_MIGRATIONS = next(place for place in (_HERE / "migrations", _HERE.parent / "migrations") if place.is_dir())


_COLUMNS = {
    "sqlite": text(
        "SELECT tables.name, columns.name FROM sqlite_master AS tables JOIN pragma_table_info(tables.name) AS columns"
        " WHERE tables.type = 'table'"
    ),
    # What was restored under another role is there, and of no use.
    "postgresql": text(
        "SELECT tables.relname, columns.attname FROM pg_attribute AS columns"
        " JOIN pg_class AS tables ON tables.oid = columns.attrelid"
        " WHERE tables.relnamespace = CAST(:schema AS regnamespace) AND tables.relkind IN ('r', 'p')"
        " AND columns.attnum > 0 AND NOT columns.attisdropped AND has_table_privilege(tables.oid, 'SELECT')"
    ).bindparams(schema=SCHEMA),
}


class SchemaProblem(Exception):
    """Why this LearnTrac cannot use the tables that are there, in one sentence that says what to do."""


def alembic_config() -> Config:
    """Alembic's settings: where the chain lies."""
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    return config


async def migrate(database: Database) -> None:
    """Bring the database to this version's tables, in one transaction. Raises SchemaProblem."""
    async with database.administer() as connection:
        await connection.run_sync(_upgrade)
        await connection.run_sync(_check_tables)


@cache
def _known() -> tuple[ScriptDirectory, frozenset[str]]:
    """The chain and its revisions, read from its files once."""
    script = ScriptDirectory.from_config(alembic_config())
    return script, frozenset(revision.revision for revision in script.walk_revisions())


def _upgrade(connection: Connection) -> None:
    script, revisions = _known()
    current = MigrationContext.configure(connection).get_current_revision()
    if current is not None and current not in revisions:
        raise SchemaProblem(
            f"The database has revision {current}, which this LearnTrac does not know. Upgrade LearnTrac."
        )
    if current == script.get_current_head():
        return
    if current is None:
        _refuse_strangers(connection)
    config = alembic_config()
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def _refuse_strangers(connection: Connection) -> None:
    """Tables of our names that no migration of ours has made: from half a backup, or of somebody else."""
    schema = SCHEMA if connection.dialect.name == "postgresql" else None
    found = sorted(set(inspect(connection).get_table_names(schema)) & METADATA.tables.keys())
    if found:
        raise SchemaProblem(
            f"The database has a table {found[0]}, but no alembic_version that says which LearnTrac made it."
            " Restore the whole backup, or use an empty database."
        )


def _check_tables(connection: Connection) -> None:
    dialect = connection.dialect.name
    there: dict[str, set[str]] = defaultdict(set)
    for table_name, column_name in connection.execute(_COLUMNS[dialect]):
        there[table_name].add(column_name)
    for table in METADATA.sorted_tables:
        if (
            table.info.get("dialect", dialect) == dialect
            and not {column.name for column in table.columns} <= there[table.name]
        ):
            raise SchemaProblem(
                f"The database's table {table.name} is missing or not as LearnTrac made it."
                " Restore the whole backup, or use an empty database."
            )
