"""How standings and evidence stand in their tables: from a row, and to one. Pure; JSON is text there."""

from typing import Any

import orjson

from learntrac.mastery.memory import Memory
from learntrac.mastery.model import Effect, Graded, Known
from learntrac.mastery.steps import Answer, Where, modelled_item


def where_of(row: Any) -> Where:
    """Where a learner stands, from a row of standings."""
    known = Known(
        score=row.mastery_score,
        answers=row.answers,
        threshold=row.threshold,
        memory=memory_of(row),
        mastered_at=row.mastered_at,
        due_at=row.due_at,
        terms=tuple(orjson.loads(row.terms)),
    )
    return Where(row.user_id, row.concept_id, row.status, known, row.begun_at, row.completed_at)


def memory_of(row: Any) -> Memory | None:
    """The memory in a row of standings; None before the first answer."""
    return Memory(row.stability, row.difficulty, row.reviewed_at) if row.stability is not None else None


def graded_of(row: Any) -> Graded:
    """A row of the log of evidence as the model takes it."""
    item, below = modelled_item(row.source, row.item_id), tuple(orjson.loads(row.prerequisites))
    return Graded(row.concept_id, item, row.outcome, row.weight, row.threshold, row.at, below)


def standing_values(where: Where) -> dict[str, object]:
    """A row of standings by its columns, but for `updated_at`."""
    known, memory = where.known, where.known.memory
    return {
        "user_id": where.user_id,
        "concept_id": where.concept_id,
        "status": where.status,
        "mastery_score": known.score,
        "answers": known.answers,
        "threshold": known.threshold,
        "terms": orjson.dumps(known.terms).decode(),
        "stability": memory.stability if memory else None,
        "difficulty": memory.difficulty if memory else None,
        "reviewed_at": memory.reviewed_at if memory else None,
        "due_at": known.due_at,
        "begun_at": where.begun_at,
        "completed_at": where.completed_at,
        "mastered_at": known.mastered_at,
    }


def evidence_values(user_id: str, given: Answer, graded: Graded, effect: Effect) -> dict[str, object]:
    """A row of the log of evidence by its columns, but for its number."""
    return {
        "user_id": user_id,
        "concept_id": graded.concept_id,
        "item_id": given.item_id,
        "outcome": given.outcome,
        "weight": given.weight,
        "source": given.source,
        "threshold": graded.threshold,
        "prerequisites": orjson.dumps(graded.prerequisites).decode(),
        "predicted": effect.predicted,
        "score_before": effect.before,
        "score_after": effect.after,
        "voided": False,
        "at": graded.at,
    }
