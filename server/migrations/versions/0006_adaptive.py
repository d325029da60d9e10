"""What adapts to the learner.

Why: feedback moves what is recommended, a placement test leaves a weak prior, and achievements are earned once.
"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Make the tables, and the index that ranking reads."""
    op.create_index("ix_concept_ranking", "concept", ["milestone", "difficulty", "estimated_minutes", "id"])
    op.create_table(
        "achievement",
        sa.Column("user_id", sa.String(255), primary_key=True),
        sa.Column("achievement_id", sa.String(40), primary_key=True),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("evidence", sa.Text, nullable=False),
    )
    op.create_table(
        "learning_preference",
        sa.Column("user_id", sa.String(255), primary_key=True),
        sa.Column("difficulty", sa.Double, nullable=False),
        sa.Column("pace", sa.Double, nullable=False),
        sa.Column("resource_weights", sa.Text, nullable=False),
        sa.Column("updated_at", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "placement_prior",
        sa.Column("user_id", sa.String(255), primary_key=True),
        sa.Column("concept_id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("probability", sa.Double, nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "concept_feedback",
        sa.Column("user_id", sa.String(255), primary_key=True),
        sa.Column("concept_id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("difficulty_rating", sa.Integer),
        sa.Column("clarity_rating", sa.Integer),
        sa.Column("pace_feedback", sa.String(12)),
        sa.Column("preferred_resources", sa.Text, nullable=False),
        sa.Column("is_time_sufficient", sa.Boolean),
        sa.Column("comments", sa.Text, nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
    )
    op.create_index("ix_concept_feedback_at", "concept_feedback", ["user_id", "at"])
    op.create_table(
        "placement",
        sa.Column("id", sa.String(36), primary_key=True),
        sa.Column("user_id", sa.String(255), nullable=False),
        sa.Column("status", sa.String(12), nullable=False),
        sa.Column("question", sa.Integer),
        sa.Column("answers", sa.Text, nullable=False),
        sa.Column("asked", sa.Integer, nullable=False),
        sa.Column("started_at", sa.BigInteger, nullable=False),
        sa.Column("updated_at", sa.BigInteger, nullable=False),
    )
    op.create_index("ix_placement_learner", "placement", ["user_id", "started_at"])


def downgrade() -> None:
    """Remove them."""
    op.drop_index("ix_concept_ranking", "concept")
    for name in ("placement", "concept_feedback", "placement_prior", "learning_preference", "achievement"):
        op.drop_table(name)
