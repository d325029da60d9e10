"""The statements of progress."""

from sqlalchemy import text

CONCEPTS = text("SELECT id, milestone FROM concept")
MILESTONES = text("SELECT milestone, count(*) AS total FROM concept GROUP BY milestone")
STANDINGS = text(
    "SELECT c.id, c.milestone, c.component, s.status, s.mastery_score, s.begun_at, s.completed_at, s.mastered_at,"
    " s.updated_at FROM standing s JOIN concept c ON c.id = s.concept_id WHERE s.user_id = :user_id"
)
EVENTS = text(
    "SELECT concept_id, kind, at, seconds, score, data FROM learning_event"
    " WHERE user_id = :user_id AND at >= :since AND at <= :until ORDER BY at, id"
)
RECENT = text(
    "SELECT e.concept_id, c.title, e.kind, e.at, e.seconds FROM learning_event e JOIN concept c ON c.id = e.concept_id"
    " WHERE e.user_id = :user_id AND e.kind <> 'answered' AND e.at >= :since"
    " AND (CAST(:milestone AS text) IS NULL OR c.milestone = :milestone)"
    " ORDER BY e.at DESC, e.id DESC LIMIT 200"
)
MASTERY_OF = text("SELECT concept_id, mastery_score FROM standing WHERE user_id = :user_id AND weight > 0")
READY = text(
    "SELECT c.id, c.title, c.difficulty, coalesce(mine.status, 'new') AS status,"
    " (SELECT count(*) FROM prerequisite p WHERE p.concept_id = c.id AND p.state = 'kept') AS needs"
    " FROM concept c LEFT JOIN standing mine ON mine.user_id = :user_id AND mine.concept_id = c.id"
    " WHERE coalesce(mine.status, 'new') <> 'mastered' AND mine.completed_at IS NULL"
    " AND (CAST(:milestone AS text) IS NULL OR c.milestone = :milestone)"
    " AND NOT EXISTS (SELECT 1 FROM prerequisite o"
    "  LEFT JOIN standing s ON s.user_id = :user_id AND s.concept_id = o.prerequisite_id"
    "  WHERE o.concept_id = c.id AND o.state = 'kept'"
    "  AND coalesce(s.status, 'new') <> 'mastered' AND s.completed_at IS NULL)"
    " ORDER BY abs(c.difficulty - :level), needs DESC, c.id LIMIT 50"
)
"""Concepts neither mastered nor completed all of whose prerequisites are; nearest to the learner's level first."""
