"""The statements of adaptive. `{}` is where a condition on many numbers goes (`WideReader.among`)."""

from sqlalchemy import text

from learntrac.adaptive.feedback import CONCEPTS_COUNTED

LINKS = "SELECT c.id, c.links FROM concept c WHERE {}"
UNLOCKED = (
    "SELECT c.id, c.milestone, sum(CASE WHEN m.status = 'mastered' OR m.completed_at IS NOT NULL"
    " THEN 0 ELSE 1 END)"
    " FROM concept c JOIN prerequisite o ON o.concept_id = c.id AND o.state = 'kept'"
    " LEFT JOIN standing m ON m.user_id = $2 AND m.concept_id = o.prerequisite_id"
    " LEFT JOIN standing mine ON mine.user_id = $2 AND mine.concept_id = c.id"
    " WHERE (mine.status IS NULL OR mine.status <> 'mastered')"
    " AND c.id IN (SELECT p.concept_id FROM prerequisite p WHERE p.state = 'kept' AND {})"
    " GROUP BY c.id, c.milestone ORDER BY 3, c.id LIMIT 500"
)
"""What builds on these concepts and is not mastered, by how many of its prerequisites are still to be met."""
OPEN_IN = (
    "SELECT c.id, c.component, m.status, m.completed_at FROM concept c"
    " LEFT JOIN standing m ON m.user_id = $1 AND m.concept_id = c.id WHERE c.milestone = $2 ORDER BY c.id"
)
LOG = (
    "SELECT concept_id, kind, at, score FROM learning_event WHERE user_id = $1 AND at > $2 AND at <= $3"
    " AND kind IN ('answered', 'completed')"
)
ASKED_FOR = "SELECT preferred_resources FROM learning_session WHERE user_id = $1 ORDER BY started_at DESC LIMIT 50"

EXISTS = text("SELECT id FROM concept WHERE id = :concept_id")
LOCK_PREFERENCE = text(
    "INSERT INTO learning_preference (user_id, difficulty, pace, resource_weights, updated_at)"
    " VALUES (:user_id, 0, 0, '{}', :now) ON CONFLICT (user_id) DO UPDATE SET updated_at = excluded.updated_at"
    " RETURNING difficulty, pace, resource_weights"
)
"""The row, made where it was missing, and locked until the transaction ends: two words at once count both."""
PUT_FEEDBACK = text(
    "INSERT INTO concept_feedback (user_id, concept_id, difficulty_rating, clarity_rating, pace_feedback,"
    " preferred_resources, is_time_sufficient, comments, at) VALUES (:user_id, :concept_id, :difficulty_rating,"
    " :clarity_rating, :pace_feedback, :preferred_resources, :time_sufficient, :comments, :now)"
    " ON CONFLICT (user_id, concept_id) DO UPDATE SET difficulty_rating = excluded.difficulty_rating,"
    " clarity_rating = excluded.clarity_rating, pace_feedback = excluded.pace_feedback,"
    " preferred_resources = excluded.preferred_resources, is_time_sufficient = excluded.is_time_sufficient,"
    " comments = excluded.comments, at = excluded.at"
)
FEEDBACK = text(
    "SELECT difficulty_rating, pace_feedback, preferred_resources, is_time_sufficient FROM concept_feedback"  # noqa: S608 - a number of our own
    f" WHERE user_id = :user_id ORDER BY at DESC, concept_id LIMIT {CONCEPTS_COUNTED}"
)
SET_PREFERENCE = text(
    "UPDATE learning_preference SET difficulty = :difficulty, pace = :pace, resource_weights = :weights"
    " WHERE user_id = :user_id"
)

OUTLINE = "SELECT id, difficulty FROM concept ORDER BY id"
EDGES = "SELECT prerequisite_id, concept_id FROM prerequisite WHERE state = 'kept'"
QUESTION = "SELECT title, objectives FROM concept WHERE id = $1"
TITLES = "SELECT c.id, c.title FROM concept c WHERE {}"
FIND_PLACEMENT = "SELECT status, question, answers, asked FROM placement WHERE id = $1 AND user_id = $2"

END_OPEN = text(
    "UPDATE placement SET status = 'done', question = NULL, updated_at = :now"
    " WHERE user_id = :user_id AND status = 'active'"
)
OPEN_PLACEMENT = text(
    "INSERT INTO placement (id, user_id, status, question, answers, asked, started_at, updated_at)"
    " VALUES (:id, :user_id, :status, :question, '[]', 0, :now, :now)"
)
MOVE = text(
    "UPDATE placement SET status = :status, question = :question, answers = :answers, asked = asked + 1,"
    " updated_at = :now WHERE id = :id AND user_id = :user_id AND status = 'active' AND asked = :asked RETURNING id"
)
FORGET_PRIORS = text("DELETE FROM placement_prior WHERE user_id = :user_id")
PUT_PRIOR = text(
    "INSERT INTO placement_prior (user_id, concept_id, probability, at)"
    " VALUES (:user_id, :concept_id, :probability, :now)"
)
