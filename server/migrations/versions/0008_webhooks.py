"""Webhooks and what they are told.

Why: an event is written in the transaction of its cause, and delivered from there until the receiver has it.
"""

import sqlalchemy as sa
from alembic import op

from learntrac.kit.db import BigKey

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "webhook",
        sa.Column("id", BigKey, primary_key=True, autoincrement=True),
        sa.Column("kind", sa.String(10), nullable=False),
        sa.Column("owner", sa.String(255), nullable=False),
        sa.Column("url", sa.Text, nullable=False),
        sa.Column("events", sa.Text, nullable=False),
        sa.Column("secret", sa.Text, nullable=False),
        sa.Column("old_secret", sa.Text),
        sa.Column("old_secret_until", sa.BigInteger),
        sa.Column("status", sa.String(10), nullable=False),
        sa.Column("disabled_reason", sa.Text),
        sa.Column("failures", sa.Integer, nullable=False),
        sa.Column("failing_since", sa.BigInteger),
        sa.Column("succeeded_at", sa.BigInteger),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("updated_at", sa.BigInteger, nullable=False),
    )
    op.create_index("uq_webhook_owner_url", "webhook", ["owner", "url"], unique=True)
    op.create_table(
        "webhook_subscription",
        sa.Column("event", sa.String(40), primary_key=True),
        sa.Column("webhook_id", sa.BigInteger, primary_key=True, autoincrement=False),
    )
    op.create_index("ix_webhook_subscription_webhook", "webhook_subscription", ["webhook_id"])
    op.create_table(
        "webhook_event",
        sa.Column("id", sa.String(36), primary_key=True),
        sa.Column("event", sa.String(40), nullable=False),
        sa.Column("data", sa.Text, nullable=False),
        sa.Column("user_id", sa.String(255)),
        sa.Column("at", sa.BigInteger, nullable=False),
    )
    op.create_index("ix_webhook_event_user", "webhook_event", ["user_id", "at"])
    op.create_index("ix_webhook_event_at", "webhook_event", ["at"])
    _make_deliveries()


def _make_deliveries() -> None:
    op.create_table(
        "webhook_delivery",
        sa.Column("id", BigKey, primary_key=True, autoincrement=True),
        sa.Column("webhook_id", sa.BigInteger, nullable=False),
        sa.Column("event_id", sa.String(36), nullable=False),
        sa.Column("status", sa.String(10), nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("due_at", sa.BigInteger, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("ended_at", sa.BigInteger),
    )
    op.create_index("ix_webhook_delivery_due", "webhook_delivery", ["webhook_id", "status", "due_at", "id"])
    op.create_index("ix_webhook_delivery_status", "webhook_delivery", ["status", "due_at"])
    op.create_index("ix_webhook_delivery_event", "webhook_delivery", ["event_id"])
    op.create_table(
        "webhook_attempt",
        sa.Column("delivery_id", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("duration_ms", sa.Integer, nullable=False),
        sa.Column("request_headers", sa.Text, nullable=False),
        sa.Column("response_status", sa.Integer),
        sa.Column("response_headers", sa.Text, nullable=False),
        sa.Column("response_body", sa.Text, nullable=False),
        sa.Column("error", sa.Text),
    )


def downgrade() -> None:
    """Remove them."""
    for name in ("webhook_attempt", "webhook_delivery", "webhook_event", "webhook_subscription", "webhook"):
        op.drop_table(name)
