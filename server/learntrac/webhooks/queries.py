"""The statements of webhooks."""

from sqlalchemy import bindparam, text

from learntrac.webhooks.events import EVENTS

_BITS = ", ".join(f"('{event}', {1 << place})" for place, event in enumerate(EVENTS))
WANTED = (
    "CASE WHEN EXISTS (SELECT 1 FROM webhook_subscription) THEN"  # noqa: S608 - our own names
    f" (SELECT coalesce(sum(e.column2), 0) FROM (VALUES {_BITS}) AS e WHERE"
    " EXISTS (SELECT 1 FROM webhook_subscription s WHERE s.event = e.column1)) ELSE 0 END"
)
"""A column: the events that somebody wants, a bit for each, in the order of `EVENTS`. However many want them, it takes
a look into the index for each event, and a single one where nobody wants any.
"""
READ_WANTED = text(f"SELECT {WANTED}")
ADD_EVENT = text(
    "INSERT INTO webhook_event (id, event, data, user_id, at) VALUES (:event_id, :event, :data, :user_id, :now)"
)
_ADD_DELIVERIES = (
    "INSERT INTO webhook_delivery (webhook_id, event_id, status, attempts, due_at, created_at)"
    " SELECT webhook_id, :event_id, 'pending', 0, :now, :now FROM webhook_subscription WHERE event = :event"
)
ANNOUNCE = {
    "sqlite": ADD_EVENT,
    "postgresql": text(f"WITH event AS ({ADD_EVENT.text}) {_ADD_DELIVERIES}"),
}
"""By the database's kind: an event and its deliveries, in one round trip. On SQLite a trigger of `webhook_event` makes
the deliveries.
"""

_SHOWN = (
    "id, kind, owner, url, events, status, disabled_reason, failures, failing_since, succeeded_at, old_secret_until,"
    " created_at, updated_at"
)
ADD = text(
    "INSERT INTO webhook (kind, owner, url, events, secret, status, failures, created_at, updated_at)"
    " VALUES (:kind, :owner, :url, :events, '', :status, 0, :now, :now) ON CONFLICT DO NOTHING RETURNING id"
)
SET_SECRET = text("UPDATE webhook SET secret = :secret, updated_at = :now WHERE id = :id")
ROTATE = text(
    "UPDATE webhook SET old_secret = secret, old_secret_until = :until, secret = :secret, updated_at = :now"
    " WHERE id = :id"
)
FIND = text(f"SELECT {_SHOWN} FROM webhook WHERE id = :id")  # noqa: S608 - our own names
LIST = text(
    f"SELECT {_SHOWN} FROM webhook WHERE CAST(:owner AS text) IS NULL OR owner = :owner"  # noqa: S608 - our own names
    " ORDER BY id LIMIT :limit OFFSET :offset"
)
COUNT = text("SELECT count(*) FROM webhook WHERE CAST(:owner AS text) IS NULL OR owner = :owner")
FIND_SAME = text("SELECT id, secret FROM webhook WHERE owner = :owner AND url = :url")
UPDATE = text(
    "UPDATE webhook SET url = :url, events = :events, status = :status, disabled_reason = :reason,"
    " failures = :failures, failing_since = NULL, succeeded_at = :succeeded_at, updated_at = :now WHERE id = :id"
)
REMOVE = (
    text("DELETE FROM webhook_subscription WHERE webhook_id = :id"),
    text("DELETE FROM webhook_attempt WHERE delivery_id IN (SELECT id FROM webhook_delivery WHERE webhook_id = :id)"),
    text("DELETE FROM webhook_delivery WHERE webhook_id = :id"),
    text("DELETE FROM webhook WHERE id = :id"),
)
UNSUBSCRIBE = text("DELETE FROM webhook_subscription WHERE webhook_id = :id")
SUBSCRIBE = text("INSERT INTO webhook_subscription (event, webhook_id) VALUES (:event, :id)")
ADD_DELIVERY = text(
    "INSERT INTO webhook_delivery (webhook_id, event_id, status, attempts, due_at, created_at)"
    " VALUES (:id, :event_id, 'pending', 0, :now, :now) RETURNING id"
)
_DELIVERY = (
    "SELECT d.id, d.webhook_id, d.event_id, d.status, d.attempts, d.due_at, d.created_at, d.ended_at, e.event, e.data,"
    " e.at FROM webhook_delivery d JOIN webhook_event e ON e.id = d.event_id"
)
FIND_DELIVERY = text(f"{_DELIVERY} WHERE d.id = :delivery_id AND d.webhook_id = :id")
DELIVERIES = text(
    f"{_DELIVERY} WHERE d.webhook_id = :id AND (CAST(:status AS text) IS NULL OR d.status = :status)"
    " AND (CAST(:event AS text) IS NULL OR e.event = :event) ORDER BY d.id DESC LIMIT :limit OFFSET :offset"
)
COUNT_DELIVERIES = text(
    "SELECT count(*) FROM webhook_delivery d JOIN webhook_event e ON e.id = d.event_id WHERE d.webhook_id = :id"
    " AND (CAST(:status AS text) IS NULL OR d.status = :status) AND (CAST(:event AS text) IS NULL OR e.event = :event)"
)
ATTEMPTS = text(
    "SELECT delivery_id, number, at, duration_ms, request_headers, response_status, response_headers, response_body,"
    " error FROM webhook_attempt WHERE delivery_id IN :delivery_ids ORDER BY delivery_id, number"
).bindparams(bindparam("delivery_ids", expanding=True))

DUE = (
    "SELECT w.id, w.kind, w.url, w.secret, w.old_secret, w.old_secret_until, w.failures, w.succeeded_at IS NOT NULL"
    " FROM webhook w WHERE w.status = 'active' AND EXISTS (SELECT 1 FROM webhook_delivery d WHERE d.webhook_id = w.id"
    " AND d.status = 'pending' AND d.due_at <= $1)"
    " ORDER BY w.failures > 0, w.succeeded_at IS NULL, w.id DESC"
)
"""Written SQL for `Database.hot`: whom something is due to, the well before the unknown before the failing."""
DUE_TO = (
    "SELECT d.id, d.event_id, d.attempts, e.event, e.data, e.at FROM webhook_delivery d"
    " JOIN webhook_event e ON e.id = d.event_id WHERE d.webhook_id = $1 AND d.status = 'pending' AND d.due_at <= $2"
    " ORDER BY d.due_at, d.id LIMIT $3"
)
ADD_ATTEMPT = text(
    "INSERT INTO webhook_attempt (delivery_id, number, at, duration_ms, request_headers, response_status,"
    " response_headers, response_body, error) SELECT :delivery_id, :number, :at, :duration_ms, :request_headers,"
    " CAST(:response_status AS integer), :response_headers, :response_body, CAST(:error AS text)"
    " WHERE EXISTS (SELECT 1 FROM webhook_delivery WHERE id = :delivery_id) ON CONFLICT DO NOTHING"
)
KEEP_DELIVERY = text(
    "UPDATE webhook_delivery SET status = :status, attempts = :number, due_at = :due_at,"
    " ended_at = CAST(:ended_at AS bigint) WHERE id = :delivery_id AND status = 'pending'"
)
SUCCEEDED = text("UPDATE webhook SET failures = 0, failing_since = NULL, succeeded_at = :at WHERE id = :webhook_id")
FAILED = text(
    "UPDATE webhook SET failures = failures + 1, failing_since = coalesce(failing_since, :at) WHERE id = :webhook_id"
    " RETURNING failing_since"
)
DISABLE = text(
    "UPDATE webhook SET status = 'disabled', disabled_reason = :reason, updated_at = :now"
    " WHERE id = :id AND status = 'active' RETURNING owner"
)
GIVE_UP_PENDING = text(
    "UPDATE webhook_delivery SET status = 'failed', ended_at = :now WHERE webhook_id = :id AND status = 'pending'"
)
PENDING = "SELECT count(*) FROM webhook_delivery WHERE status = 'pending'"
FORGET = (
    text(
        "DELETE FROM webhook_attempt WHERE delivery_id IN (SELECT id FROM webhook_delivery WHERE created_at < :before)"
    ),
    text("DELETE FROM webhook_delivery WHERE created_at < :before"),
    text(
        "DELETE FROM webhook_event WHERE at < :before"
        " AND NOT EXISTS (SELECT 1 FROM webhook_delivery d WHERE d.event_id = webhook_event.id)"
    ),
)
FIND_STORES = text("SELECT id, url, status, events FROM webhook WHERE kind = 'xapi'")
TITLES = "SELECT id, title FROM concept WHERE {}"
