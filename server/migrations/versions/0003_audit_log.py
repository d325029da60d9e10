"""The audit log.

Why: whoever is responsible for learners' data must be able to say who signed in and who saw or changed whose data.
Names are kept without a foreign key: an entry outlives the account it speaks of.
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

BigKey = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """Make the table and what its lists are found by."""
    op.create_table(
        "audit_entry",
        sa.Column("id", BigKey, primary_key=True, autoincrement=True),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("actor", sa.String(255), nullable=False),
        sa.Column("action", sa.String(60), nullable=False),
        sa.Column("subject", sa.String(255)),
        sa.Column("request_id", sa.String(64), nullable=False),
        sa.Column("address", sa.String(64), nullable=False),
        sa.Column("details", sa.Text, nullable=False),
    )
    op.create_index("ix_audit_entry_at", "audit_entry", ["at"])
    op.create_index("ix_audit_entry_actor", "audit_entry", ["actor", "at"])
    op.create_index("ix_audit_entry_subject", "audit_entry", ["subject", "at"])


def downgrade() -> None:
    """The log goes with its table."""
    op.drop_table("audit_entry")
