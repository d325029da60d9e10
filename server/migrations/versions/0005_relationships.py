"""Relationships between concepts.

Why: an instructor relates concepts that Trac's tickets do not: alternatives, related ones, further prerequisites.
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

BigKey = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "relationship",
        sa.Column("id", BigKey, primary_key=True, autoincrement=True),
        sa.Column("source_concept", sa.Integer, nullable=False),
        sa.Column("target_concept", sa.Integer, nullable=False),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("weight", sa.Double, nullable=False),
        sa.Column("is_bidirectional", sa.Boolean, nullable=False),
        sa.Column("notes", sa.Text, nullable=False),
        sa.Column("created_by", sa.String(255), nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
    )
    op.create_index("uq_relationship", "relationship", ["source_concept", "target_concept", "kind"], unique=True)
    op.create_index("ix_relationship_target", "relationship", ["target_concept"])


def downgrade() -> None:
    """Remove it."""
    op.drop_table("relationship")
