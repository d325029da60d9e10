"""Exercises, their versions, and what learners did with them.

Why: a submission is stored before it is run, so that nothing a learner wrote is lost, and its verdict is made once,
whoever dies meanwhile.
"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Make the tables."""
    _exercises()
    _sessions()
    _standings()
    _submissions()


def _exercises() -> None:
    op.create_table(
        "exercise",
        sa.Column("id", sa.String(80), primary_key=True),
        sa.Column("concept_id", sa.Integer, nullable=False),
        sa.Column("type", sa.String(10), nullable=False),
        sa.Column("title", sa.String(500), nullable=False),
        sa.Column("difficulty", sa.Double, nullable=False),
        sa.Column("level", sa.Integer, nullable=False),
        sa.Column("points", sa.Integer, nullable=False),
        sa.Column("estimated_minutes", sa.Integer, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("is_retired", sa.Boolean, nullable=False),
        sa.Column("doc_head", sa.Text, nullable=False),
        sa.Column("started_by", sa.Integer, nullable=False),
        sa.Column("completed_by", sa.Integer, nullable=False),
        sa.Column("created_by", sa.String(255), nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("updated_at", sa.BigInteger, nullable=False),
    )
    op.create_index("ix_exercise_concept", "exercise", ["concept_id", "is_retired", "id"])
    op.create_table(
        "exercise_version",
        sa.Column("exercise_id", sa.String(80), primary_key=True),
        sa.Column("version", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("content", sa.Text, nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("created_by", sa.String(255), nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
    )


def _sessions() -> None:
    op.create_table(
        "exercise_session",
        sa.Column("id", sa.String(48), primary_key=True),
        sa.Column("user_id", sa.String(255), nullable=False),
        sa.Column("exercise_id", sa.String(80), nullable=False),
        sa.Column("concept_id", sa.Integer, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("status", sa.String(10), nullable=False),
        sa.Column("hints", sa.Integer, nullable=False),
        sa.Column("hinted_at", sa.BigInteger),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("started_at", sa.BigInteger, nullable=False),
        sa.Column("ends_at", sa.BigInteger),
        sa.Column("ended_at", sa.BigInteger),
    )
    active = sa.text("status = 'active'")
    op.create_index(
        "uq_exercise_session_active",
        "exercise_session",
        ["user_id", "exercise_id"],
        unique=True,
        sqlite_where=active,
        postgresql_where=active,
    )
    op.create_index("ix_exercise_session_learner", "exercise_session", ["user_id", "started_at"])


def _standings() -> None:
    op.create_table(
        "exercise_standing",
        sa.Column("user_id", sa.String(255), primary_key=True),
        sa.Column("exercise_id", sa.String(80), primary_key=True),
        sa.Column("concept_id", sa.Integer, nullable=False),
        sa.Column("type", sa.String(10), nullable=False),
        sa.Column("status", sa.String(12), nullable=False),
        sa.Column("best_share", sa.Double, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("hints", sa.Integer, nullable=False),
        sa.Column("started_at", sa.BigInteger, nullable=False),
        sa.Column("completed_at", sa.BigInteger),
        sa.Column("solution_seen_at", sa.BigInteger),
        sa.Column("updated_at", sa.BigInteger, nullable=False),
    )
    op.create_index("ix_exercise_standing_exercise", "exercise_standing", ["exercise_id", "status"])


def _submissions() -> None:
    op.create_table(
        "submission",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True, autoincrement=True),
        sa.Column("user_id", sa.String(255), nullable=False),
        sa.Column("exercise_id", sa.String(80), nullable=False),
        sa.Column("concept_id", sa.Integer, nullable=False),
        sa.Column("session_id", sa.String(48), nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("status", sa.String(12), nullable=False),
        sa.Column("language", sa.String(40), nullable=False),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("explanation", sa.Text, nullable=False),
        sa.Column("self_assessment", sa.Text, nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("request_key", sa.String(64)),
        sa.Column("hints", sa.Integer, nullable=False),
        sa.Column("passed", sa.Boolean, nullable=False),
        sa.Column("score", sa.Double, nullable=False),
        sa.Column("max_score", sa.Double, nullable=False),
        sa.Column("tests_passed", sa.Integer, nullable=False),
        sa.Column("tests_total", sa.Integer, nullable=False),
        sa.Column("milliseconds", sa.Integer, nullable=False),
        sa.Column("weight", sa.Double),
        sa.Column("result", sa.Text, nullable=False),
        sa.Column("issues", sa.Text, nullable=False),
        sa.Column("submitted_at", sa.BigInteger, nullable=False),
        sa.Column("graded_at", sa.BigInteger),
        sa.Column("at_evidence", sa.BigInteger),
        sa.Column("regraded_by", sa.String(255)),
        sa.Column("note", sa.Text, nullable=False),
        sa.Column("claimed_until", sa.BigInteger, nullable=False),
    )
    stored = sa.text("status = 'stored'")
    op.create_index("uq_submission", "submission", ["session_id", "digest"], unique=True)
    op.create_index("ix_submission_learner", "submission", ["user_id", "exercise_id", "id"])
    op.create_index("ix_submission_exercise", "submission", ["exercise_id", "id"])
    op.create_index(
        "ix_submission_waiting", "submission", ["claimed_until"], sqlite_where=stored, postgresql_where=stored
    )


def downgrade() -> None:
    """Remove them."""
    for name in ("submission", "exercise_standing", "exercise_session", "exercise_version", "exercise"):
        op.drop_table(name)
