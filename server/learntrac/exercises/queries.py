"""The statements of exercises, beside the list's."""

from sqlalchemy import bindparam, text

from learntrac.webhooks.outbox import WANTED

FIND_CONCEPT = text("SELECT id, title, mastery_threshold FROM concept WHERE id = :concept_id")
CONCEPT_TITLES = text("SELECT id, title FROM concept WHERE id IN :ids").bindparams(bindparam("ids", expanding=True))

ADD = text(
    "INSERT INTO exercise (id, concept_id, type, title, difficulty, level, points, estimated_minutes, version,"
    " is_retired, doc_head, started_by, completed_by, created_by, created_at, updated_at)"
    " VALUES (:id, :concept_id, :type, :title, :difficulty, :level, :points, :estimated_minutes, 1, false, :doc_head,"
    " 0, 0, :author, :now, :now) ON CONFLICT DO NOTHING RETURNING id"
)
CHANGE = text(
    "UPDATE exercise SET concept_id = :concept_id, type = :type, title = :title, difficulty = :difficulty,"
    " level = :level, points = :points, estimated_minutes = :estimated_minutes, version = version + 1,"
    " is_retired = false, doc_head = :doc_head, updated_at = :now WHERE id = :id RETURNING version"
)
ADD_VERSION = text(
    "INSERT INTO exercise_version (exercise_id, version, content, digest, created_by, created_at)"
    " VALUES (:id, :version, :content, :digest, :author, :now)"
)
RETIRE = text("UPDATE exercise SET is_retired = true, updated_at = :now WHERE id = :id")
_EXERCISE = (
    "SELECT e.id, e.concept_id, e.type, e.title, e.points, e.version, e.is_retired, e.started_by, e.completed_by,"
    " e.updated_at, v.content, v.digest FROM exercise e JOIN concept c ON c.id = e.concept_id"
    " JOIN exercise_version v ON v.exercise_id = e.id AND v.version ="
)
GET = text(f"{_EXERCISE} e.version WHERE e.id = :id")
GET_AT = text(f"{_EXERCISE} CAST(:version AS integer) WHERE e.id = :id")
"""An exercise with the content of its current version, or of another. One of a concept that is gone is none."""
ALL = text(f"{_EXERCISE} e.version WHERE NOT e.is_retired ORDER BY e.id")
VERSIONS = text(
    "SELECT v.version, v.created_by, v.created_at, v.digest FROM exercise_version v WHERE v.exercise_id = :id"
    " ORDER BY v.version DESC"
)
IDS = text("SELECT id, is_retired FROM exercise ORDER BY id")

OPEN_SESSION = text(
    "INSERT INTO exercise_session (id, user_id, exercise_id, concept_id, version, status, hints, attempts, started_at,"
    " ends_at) VALUES (:id, :user_id, :exercise_id, :concept_id, :version, 'active', 0, 0, :now, :ends_at)"
    " ON CONFLICT DO NOTHING RETURNING id"
)
_SESSION = (
    "SELECT id, user_id, exercise_id, concept_id, version, status, hints, helped, hinted_at, attempts, started_at,"
    " ends_at, ended_at FROM exercise_session"
)
FIND_ACTIVE = text(f"{_SESSION} WHERE user_id = :user_id AND exercise_id = :exercise_id AND status = 'active'")
FIND_SESSION = text(f"{_SESSION} WHERE id = :id AND user_id = :user_id AND exercise_id = :exercise_id")
GET_SESSION = text(f"{_SESSION} WHERE id = :id")
EXPIRE = text(
    "UPDATE exercise_session SET status = 'expired', ended_at = ends_at"
    " WHERE user_id = :user_id AND exercise_id = :exercise_id AND status = 'active' AND ends_at <= :now"
)
COUNT_ATTEMPT = text("UPDATE exercise_session SET attempts = attempts + 1 WHERE id = :id")
PASS_SESSION = text(
    "UPDATE exercise_session SET status = 'passed', ended_at = :now WHERE id = :id AND status = 'active'"
)
GIVE_HINT = text(
    "UPDATE exercise_session SET hints = hints + 1, hinted_at = :now WHERE id = :id AND hints = :hints RETURNING hints"
)
MOST_HELP = text(
    "SELECT coalesce(max(CASE WHEN helped > hints THEN helped ELSE hints END), 0) FROM exercise_session"
    " WHERE user_id = :user_id AND exercise_id = :exercise_id"
)
OPEN_OF_LEARNER = text(
    "SELECT s.id, s.exercise_id, s.concept_id, s.version, s.hints, s.attempts, s.started_at, s.ends_at, e.title, e.type"
    " FROM exercise_session s JOIN exercise e ON e.id = s.exercise_id"
    " WHERE s.user_id = :user_id AND s.status = 'active' AND (s.ends_at IS NULL OR s.ends_at > :now)"
    " AND (CAST(:concept_id AS integer) IS NULL OR s.concept_id = :concept_id)"
    " ORDER BY s.started_at DESC LIMIT 1"
)

ALL_OPEN_OF_LEARNER = text(
    "SELECT s.id, s.exercise_id, s.concept_id, s.version, s.hints, s.attempts, s.started_at, s.ends_at, e.title, e.type"
    " FROM exercise_session s JOIN exercise e ON e.id = s.exercise_id"
    " WHERE s.user_id = :user_id AND s.status = 'active' AND (s.ends_at IS NULL OR s.ends_at > :now)"
    " ORDER BY s.started_at DESC"
)
HELPED = text(
    "UPDATE exercise_session SET helped = :rung WHERE user_id = :user_id AND concept_id = :concept_id"
    " AND status = 'active' AND helped < :rung"
)
BEGIN_STANDING = text(
    "INSERT INTO exercise_standing (user_id, exercise_id, concept_id, type, status, best_share, attempts, hints,"
    " started_at, updated_at) VALUES (:user_id, :exercise_id, :concept_id, :type, 'in_progress', 0, 0, 0, :now, :now)"
    " ON CONFLICT DO NOTHING RETURNING exercise_id"
)
COUNT_STARTED = text("UPDATE exercise SET started_by = started_by + 1 WHERE id = :id")
COUNT_COMPLETED = text("UPDATE exercise SET completed_by = completed_by + :change WHERE id = :id")
FIND_STANDING = text(
    "SELECT status, best_share, attempts, hints, completed_at, solution_seen_at FROM exercise_standing"
    " WHERE user_id = :user_id AND exercise_id = :exercise_id"
)
COUNT_TRY = text(
    "UPDATE exercise_standing SET attempts = attempts + 1,"
    " best_share = CASE WHEN best_share < :share THEN :share ELSE best_share END, updated_at = :now"
    " WHERE user_id = :user_id AND exercise_id = :exercise_id"
)
COUNT_HINT = text(
    "UPDATE exercise_standing SET hints = hints + 1 WHERE user_id = :user_id AND exercise_id = :exercise_id"
)
LOOK_FOR_BEST = text(
    "UPDATE exercise_standing SET updated_at = :now, best_share = (SELECT coalesce(max(s.score / s.max_score), 0)"
    " FROM submission s WHERE s.user_id = :user_id AND s.exercise_id = :exercise_id"
    " AND s.status IN ('graded', 'unexplained')) WHERE user_id = :user_id AND exercise_id = :exercise_id"
)
"""After a verdict was written anew: `COUNT_TRY` only ever raises it."""
COMPLETE = text(
    "UPDATE exercise_standing SET status = 'completed', completed_at = :now, updated_at = :now"
    " WHERE user_id = :user_id AND exercise_id = :exercise_id AND status <> 'completed' RETURNING exercise_id"
)
UNCOMPLETE = text(
    "UPDATE exercise_standing SET status = 'in_progress', completed_at = NULL, updated_at = :now"
    " WHERE user_id = :user_id AND exercise_id = :exercise_id AND status = 'completed'"
    " AND NOT EXISTS (SELECT 1 FROM submission s WHERE s.user_id = :user_id AND s.exercise_id = :exercise_id"
    "  AND s.status = 'graded' AND s.passed) RETURNING exercise_id"
)
SEE_SOLUTION = text(
    "UPDATE exercise_standing SET solution_seen_at = :now"
    " WHERE user_id = :user_id AND exercise_id = :exercise_id AND solution_seen_at IS NULL"
)

STORE = text(
    "INSERT INTO submission (user_id, exercise_id, concept_id, session_id, version, status, language, source,"
    " explanation, self_assessment, digest, request_key, hints, passed, score, max_score, tests_passed, tests_total,"
    " milliseconds, result, issues, submitted_at, note, claimed_until)"
    " VALUES (:user_id, :exercise_id, :concept_id, :session_id, :version, :status, :language, :source, :explanation,"
    " :self_assessment, :digest, :request_key, :hints, false, 0, :max_score, 0, 0, 0, '{}', '[]', :now, '',"
    " :claimed_until) ON CONFLICT DO NOTHING RETURNING id"
)
_SUBMISSION = (
    "SELECT id, user_id, exercise_id, concept_id, session_id, version, status, language, source, explanation,"
    " self_assessment, digest, request_key, hints, passed, score, max_score, tests_passed, tests_total, milliseconds,"
    " weight, result, issues, submitted_at, graded_at, at_evidence, regraded_by, note, claimed_until FROM submission"
)
GET_SUBMISSION = text(f"{_SUBMISSION} WHERE id = :id")
FIND_SAME = text(f"{_SUBMISSION} WHERE session_id = :session_id AND digest = :digest")
FIND_UNEXPLAINED = text(
    f"{_SUBMISSION} WHERE session_id = :session_id AND status = 'unexplained' ORDER BY id DESC LIMIT 1"
)
LAST_SUBMISSION = text(
    f"{_SUBMISSION} WHERE user_id = :user_id AND exercise_id = :exercise_id ORDER BY id DESC LIMIT 1"
)
AGAIN = text(
    "UPDATE submission SET status = 'stored', claimed_until = :claimed_until, submitted_at = :now"
    " WHERE id = :id AND status = 'refused' RETURNING id"
)
CLAIM = text(
    "UPDATE submission SET claimed_until = :until WHERE id = :id AND status = 'stored' AND claimed_until <= :now"
    " RETURNING id"
)
REFUSE = text("UPDATE submission SET status = 'refused' WHERE id = :id AND status = 'stored'")
PUT_OFF = text("UPDATE submission SET claimed_until = :until WHERE id = :id AND status = 'stored'")
GRADE = text(
    "UPDATE submission SET status = :status, passed = :passed, score = :score, max_score = :max_score,"  # noqa: S608 - our own names
    " tests_passed = :tests_passed, tests_total = :tests_total, milliseconds = :milliseconds, result = :result,"
    " issues = :issues, graded_at = :now, explanation = :explanation WHERE id = :id AND status = :before"
    f" RETURNING {WANTED}"
)
"""What comes back is which events somebody wants, as what follows a grade is announced."""
EXPLAINED = text(
    "UPDATE submission SET status = 'graded', explanation = :explanation WHERE id = :id AND status = 'unexplained'"
    " RETURNING id"
)
WEIGHED = text("UPDATE submission SET weight = :weight, at_evidence = :at WHERE id = :id")
REGRADED = text(
    "UPDATE submission SET regraded_by = :by, note = :note, version = :version, source = :source WHERE id = :id"
)
WAITING = text("SELECT id FROM submission WHERE status = 'stored' AND claimed_until <= :now ORDER BY id LIMIT :limit")
LIST_ATTEMPTS = text(
    f"{_SUBMISSION} WHERE exercise_id = :exercise_id AND (CAST(:user_id AS text) IS NULL OR user_id = :user_id)"
    " AND status <> 'refused' ORDER BY id DESC LIMIT :limit OFFSET :offset"
)
COUNT_ATTEMPTS = text(
    "SELECT count(*) FROM submission WHERE exercise_id = :exercise_id"
    " AND (CAST(:user_id AS text) IS NULL OR user_id = :user_id) AND status <> 'refused'"
)
FAILED_BEFORE = text(
    "SELECT count(*) FROM submission WHERE session_id = :session_id AND id < :id AND status = 'graded' AND NOT passed"
)
PASSED_BEFORE = text(
    "SELECT count(*) FROM submission WHERE user_id = :user_id AND exercise_id = :exercise_id AND id < :id"
    " AND status = 'graded' AND passed"
)
LAST_OF_EACH = text(
    "SELECT s.id, s.user_id, s.source, s.language FROM submission s WHERE s.exercise_id = :exercise_id AND s.id IN"
    " (SELECT max(o.id) FROM submission o WHERE o.exercise_id = :exercise_id AND o.status = 'graded' AND o.passed"
    "  GROUP BY o.user_id) ORDER BY s.id LIMIT :limit"
)
VOID_EVIDENCE = text(
    "UPDATE evidence SET voided = true WHERE user_id = :user_id AND concept_id = :concept_id AND item_id = :item_id"
    " AND at = :at AND NOT voided RETURNING id"
)

OF_CONCEPT = "SELECT id, title, type, points FROM exercise WHERE concept_id = {} AND NOT is_retired ORDER BY level, id"
"""Part of written SQL for `Database.hot`: the concept's page shows it."""
TO_PRACTISE = text(
    "SELECT e.id, e.title, e.estimated_minutes, e.version, v.content FROM exercise e"
    " JOIN exercise_version v ON v.exercise_id = e.id AND v.version = e.version"
    " LEFT JOIN exercise_standing s ON s.user_id = :user_id AND s.exercise_id = e.id"
    " WHERE e.concept_id = :concept_id AND NOT e.is_retired AND coalesce(s.status, 'available') <> 'completed'"
    " ORDER BY e.difficulty, e.id"
)
