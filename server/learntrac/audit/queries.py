"""The statements of the audit log."""

from sqlalchemy import text

ADD = text(
    "INSERT INTO audit_entry (at, actor, action, subject, request_id, address, details)"
    " VALUES (:now, :actor, :action, :subject, :request_id, :address, :details)"
)
FORGET = text("DELETE FROM audit_entry WHERE at < :before")

PICK = "SELECT id, at, actor, action, subject, request_id, address, details FROM audit_entry"
COUNT = "SELECT count(*) FROM audit_entry"
NEWEST_FIRST = " ORDER BY at DESC, id DESC LIMIT :limit OFFSET :offset"
FILTERS = {
    "actor": "actor = :actor",
    "subject": "subject = :subject",
    "person": "(actor = :person OR subject = :person)",
    # Not LIKE: what is asked for may hold its wildcards, and SQLite's would take capitals for small letters.
    "action": "substr(action, 1, length(CAST(:action AS text))) = :action",
    "since": "at >= :since",
    "until": "at < :until",
}
"""The condition of each filter that is given."""
