"""Speaking with the tutor.

Why: open connections and minutes are counted over all processes, and a spoken answer can be fetched for an hour.
"""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "voice_connection",
        sa.Column("id", sa.String(128), primary_key=True),
        sa.Column("user_id", sa.String(255), nullable=False),
        sa.Column("sign_in", sa.String(36), nullable=False),
        sa.Column("door", sa.String(10), nullable=False),
        sa.Column("opened_at", sa.BigInteger, nullable=False),
        sa.Column("expires_at", sa.BigInteger, nullable=False),
        sa.Column("token_expires_at", sa.BigInteger, nullable=False),
    )
    op.create_index("ix_voice_connection_user", "voice_connection", ["user_id"])
    op.create_index("ix_voice_connection_sign_in", "voice_connection", ["sign_in"])
    op.create_index("ix_voice_connection_expires", "voice_connection", ["expires_at"])
    op.create_table(
        "voice_usage",
        sa.Column("user_id", sa.String(255), primary_key=True),
        sa.Column("day", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("milliseconds", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "voice_audio",
        sa.Column("id", sa.String(40), primary_key=True),
        sa.Column("user_id", sa.String(255), nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("expires_at", sa.BigInteger, nullable=False),
        sa.Column("is_complete", sa.Boolean, nullable=False),
        sa.Column("stored_as", sa.String(200), nullable=False),
    )
    op.create_index("ix_voice_audio_user", "voice_audio", ["user_id", "created_at"])
    op.create_index("ix_voice_audio_expires", "voice_audio", ["expires_at"])
    op.create_table(
        "voice_audio_part",
        sa.Column("audio_id", sa.String(40), primary_key=True),
        sa.Column("place", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("user_id", sa.String(255), nullable=False),
        sa.Column("mp3", sa.LargeBinary, nullable=False),
    )
    op.create_index("ix_voice_audio_part_user", "voice_audio_part", ["user_id"])


def downgrade() -> None:
    """Remove them."""
    for name in ("voice_audio_part", "voice_audio", "voice_usage", "voice_connection"):
        op.drop_table(name)
