"""The statements of progress: written SQL for `Database.hot`, the same text on both databases."""

CONCEPTS = "SELECT id, milestone FROM concept"
MILESTONES = "SELECT milestone, count(*) FROM concept GROUP BY milestone"
FIRST_MILESTONES = "SELECT id, milestone FROM concept WHERE milestone <> '' ORDER BY id LIMIT 50"
STARTS = (
    "SELECT id, milestone, difficulty, estimated_minutes FROM concept"
    " WHERE id NOT IN (SELECT concept_id FROM prerequisite WHERE state = 'kept')"
)
NEEDED_IN = (
    "SELECT p.prerequisite_id, p.concept_id FROM concept c"
    " JOIN prerequisite p ON p.concept_id = c.id AND p.state = 'kept' WHERE c.milestone = $1"
)
"""Edges to the concepts of a milestone."""


def recent(most: int) -> str:
    """The last `most` things that the learner did, but for answers. As text, so that the planner knows how few."""
    return (
        "SELECT e.concept_id, c.title, e.kind, e.at, e.seconds"  # noqa: S608 - the number is ours
        " FROM learning_event e JOIN concept c ON c.id = e.concept_id"
        " WHERE e.user_id = $1 AND e.kind IN ('started', 'completed', 'mastered', 'abandoned') AND e.at >= $2"
        " AND (CAST($3 AS text) IS NULL OR c.milestone = $3)"
        f" ORDER BY e.at DESC, e.id DESC LIMIT {most}"
    )
