"""The statements of analytics: written SQL for `Database.hot`, the same text on both databases."""

import functools

from sqlalchemy import bindparam, text

from learntrac.activity.days import FIGURES

COMMON_PATHS = "SELECT path, learners, mastered, seconds FROM common_path WHERE timeframe = $1 ORDER BY place"
CLEAR_PATHS = text("DELETE FROM common_path")
PUT_PATH = text(
    "INSERT INTO common_path (timeframe, place, path, learners, mastered, seconds)"
    " VALUES (:timeframe, :place, :path, :learners, :mastered, :seconds)"
)
LAST_EVENT = "SELECT coalesce(max(id), 0) FROM learning_event"


@functools.cache
def paths(length: int, *, of_one: bool) -> str:
    """Orders of so many concepts in which learners began to work from $1 to $2, the commonest first.

    $3 is the least number of learners, $4 how many orders, $5 the one learner.
    """
    whose = " AND user_id = $5" if of_one else ""
    places = range(1, length + 1)
    ahead = ", ".join(
        f"lead(concept_id, {place - 1}) OVER ahead AS c{place}, lead(seconds, {place - 1}) OVER ahead AS s{place}"
        for place in places
    )
    columns = ", ".join(f"c{place}" for place in places)
    seconds = " + ".join(f"s{place}" for place in places)
    return (
        "WITH worked AS (SELECT user_id, concept_id, min(CASE WHEN kind = 'started' THEN at END) AS begun_at,"  # noqa: S608 - our own names
        " sum(seconds) AS seconds, max(CASE WHEN kind = 'mastered' THEN 1 ELSE 0 END) AS mastered"
        f" FROM learning_event WHERE at >= $1 AND at <= $2{whose} GROUP BY user_id, concept_id),"
        f" steps AS (SELECT user_id, {ahead}, lead(mastered, {length - 1}) OVER ahead AS mastered"
        " FROM worked WHERE begun_at IS NOT NULL"
        " WINDOW ahead AS (PARTITION BY user_id ORDER BY begun_at, concept_id))"
        f" SELECT {columns}, count(*) AS learners, sum(mastered), sum({seconds}) FROM steps WHERE c{length} IS NOT NULL"
        f" GROUP BY {columns} HAVING count(*) >= $3 ORDER BY count(*) DESC, {columns} LIMIT $4"
    )


@functools.cache
def issues(concepts: int) -> str:
    """The latest failed submissions from $1 up to $2 to each of so many concepts, $4 and on; of one learner, or of all
    where $3 is NULL.

    One statement: each concept stops at what it needs by its index.
    """
    latest = (
        "SELECT * FROM (SELECT concept_id, issues FROM submission WHERE concept_id = ${} AND issues <> '[]'"
        " AND submitted_at >= $1 AND submitted_at < $2 AND (CAST($3 AS text) IS NULL OR user_id = $3)"
        " ORDER BY id DESC LIMIT 200) latest"
    )
    return " UNION ALL ".join(latest.format(place + 4) for place in range(concepts))


AT_RISK = (
    "SELECT user_id, last_at, open_concepts, failing, failing_since FROM learner_total"
    " WHERE failing_since IS NOT NULL OR (open_concepts > 0 AND last_at >= $1 AND last_at < $2)"
    " ORDER BY coalesce(failing_since, last_at) DESC, user_id LIMIT $3 OFFSET $4"
)
COUNT_AT_RISK = (
    "SELECT count(*) FROM learner_total"
    " WHERE failing_since IS NOT NULL OR (open_concepts > 0 AND last_at >= $1 AND last_at < $2)"
)
BEGUN_BY_MILESTONE = (
    "SELECT c.milestone, c.id, s.begun_at FROM standing s JOIN concept c ON c.id = s.concept_id"
    " WHERE s.user_id = $1 AND c.milestone <> ''"
)

CONCEPTS = "SELECT id, title, milestone, component, difficulty FROM concept ORDER BY id"
COUNT_LEARNERS = "SELECT count(*) FROM learner_total"
LEARNERS_AFTER = text("SELECT user_id FROM learner_total WHERE user_id > :after ORDER BY user_id LIMIT :most")
DAYS_BETWEEN = text(
    f"SELECT user_id, day, concept_id, score, {', '.join(FIGURES)} FROM activity_day"  # noqa: S608 - our own names
    " WHERE user_id IN :users AND day >= :first AND day <= :last"
).bindparams(bindparam("users", expanding=True))
NAMES = text("SELECT user_id, full_name FROM learner WHERE user_id IN :users").bindparams(
    bindparam("users", expanding=True)
)
KNOWN = text(
    "SELECT user_id FROM learner_state WHERE user_id IN :users"
    " UNION SELECT user_id FROM learner WHERE user_id IN :users"
).bindparams(bindparam("users", expanding=True))
MILESTONES = text("SELECT DISTINCT milestone FROM concept WHERE milestone IN :names").bindparams(
    bindparam("names", expanding=True)
)
TROUBLE = text("SELECT user_id, last_at, open_concepts, failing FROM learner_total WHERE user_id IN :users").bindparams(
    bindparam("users", expanding=True)
)
DUE = text(
    "SELECT user_id, concept_id FROM standing WHERE status = 'mastered' AND due_at <= :now AND user_id IN :users"
).bindparams(bindparam("users", expanding=True))

HOLD_OWNER = text("UPDATE learner SET user_id = user_id WHERE user_id = :owner")
"""Orders of one instructor come one after the other, so that ten are ten on any number of servers."""
_EXPORT = (
    "id, owner, report_type, format, sections, filters, status, progress, estimated_seconds, error, size, created_at,"
    " finished_at, expires_at"
)
ADD_EXPORT = text(
    "INSERT INTO export (id, owner, report_type, format, sections, filters, status, progress, estimated_seconds, error,"
    " size, created_at) VALUES (:id, :owner, :report_type, :format, :sections, :filters, 'processing', 0,"
    " :estimated_seconds, '', 0, :now)"
)
COUNTED_ORDERS = text(
    "SELECT count(*) AS orders, min(created_at) AS first FROM export"
    " WHERE owner = :owner AND created_at > :since AND status <> 'failed'"
)
FIND_EXPORT = text(f"SELECT {_EXPORT} FROM export WHERE id = :id")  # noqa: S608 - our own names
OWN_EXPORTS = text(
    f"SELECT {_EXPORT} FROM export WHERE owner = :owner ORDER BY created_at DESC, id LIMIT :limit OFFSET :offset"  # noqa: S608 - our own names
)
COUNT_OWN_EXPORTS = text("SELECT count(*) FROM export WHERE owner = :owner")
TELL_PROGRESS = text("UPDATE export SET progress = :progress WHERE id = :id AND status = 'processing' RETURNING id")
END_EXPORT = text(
    "UPDATE export SET status = :status, progress = :progress, error = :error, size = :size, finished_at = :now,"
    " expires_at = :expires_at WHERE id = :id AND status = 'processing' RETURNING id"
)
REMOVE_PIECES = text("DELETE FROM export_piece WHERE export_id = :id")
ADD_PIECE = text("INSERT INTO export_piece (export_id, place, content) VALUES (:id, :place, :content)")
PIECE = "SELECT content FROM export_piece WHERE export_id = $1 AND place = $2"
EXPIRED = text("UPDATE export SET status = 'expired' WHERE status = 'completed' AND expires_at <= :now RETURNING id")
LOST = text(
    "UPDATE export SET status = 'failed', error = :error, finished_at = :now"
    " WHERE status = 'processing' AND created_at < :before"
)
FORGET_EXPORTS = text("DELETE FROM export WHERE status <> 'processing' AND created_at < :before")
REMOVE_ORPHANS = text(
    "DELETE FROM export_piece WHERE export_id NOT IN (SELECT id FROM export WHERE status = 'completed')"
)
WITHDRAW = text(
    "UPDATE export SET status = CASE WHEN status = 'completed' THEN 'expired' ELSE 'cancelled' END"
    " WHERE status IN ('processing', 'completed')"
)
FILTERS = text("SELECT id, filters FROM export WHERE filters LIKE :name")
SET_FILTERS = text("UPDATE export SET filters = :filters WHERE id = :id")
REMOVE_OWN_EXPORTS = text("DELETE FROM export WHERE owner = :owner")
