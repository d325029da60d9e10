"""An event's deliveries on SQLite, by a trigger.

Why: a statement on SQLite costs a learner's request several turns between threads, and an event took two. PostgreSQL
writes an event and its deliveries in one statement without.
"""

from alembic import op

revision = "0018"
down_revision = "0017"


def upgrade() -> None:
    """Make the trigger."""
    if op.get_bind().dialect.name == "sqlite":
        op.execute(
            "CREATE TRIGGER webhook_event_deliveries AFTER INSERT ON webhook_event BEGIN"
            " INSERT INTO webhook_delivery (webhook_id, event_id, status, attempts, due_at, created_at)"
            " SELECT webhook_id, new.id, 'pending', 0, new.at, new.at FROM webhook_subscription"
            " WHERE event = new.event ORDER BY webhook_id; END"
        )


def downgrade() -> None:
    """Remove it."""
    if op.get_bind().dialect.name == "sqlite":
        op.execute("DROP TRIGGER webhook_event_deliveries")
