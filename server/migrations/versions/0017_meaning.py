"""Vectors of passages.

Why: a question in other words than the course's is found by what it means, where a provider says what that is. A vector
belongs to a text and a model, so that what did not change is not paid for twice.
"""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    """Make the table, and the columns that lead to it."""
    op.add_column("passage", sa.Column("hash", sa.String(64), nullable=False, server_default=sa.text("''")))
    op.create_index("ix_passage_hash", "passage", ["hash", "id"])
    op.add_column("passage_state", sa.Column("changes", sa.BigInteger, nullable=False, server_default="0"))
    op.create_table(
        "passage_vector",
        sa.Column("hash", sa.String(64), primary_key=True),
        sa.Column("model", sa.String(255), primary_key=True),
        sa.Column("signs", sa.LargeBinary, nullable=False),
        sa.Column("vector", sa.LargeBinary, nullable=False),
    )


def downgrade() -> None:
    """Remove them."""
    op.drop_table("passage_vector")
    op.drop_column("passage_state", "changes")
    op.drop_index("ix_passage_hash", "passage")
    op.drop_column("passage", "hash")
