"""The statements of concepts, beside the list's."""

from sqlalchemy import bindparam, text

GET_CONCEPT = text(
    "SELECT id, title, description, mastery_threshold, estimated_minutes, objectives, links FROM concept"
    " WHERE id = :concept_id"
)
GET_THRESHOLD = text("SELECT mastery_threshold FROM concept WHERE id = :concept_id")
SHOW_PREREQUISITES = (
    "SELECT c.id, c.title, c.standing, s.status FROM prerequisite p JOIN concept c ON c.id = p.prerequisite_id"
    " LEFT JOIN standing s ON s.user_id = $1 AND s.concept_id = c.id"
    " WHERE p.concept_id = $2 AND p.state = 'kept' ORDER BY c.id"
)


def show_concept(needs: str, exercises: str) -> str:
    """Written SQL for `Database.hot`: a concept with its prerequisites and exercises as JSON, in one statement, because
    everybody reads it.
    """
    return (
        f"SELECT c.doc_head, c.standing, s.status, c.doc_tail, {needs}, c.objectives, c.links, {exercises},"  # noqa: S608 - our own SQL
        " c.custom_fields FROM concept c LEFT JOIN standing s ON s.user_id = $1 AND s.concept_id = c.id WHERE c.id = $2"
    )


PAGE_WORDS = text("SELECT name, words FROM page WHERE name IN :names").bindparams(bindparam("names", expanding=True))
OPEN_SESSION = text(
    "INSERT INTO learning_session (id, user_id, concept_id, mode, status, preferred_resources,"
    " time_spent_seconds, reported, started_at)"
    " VALUES (:id, :user_id, :concept_id, :mode, 'active', :preferred, 0, '{}', :now)"
    " ON CONFLICT DO NOTHING RETURNING id"
)
FIND_SESSION = text(
    "SELECT id, concept_id, status, started_at FROM learning_session WHERE id = :id AND user_id = :user_id"
)
CLOSE_SESSION = text(
    "UPDATE learning_session SET status = :status, ended_at = :now, time_spent_seconds = :seconds, reported = :reported"
    " WHERE id = :id AND status = 'active' RETURNING id"
)
SET_SESSION_STATUS = text("UPDATE learning_session SET status = :status WHERE id = :id")
UNLOCKED_BY = text(
    "SELECT c.id FROM prerequisite p JOIN concept c ON c.id = p.concept_id"
    " LEFT JOIN standing mine ON mine.user_id = :user_id AND mine.concept_id = c.id"
    " WHERE p.prerequisite_id = :concept_id AND p.state = 'kept'"
    " AND coalesce(mine.status, 'new') <> 'mastered' AND mine.completed_at IS NULL"
    " AND NOT EXISTS (SELECT 1 FROM prerequisite o"
    "  LEFT JOIN standing s ON s.user_id = :user_id AND s.concept_id = o.prerequisite_id"
    "  WHERE o.concept_id = c.id AND o.state = 'kept'"
    "  AND coalesce(s.status, 'new') <> 'mastered' AND s.completed_at IS NULL)"
    " ORDER BY c.id"
)
"""Concepts that name this one and all of whose prerequisites the learner has mastered or completed."""

ASKED_FOR = text(
    "SELECT preferred_resources FROM learning_session WHERE user_id = :user_id ORDER BY started_at DESC LIMIT 50"
)
