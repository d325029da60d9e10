"""Rollups of what learners did.

Why: dashboards, reports and exports add up days, whose number does not grow with the log. Where there is a log already,
the first job makes the rollups from it.
"""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"

_FIGURES = (
    *("active", "started", "completed", "mastered", "abandoned", "seconds", "completed_seconds", "begun", "finished"),
    *("answers", "failures", "exercises", "exercise_failures", "solved", "quizzes", "quiz_sum"),
    *("completed_last", "tried_last", "score_last"),
)


def _figures() -> list[sa.Column[int]]:
    return [sa.Column(name, sa.BigInteger, nullable=False) for name in _FIGURES]


def upgrade() -> None:
    """Make the tables, and the row that says how far the log is rolled up."""
    op.create_table(
        "activity_day",
        sa.Column("user_id", sa.String(255), primary_key=True),
        sa.Column("day", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("concept_id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("score", sa.Integer),
        *_figures(),
    )
    op.create_index("ix_activity_day_day", "activity_day", ["day", "concept_id"])
    op.create_table("day_total", sa.Column("day", sa.Integer, primary_key=True, autoincrement=False), *_figures())
    op.create_table(
        "window_change",
        sa.Column("timeframe", sa.String(8), primary_key=True),
        sa.Column("day", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("learners", sa.BigInteger, nullable=False),
        sa.Column("engagement", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "concept_window",
        sa.Column("timeframe", sa.String(8), primary_key=True),
        sa.Column("concept_id", sa.Integer, primary_key=True, autoincrement=False),
        *_figures(),
    )
    op.create_index("ix_concept_window_completed", "concept_window", ["timeframe", "completed_last", "concept_id"])
    op.create_table(
        "learner_total",
        sa.Column("user_id", sa.String(255), primary_key=True),
        sa.Column("last_at", sa.BigInteger, nullable=False),
        sa.Column("open_concepts", sa.Integer, nullable=False),
        sa.Column("failing", sa.Text, nullable=False),
        sa.Column("failing_since", sa.BigInteger),
    )
    op.create_index("ix_learner_total_last", "learner_total", ["last_at"])
    op.create_index("ix_learner_total_failing", "learner_total", ["failing_since"])
    op.create_table(
        "common_path",
        sa.Column("timeframe", sa.String(8), primary_key=True),
        sa.Column("place", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("path", sa.Text, nullable=False),
        sa.Column("learners", sa.Integer, nullable=False),
        sa.Column("mastered", sa.Integer, nullable=False),
        sa.Column("seconds", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "activity_state",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("settled_id", sa.BigInteger, nullable=False),
        sa.Column("marked_id", sa.BigInteger, nullable=False),
        sa.Column("marked_at", sa.BigInteger, nullable=False),
        sa.Column("seen_id", sa.BigInteger, nullable=False),
        sa.Column("as_of", sa.Integer, nullable=False),
        sa.Column("is_whole", sa.Boolean, nullable=False),
        sa.Column("version", sa.BigInteger, nullable=False),
    )
    op.execute(
        "INSERT INTO activity_state (id, settled_id, marked_id, marked_at, seen_id, as_of, is_whole, version)"
        " SELECT 1, 0, 0, 0, 0, 0, NOT EXISTS (SELECT 1 FROM learning_event), 0"
    )


def downgrade() -> None:
    """Remove them."""
    tables = ("activity_state", "common_path", "learner_total", "concept_window", "window_change", "day_total")
    for name in (*tables, "activity_day"):
        op.drop_table(name)
