"""The statements of mastery."""

from sqlalchemy import text

ADD_EVIDENCE = text(
    "INSERT INTO evidence (user_id, concept_id, item_id, outcome, weight, source, at)"
    " VALUES (:user_id, :concept_id, :item_id, :outcome, :weight, :source, :now)"
)
ADD_EVENT = text(
    "INSERT INTO learning_event (user_id, concept_id, kind, seconds, score, data, at)"
    " VALUES (:user_id, :concept_id, :kind, :seconds, :score, :data, :now)"
)
FIND_STANDING = text(
    "SELECT status, mastery_score, successes, weight, begun_at, completed_at, mastered_at FROM standing"
    " WHERE user_id = :user_id AND concept_id = :concept_id"
)
PUT_STANDING = text(
    "INSERT INTO standing (user_id, concept_id, status, mastery_score, successes, weight, begun_at, completed_at,"
    " mastered_at, updated_at) VALUES (:user_id, :concept_id, :status, :mastery_score, :successes, :weight,"
    " :begun_at, :completed_at, :mastered_at, :now)"
    " ON CONFLICT (user_id, concept_id) DO UPDATE SET status = excluded.status,"
    " mastery_score = excluded.mastery_score, successes = excluded.successes, weight = excluded.weight,"
    " completed_at = excluded.completed_at, mastered_at = excluded.mastered_at, updated_at = excluded.updated_at"
)
REMOVE_STANDING = text("DELETE FROM standing WHERE user_id = :user_id AND concept_id = :concept_id")
AREAS = text(
    "SELECT c.component AS area, avg(s.mastery_score) AS mean, count(*) AS begun,"
    " sum(CASE WHEN s.status = 'mastered' THEN 1 ELSE 0 END) AS mastered,"
    " sum(CASE WHEN s.status = 'mastered' THEN c.difficulty ELSE 0 END) AS difficulty"
    " FROM standing s JOIN concept c ON c.id = s.concept_id"
    " WHERE s.user_id = :user_id GROUP BY c.component ORDER BY mean DESC, area"
)
"""The components a learner has begun, best first."""
