"""The tutor's help in an exercise.

Why: help that was taken lowers what a pass says of the learner, whoever gave it.
"""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    """Add the column."""
    op.add_column("exercise_session", sa.Column("helped", sa.Integer, nullable=False, server_default="0"))


def downgrade() -> None:
    """Remove it."""
    op.drop_column("exercise_session", "helped")
