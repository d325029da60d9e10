"""How Alembic runs the chain: always on a connection that was opened for it, SQLite and PostgreSQL alike."""

from alembic import context

from learntrac.schema import METADATA

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=METADATA,
    # The caller's transaction holds the whole upgrade.
    transactional_ddl=False,
)
context.run_migrations()
