"""Exports: reports that instructors order, and their files.

Why: a report of thousands of learners takes a while, so it is made by a job; its file is kept in pieces beside the
row, where every server and every worker finds it. What fails most in a concept is read by an index of its own.
"""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    """Make the tables and the index."""
    op.create_index("ix_submission_concept", "submission", ["concept_id", "id"])
    op.create_table(
        "export",
        sa.Column("id", sa.String(40), primary_key=True),
        sa.Column("owner", sa.String(255), nullable=False),
        sa.Column("report_type", sa.String(20), nullable=False),
        sa.Column("format", sa.String(4), nullable=False),
        sa.Column("sections", sa.Text, nullable=False),
        sa.Column("filters", sa.Text, nullable=False),
        sa.Column("status", sa.String(12), nullable=False),
        sa.Column("progress", sa.Integer, nullable=False),
        sa.Column("estimated_seconds", sa.Integer, nullable=False),
        sa.Column("error", sa.Text, nullable=False),
        sa.Column("size", sa.BigInteger, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("finished_at", sa.BigInteger),
        sa.Column("expires_at", sa.BigInteger),
    )
    op.create_index("ix_export_owner", "export", ["owner", "created_at"])
    op.create_index("ix_export_expires", "export", ["expires_at"])
    op.create_table(
        "export_piece",
        sa.Column("export_id", sa.String(40), primary_key=True),
        sa.Column("place", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("content", sa.LargeBinary, nullable=False),
    )


def downgrade() -> None:
    """Remove them."""
    op.drop_table("export_piece")
    op.drop_table("export")
    op.drop_index("ix_submission_concept", "submission")
