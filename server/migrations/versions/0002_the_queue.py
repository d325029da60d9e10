"""The queue.

Why: background work is rows in the caller's transaction. On SQLite they are LearnTrac's own; on PostgreSQL they are
procrastinate's, made from the installed package's own file. A later version of it is upgraded to by a later revision,
which calls `procrastinate_schema.upgrade`. The catalog tells when it was last in step with Trac, for those processes
that do not keep it themselves.
"""

import sqlalchemy as sa
from alembic import op

from learntrac.backends.queue import procrastinate_schema

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Make the tables of the queue, and the new column."""
    op.add_column("catalog_state", sa.Column("synced_at", sa.BigInteger, nullable=False, server_default="0"))
    if op.get_bind().dialect.name == "sqlite":
        _embedded()
    else:
        _procrastinate()


def _embedded() -> None:
    op.create_table(
        "queue_job",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("task", sa.String(128), nullable=False),
        sa.Column("payload", sa.Text, nullable=False),
        sa.Column("key", sa.String(255)),
        sa.Column("status", sa.String(10), nullable=False),
        sa.Column("due_at", sa.BigInteger, nullable=False),
        sa.Column("failures", sa.Integer, nullable=False),
        sa.Column("interruptions", sa.Integer, nullable=False),
        sa.Column("error", sa.Text),
        sa.Column("ended_at", sa.BigInteger),
    )
    op.create_index("ix_queue_job_due", "queue_job", ["status", "due_at", "id"])
    op.create_index("uq_queue_job_key", "queue_job", ["key"], unique=True, sqlite_where=sa.text("status = 'waiting'"))
    op.create_table(
        "queue_period",
        sa.Column("task", sa.String(128), primary_key=True),
        sa.Column("begun_at", sa.BigInteger, nullable=False),
    )


def _procrastinate() -> None:
    procrastinate_schema.install(op.get_bind())
    # Counting what failed must not read everything that was done today.
    op.execute("CREATE INDEX ix_queue_failed ON procrastinate_jobs (id) WHERE status = 'failed'")
    op.create_table(
        "queue_note",
        sa.Column("job_id", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("error", sa.Text, nullable=False),
        sa.Column("interruptions", sa.Integer, nullable=False),
        sa.Column("noted_at", sa.BigInteger, nullable=False),
    )


def downgrade() -> None:
    """Take the queue away, with what waits in it."""
    if op.get_bind().dialect.name == "sqlite":
        op.drop_table("queue_period")
        op.drop_table("queue_job")
    else:
        op.drop_table("queue_note")
        procrastinate_schema.remove(op.get_bind())
    op.drop_column("catalog_state", "synced_at")
