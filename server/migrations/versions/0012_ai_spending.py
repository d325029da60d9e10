"""What is spent on language models.

Why: ceilings by user, day and month are counted before a call is sent, exactly over all processes.
"""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "ai_spending",
        sa.Column("user_id", sa.String(255), primary_key=True),
        sa.Column("period", sa.String(10), primary_key=True),
        sa.Column("calls", sa.BigInteger, nullable=False),
        sa.Column("tokens", sa.BigInteger, nullable=False),
        sa.Column("micro_usd", sa.BigInteger, nullable=False),
    )


def downgrade() -> None:
    """Remove it."""
    op.drop_table("ai_spending")
