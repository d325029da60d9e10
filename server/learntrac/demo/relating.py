"""Relationships that the demo's instructor added: an alternative and two relations, by the concepts' titles."""

from datetime import datetime

from sqlalchemy import text

from learntrac.concepts.viewing import Viewer
from learntrac.kit.db import Database
from learntrac.knowledge import service as knowledge
from learntrac.knowledge.schemas import RelationshipRequest
from learntrac.trac.visibility import Visibility

INSTRUCTOR = "ivan"
_RELATED = (
    (
        "Metrics, objectives and error budgets",
        "Following one request: traces",
        "alternative_to",
        0.6,
        "Either shows where the time goes",
    ),
    (
        "Retry without doing it twice: idempotency keys",
        "Time limits and retries",
        "related_to",
        0.9,
        "Whoever retries needs keys, whoever has keys may retry",
    ),
    (
        "Caching: freshness and validators",
        "The list that sends two hundred queries",
        "related_to",
        0.5,
        "Two ways to less work",
    ),
)


async def relate(database: Database, *, now: datetime) -> int:
    """Add what is not there yet, where both concepts are; how many were added."""
    added = 0
    async with database.begin() as session:
        known = {row.title: row.id for row in await session.execute(text("SELECT id, title FROM concept"))}
        there = set((await session.execute(text("SELECT notes FROM relationship"))).scalars())
        for source, target, kind, weight, notes in _RELATED:
            if notes in there or not {source, target} <= known.keys():
                continue
            request = RelationshipRequest(
                source_concept=known[source],
                target_concept=known[target],
                relationship_type=kind,  # type: ignore[arg-type] # one of the three kinds
                weight=weight,
                bidirectional=True,
                notes=notes,
            )
            viewer = Viewer(INSTRUCTOR, Visibility(default=True))
            await knowledge.add_relationship(session, viewer=viewer, created_by=INSTRUCTOR, request=request, now=now)
            added += 1
    return added
