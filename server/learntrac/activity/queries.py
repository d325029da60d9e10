"""The statements of activity: the log of learners, and the rollups made from it."""

from sqlalchemy import TextClause, bindparam, text

from learntrac.activity.days import FIGURES

_NAMES = ", ".join(FIGURES)
SUMS = ", ".join(f"coalesce(sum({name}), 0) AS {name}" for name in FIGURES)
"""Every figure added up, for written SQL over any of the tables that have them."""

_ANSWERS = (
    "SELECT user_id, concept_id, at, 'graded' AS what, 0 AS seconds, outcome, threshold, score_after AS score, source,"
    " id FROM evidence WHERE weight > 0 AND NOT voided AND {}"
)
_EVENTS = (
    " UNION ALL SELECT user_id, concept_id, at, kind, seconds, NULL, NULL, NULL, '', id FROM learning_event WHERE {}"
)
_SESSIONS = (
    " UNION ALL SELECT user_id, concept_id, started_at,"
    " CASE WHEN status IN ('completed', 'mastered') THEN 'finished' ELSE 'begun' END, 0, NULL, NULL, NULL, '', 0"
    " FROM learning_session WHERE {}"
)
LOGS = text((_ANSWERS + _EVENTS + _SESSIONS).format(*["user_id IN :users"] * 3)).bindparams(
    bindparam("users", expanding=True)
)
"""One statement, so that answers, events and sessions are of one moment."""
_BETWEEN = "user_id = $1 AND {0} >= $2 AND {0} < $3"
LOG_SINCE = (_ANSWERS + _EVENTS).format(*[_BETWEEN.format("at")] * 2)
"""One learner's log between two moments, the second left out."""
LOG_WITH_SESSIONS_SINCE = LOG_SINCE + _SESSIONS.format(_BETWEEN.format("started_at"))

HOLD_STATE = text(
    "UPDATE activity_state SET version = version + 1 WHERE id = 1"
    " RETURNING settled_id, marked_id, marked_at, seen_id, as_of, is_whole, version"
)
"""Whoever changes the rollups holds this row, so that they come one after the other."""
STATE = "SELECT settled_id, marked_id, marked_at, seen_id, as_of, is_whole, version FROM activity_state"
LAST_EVENT = "SELECT coalesce(max(id), 0) FROM learning_event"
SET_SEEN = text("UPDATE activity_state SET seen_id = :seen WHERE id = 1 AND seen_id < :seen")
SET_SETTLED = text("UPDATE activity_state SET settled_id = :settled, marked_id = :marked, marked_at = :at WHERE id = 1")
SET_AS_OF = text("UPDATE activity_state SET as_of = :as_of WHERE id = 1")
SET_WHOLE = text("UPDATE activity_state SET is_whole = :is_whole WHERE id = 1")

EVENTS_AFTER = text("SELECT id, user_id FROM learning_event WHERE id > :after ORDER BY id LIMIT :most")
LEARNERS_SINCE = text(
    "SELECT user_id, max(id) AS last FROM learning_event WHERE id > :after GROUP BY user_id ORDER BY user_id"
)
LEARNERS_AFTER = text(
    "SELECT user_id FROM learning_event WHERE user_id > :after GROUP BY user_id ORDER BY user_id LIMIT :most"
)
ROLLED_UP_AFTER = text(
    "SELECT user_id FROM learner_total WHERE user_id > :after GROUP BY user_id ORDER BY user_id LIMIT :most"
)

DAYS_OF = text(
    f"SELECT user_id, day, concept_id, score, {_NAMES} FROM activity_day WHERE user_id IN :users"  # noqa: S608 - our own names
).bindparams(bindparam("users", expanding=True))
PUT_DAY = text(
    f"INSERT INTO activity_day (user_id, day, concept_id, score, {_NAMES})"  # noqa: S608 - our own names
    f" VALUES (:user_id, :day, :concept_id, :score, {', '.join(':' + name for name in FIGURES)})"
    " ON CONFLICT (user_id, day, concept_id) DO UPDATE SET score = excluded.score, "
    + ", ".join(f"{name} = excluded.{name}" for name in FIGURES)
)
REMOVE_DAY = text("DELETE FROM activity_day WHERE user_id = :user_id AND day = :day AND concept_id = :concept_id")
PUT_LEARNER = text(
    "INSERT INTO learner_total (user_id, last_at, open_concepts, failing, failing_since)"
    " VALUES (:user_id, :last_at, :open_concepts, :failing, :failing_since)"
    " ON CONFLICT (user_id) DO UPDATE SET last_at = excluded.last_at, open_concepts = excluded.open_concepts,"
    " failing = excluded.failing, failing_since = excluded.failing_since"
)
REMOVE_LEARNERS = text("DELETE FROM learner_total WHERE user_id IN :users").bindparams(
    bindparam("users", expanding=True)
)


def _adding(table: str, key: tuple[str, ...], names: tuple[str, ...]) -> TextClause:
    columns = (*key, *names)
    return text(
        f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({', '.join(':' + name for name in columns)})"  # noqa: S608 - our own names
        f" ON CONFLICT ({', '.join(key)}) DO UPDATE SET "
        + ", ".join(f"{name} = {table}.{name} + excluded.{name}" for name in names)
    )


ADD_TO_DAY = _adding("day_total", ("day",), FIGURES)
ADD_TO_CONCEPT = _adding("concept_window", ("timeframe", "concept_id"), FIGURES)
ADD_CHANGE = _adding("window_change", ("timeframe", "day"), ("learners", "engagement"))

_EACH_SUM = ", ".join(f"CAST(sum({name}) AS bigint) AS {name}" for name in FIGURES)
CONCEPTS_BETWEEN = text(
    f"SELECT concept_id, {_EACH_SUM} FROM activity_day WHERE day >= :first AND day <= :last GROUP BY concept_id"  # noqa: S608 - our own names
)
TOTALS_BY_DAY = text(f"SELECT day, {_EACH_SUM} FROM activity_day GROUP BY day")  # noqa: S608 - our own names
ACTIVE_DAYS = text(
    "SELECT DISTINCT user_id, day FROM activity_day WHERE active > 0 AND user_id > :after"
    " AND user_id <= :last ORDER BY user_id, day"
)
CLEAR = tuple(text(f"DELETE FROM {table}") for table in ("day_total", "window_change", "concept_window"))  # noqa: S608 - our own names
_NOTHING = " AND ".join(f"{name} = 0" for name in FIGURES)
TIDY = (
    text(f"DELETE FROM day_total WHERE {_NOTHING}"),  # noqa: S608 - our own names
    text("DELETE FROM window_change WHERE learners = 0 AND engagement = 0"),
    text(f"DELETE FROM concept_window WHERE {_NOTHING}"),  # noqa: S608 - our own names
)
"""Rows of nothing: what came into a window and left it, or was taken away."""

# Written SQL for `Database.hot`, the same text on both databases.
SUM_OF_DAYS = f"SELECT {SUMS} FROM day_total WHERE day >= $1 AND day <= $2"  # noqa: S608 - our own names
SUM_OF_CHANGES = (
    "SELECT coalesce(sum(learners), 0), coalesce(sum(engagement), 0) FROM window_change"
    " WHERE timeframe = $1 AND day <= $2"
)
_OF_CONCEPT = ", ".join(f"w.{name}" for name in FIGURES)
TOP = (
    f"SELECT c.id, c.title, {_OF_CONCEPT} FROM concept_window w JOIN concept c ON c.id = w.concept_id"  # noqa: S608 - our own names
    " WHERE w.timeframe = $1 AND w.completed_last > 0 ORDER BY w.completed_last DESC, w.concept_id LIMIT $2"
)
STRUGGLING = (
    f"SELECT c.id, c.title, {_OF_CONCEPT} FROM concept_window w JOIN concept c ON c.id = w.concept_id"  # noqa: S608 - our own names
    " WHERE w.timeframe = $1 AND w.answers >= $2 AND w.failures >= CAST($3 AS double precision) * w.answers"
    " AND w.failures > 0 ORDER BY CAST(w.failures AS double precision) / w.answers DESC, w.concept_id LIMIT $4"
)
CONCEPTS = "SELECT id FROM concept"
SUM_SEEN = f"SELECT {SUMS} FROM activity_day WHERE day >= $1 AND day <= $2 AND {{}}"  # noqa: S608 - our own names
SUM_BY_CONCEPT = (
    f"SELECT concept_id, {SUMS} FROM activity_day WHERE day >= $1 AND day <= $2 AND {{}} GROUP BY concept_id"  # noqa: S608 - our own names
)
ACTIVE_SEEN = (
    "SELECT days, count(*) FROM (SELECT user_id, count(DISTINCT day) AS days FROM activity_day"
    " WHERE day >= $1 AND day <= $2 AND active > 0 AND {} GROUP BY user_id) active GROUP BY days"
)
"""How many learners were active on how many days."""
TITLES = "SELECT id, title FROM concept WHERE {}"
