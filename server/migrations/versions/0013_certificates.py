"""Certificates, and the keys that sign them.

Why: what somebody mastered is shown to people who have no account here, and stays true when the course moves on.
"""

import sqlalchemy as sa
from alembic import op

from learntrac.kit.db import BigKey

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "certificate",
        sa.Column("id", BigKey, primary_key=True, autoincrement=True),
        sa.Column("user_id", sa.String(255), nullable=False),
        sa.Column("kind", sa.String(12), nullable=False),
        sa.Column("subject", sa.String(64), nullable=False),
        sa.Column("prefix", sa.String(8), nullable=False),
        sa.Column("code", sa.String(26), nullable=False),
        sa.Column("title", sa.Text, nullable=False),
        sa.Column("description", sa.Text, nullable=False),
        sa.Column("full_name", sa.Text, nullable=False),
        sa.Column("is_name_shown", sa.Boolean, nullable=False),
        sa.Column("score", sa.Double),
        sa.Column("threshold", sa.Double),
        sa.Column("answers", sa.Integer),
        sa.Column("earned_at", sa.BigInteger, nullable=False),
        sa.Column("issued_at", sa.BigInteger, nullable=False),
        sa.Column("revoked_at", sa.BigInteger),
        sa.Column("revoked_by", sa.String(255)),
        sa.Column("reason", sa.Text, nullable=False),
    )
    op.create_index("uq_certificate_subject", "certificate", ["user_id", "kind", "subject"], unique=True)
    op.create_index("uq_certificate_code", "certificate", ["code"], unique=True)
    op.create_table(
        "signing_key",
        sa.Column("id", BigKey, primary_key=True, autoincrement=True),
        sa.Column("public", sa.String(64), nullable=False),
        sa.Column("private", sa.Text, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
    )


def downgrade() -> None:
    """Remove them."""
    op.drop_table("signing_key")
    op.drop_table("certificate")
