"""The whole database: every feature's tables as one metadata, and the one chain of migrations that makes them."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from learntrac.accounts import tables as _accounts
from learntrac.concepts import tables as _concepts
from learntrac.kit import idempotency as _idempotency
from learntrac.kit.db import Base, Database
from learntrac.mastery import tables as _mastery
from learntrac.trac import tables as _trac

TABLES = (_accounts, _concepts, _idempotency, _mastery, _trac)
"""The modules whose import puts their tables into `METADATA`."""
METADATA = Base.metadata

_HERE = Path(__file__).parent
_MIGRATIONS = next(place for place in (_HERE / "migrations", _HERE.parent / "migrations") if place.is_dir())


class SchemaTooNew(Exception):
    """The database was written by a newer LearnTrac than this one."""


def alembic_config() -> Config:
    """Alembic's settings: where the chain lies."""
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    return config


async def migrate(database: Database) -> None:
    """Bring the database to this version's tables, in one transaction. Raises SchemaTooNew."""
    async with database.administer() as connection:
        await connection.run_sync(_upgrade)


def _upgrade(connection: Connection) -> None:
    config = alembic_config()
    script = ScriptDirectory.from_config(config)
    current = MigrationContext.configure(connection).get_current_revision()
    if current is not None and current not in {revision.revision for revision in script.walk_revisions()}:
        raise SchemaTooNew(
            f"The database has revision {current}, which this LearnTrac does not know. Upgrade LearnTrac."
        )
    if current == script.get_current_head():
        return
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
