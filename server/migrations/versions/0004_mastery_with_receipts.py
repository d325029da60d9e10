"""Mastery with receipts.

Why: the calibrated learner model takes the place of the two numbers that were kept for each concept. The log of
evidence gets what it takes to replay it and to show for each answer what it did; a learner's state of the model is kept
beside it, a standing says what its score is made of and when it fades, and a learner may contest an answer.

States and scores themselves are made from the log by a job, within the hour, or when the learner answers again.
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

BigKey = sa.BigInteger().with_variant(sa.Integer, "sqlite")
_THRESHOLD = "coalesce((SELECT c.mastery_threshold FROM concept c WHERE c.id = {}.concept_id), 0.8)"


def upgrade() -> None:
    """Widen the log and the standings, and make the new tables."""
    _widen_evidence()
    _change_standings()
    op.create_table(
        "learner_state",
        sa.Column("user_id", sa.String(255), primary_key=True),
        sa.Column("model", sa.String(64), nullable=False),
        sa.Column("state", sa.LargeBinary, nullable=False),
        sa.Column("updated_at", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "contest",
        sa.Column("id", BigKey, primary_key=True, autoincrement=True),
        sa.Column("evidence_id", sa.BigInteger, nullable=False),
        sa.Column("user_id", sa.String(255), nullable=False),
        sa.Column("concept_id", sa.Integer, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("status", sa.String(12), nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("decided_by", sa.String(255)),
        sa.Column("note", sa.Text, nullable=False),
        sa.Column("decided_at", sa.BigInteger),
    )
    op.create_index("uq_contest_evidence", "contest", ["evidence_id"], unique=True)
    op.create_index("ix_contest_status", "contest", ["status", "id"])


def _widen_evidence() -> None:
    with op.batch_alter_table("evidence") as batch:
        batch.add_column(sa.Column("threshold", sa.Double, nullable=True))
        batch.add_column(sa.Column("prerequisites", sa.Text, nullable=True))
        batch.add_column(sa.Column("predicted", sa.Double, nullable=True))
        batch.add_column(sa.Column("score_before", sa.Double, nullable=True))
        batch.add_column(sa.Column("score_after", sa.Double, nullable=True))
        batch.add_column(sa.Column("voided", sa.Boolean, nullable=True))
    threshold = _THRESHOLD.format("evidence")
    op.execute(f"UPDATE evidence SET threshold = {threshold}, prerequisites = '[]', voided = false")  # noqa: S608 - our own words
    with op.batch_alter_table("evidence") as batch:
        batch.alter_column("threshold", existing_type=sa.Double, nullable=False)
        batch.alter_column("prerequisites", existing_type=sa.Text, nullable=False)
        batch.alter_column("voided", existing_type=sa.Boolean, nullable=False)
    op.create_index("ix_evidence_log", "evidence", ["user_id", "id"])


def _change_standings() -> None:
    with op.batch_alter_table("standing") as batch:
        batch.add_column(sa.Column("answers", sa.Integer, nullable=True))
        batch.add_column(sa.Column("threshold", sa.Double, nullable=True))
        batch.add_column(sa.Column("terms", sa.Text, nullable=True))
        batch.add_column(sa.Column("stability", sa.Double, nullable=True))
        batch.add_column(sa.Column("difficulty", sa.Double, nullable=True))
        batch.add_column(sa.Column("reviewed_at", sa.BigInteger, nullable=True))
        batch.add_column(sa.Column("due_at", sa.BigInteger, nullable=True))
    answers = (
        "(SELECT count(*) FROM evidence e WHERE e.user_id = standing.user_id"
        " AND e.concept_id = standing.concept_id AND e.weight > 0)"
    )
    threshold = _THRESHOLD.format("standing")
    op.execute(f"UPDATE standing SET answers = {answers}, threshold = {threshold}, terms = '[]'")  # noqa: S608 - our own words
    with op.batch_alter_table("standing") as batch:
        batch.alter_column("answers", existing_type=sa.Integer, nullable=False)
        batch.alter_column("threshold", existing_type=sa.Double, nullable=False)
        batch.alter_column("terms", existing_type=sa.Text, nullable=False)
        batch.drop_column("successes")
        batch.drop_column("weight")


def downgrade() -> None:
    """Back to the tables before; scores stay as they are."""
    op.drop_table("contest")
    op.drop_table("learner_state")
    with op.batch_alter_table("standing") as batch:
        batch.add_column(sa.Column("successes", sa.Double, nullable=False, server_default="0"))
        batch.add_column(sa.Column("weight", sa.Double, nullable=False, server_default="0"))
        for name in ("answers", "threshold", "terms", "stability", "difficulty", "reviewed_at", "due_at"):
            batch.drop_column(name)
    op.drop_index("ix_evidence_log", "evidence")
    with op.batch_alter_table("evidence") as batch:
        for name in ("threshold", "prerequisites", "predicted", "score_before", "score_after", "voided"):
            batch.drop_column(name)
