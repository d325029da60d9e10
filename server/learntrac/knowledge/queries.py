"""The statements of the knowledge graph. `{}` is where a condition on many numbers goes (`HotReader.among`)."""

from sqlalchemy import text

MET = "(s.status = 'mastered' OR s.completed_at IS NOT NULL)"
"""When a prerequisite is met (docs/decisions/0006-when-a-prerequisite-is-met.md)."""

CONCEPTS = (
    "SELECT c.id, c.title, c.difficulty, c.estimated_minutes, c.component,"  # noqa: S608 - our own condition
    f" s.status, coalesce(s.mastery_score, 0), coalesce({MET}, false)"
    " FROM concept c LEFT JOIN standing s ON s.user_id = $2 AND s.concept_id = c.id WHERE {}"
)
LOCKED = (
    "SELECT DISTINCT p.concept_id FROM prerequisite p"  # noqa: S608 - our own condition
    " LEFT JOIN standing s ON s.user_id = $2 AND s.concept_id = p.prerequisite_id"
    f" WHERE p.state = 'kept' AND NOT coalesce({MET}, false) AND {{}}"
)
"""Concepts with a prerequisite that is not met."""

ADD = text(
    "INSERT INTO relationship (source_concept, target_concept, kind, weight, is_bidirectional, notes, created_by,"
    " created_at) VALUES (:source, :target, :kind, :weight, :bidirectional, :notes, :created_by, :now)"
    " ON CONFLICT DO NOTHING RETURNING id"
)
FIND_TWIN = text(
    "SELECT 1 FROM relationship WHERE kind = :kind AND source_concept = :target AND target_concept = :source"
    " AND (is_bidirectional OR :bidirectional)"
)
IS_WRITTEN = text("SELECT source FROM prerequisite WHERE prerequisite_id = :source AND concept_id = :target")
ADD_PREREQUISITE = text(
    "INSERT INTO prerequisite (concept_id, prerequisite_id, source, state)"
    " VALUES (:target, :source, 'learntrac', 'kept')"
)
REMOVE_PREREQUISITE = text(
    "DELETE FROM prerequisite WHERE concept_id = :target AND prerequisite_id = :source AND source = 'learntrac'"
)
# Whoever adds edges does so one after the other: two that are harmless alone may close a cycle together.
LOCK = text("UPDATE catalog_state SET changed_at = changed_at WHERE id = 1")
REMOVE = text("DELETE FROM relationship WHERE id = :id RETURNING source_concept, target_concept, kind")
EXISTING = text("SELECT id FROM concept WHERE id IN (:source, :target)")
NEEDED_BY = text(
    "WITH RECURSIVE need(id) AS (SELECT CAST(:concept AS integer) UNION"
    " SELECT p.prerequisite_id FROM need JOIN prerequisite p ON p.concept_id = need.id AND p.state = 'kept')"
    " SELECT p.concept_id, p.prerequisite_id FROM need JOIN prerequisite p ON p.concept_id = need.id"
    " WHERE p.state = 'kept'"
)
"""Every edge among a concept and all that it needs."""

LIST = text(
    "SELECT id, source_concept, target_concept, kind, weight, is_bidirectional, notes, created_by, created_at"
    " FROM relationship WHERE (CAST(:kind AS text) IS NULL OR kind = :kind)"
    " AND (CAST(:concept AS integer) IS NULL OR source_concept = :concept OR target_concept = :concept) ORDER BY id"
)

ALL_CONCEPTS = "SELECT id FROM concept"
ALL_EDGES = "SELECT prerequisite_id, concept_id, state FROM prerequisite"
ALL_RELATED = "SELECT source_concept, target_concept FROM relationship"
FIRST_ANSWERS = (
    "SELECT p.prerequisite_id, p.concept_id,"
    " sum(CASE WHEN known.mastered_at < first.at THEN 1 ELSE 0 END),"
    " sum(CASE WHEN known.mastered_at < first.at AND first.outcome >= first.threshold THEN 1 ELSE 0 END),"
    " count(*), sum(CASE WHEN first.outcome >= first.threshold THEN 1 ELSE 0 END)"
    " FROM (SELECT user_id, concept_id, at, outcome, threshold, row_number() OVER"
    "  (PARTITION BY user_id, concept_id ORDER BY at, id) AS place FROM evidence WHERE weight > 0 AND NOT voided) first"
    " JOIN prerequisite p ON p.concept_id = first.concept_id AND p.state = 'kept'"
    " LEFT JOIN standing known ON known.user_id = first.user_id AND known.concept_id = p.prerequisite_id"
    " WHERE first.place = 1 GROUP BY p.prerequisite_id, p.concept_id ORDER BY p.concept_id, p.prerequisite_id"
)
"""For each edge: learners who had mastered the prerequisite before their first answer on the concept, how many of
these answers were right, and the same for all learners."""

ADDED = "SELECT target_concept, source_concept FROM relationship WHERE kind = 'prerequisite_for' ORDER BY 1, 2"
