"""What of a learner's steps the world is told: started, completed, mastered; a milestone achieved; a learner who
struggles. The last two are kept in the learner's log, so that each is told once.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy.ext.asyncio import AsyncSession

from learntrac.kit.clock import to_micros
from learntrac.mastery import queries
from learntrac.mastery.steps import Event, Where
from learntrac.webhooks.outbox import announce

FAILURES_IN_A_ROW = 3
"""So many failed answers to one concept, one after the other, and its learner counts as struggling."""
DIGITS = 4


async def tell(session: AsyncSession, where: Where, events: Sequence[Event], *, now: datetime) -> None:
    """Announce what these steps mean, after they are stored."""
    kinds = {event.kind for event in events}
    for event in events:
        data = _data(where, event)
        if data is not None:
            await announce(session, f"concept.{event.kind}", data, user_id=where.user_id, now=now)
    if kinds & {"completed", "mastered"}:
        await _tell_of_milestone(session, where, now)
    if any(event.kind == "answered" and (event.score or 0) < where.known.threshold for event in events):
        await _tell_of_struggle(session, where, now)


def _data(where: Where, event: Event) -> dict[str, Any] | None:
    who = {"user_id": where.user_id, "concept_id": where.concept_id}
    score = {"mastery_score": round(where.mastery_score, DIGITS)}
    match event.kind:
        case "started":
            return who | {"learning_mode": event.data["mode"]}
        case "completed":
            return who | score | {"time_spent": event.seconds}
        case "mastered":
            return who | score
    return None


async def _tell_of_milestone(session: AsyncSession, where: Where, now: datetime) -> None:
    """Once every concept of the milestone is mastered or completed, for the first time."""
    values = {"user_id": where.user_id, "concept_id": where.concept_id}
    found = (await session.execute(queries.FINISHED_MILESTONE, values)).one_or_none()
    if found is None:
        return
    if await _note_once(session, where, "milestone", {"milestone": found.milestone}, now):
        data = {
            "user_id": where.user_id,
            "milestone": found.milestone,
            "concepts": found.concepts,
            "mastered_concepts": found.mastered,
        }
        await announce(session, "milestone.achieved", data, user_id=where.user_id, now=now)


async def _tell_of_struggle(session: AsyncSession, where: Where, now: datetime) -> None:
    values = {"user_id": where.user_id, "concept_id": where.concept_id, "limit": FAILURES_IN_A_ROW}
    latest = (await session.execute(queries.LATEST_OUTCOMES, values)).all()
    if len(latest) < FAILURES_IN_A_ROW or any(row.outcome >= row.threshold for row in latest):
        return
    if await _note_once(session, where, "struggled", {"concept": where.concept_id}, now):
        data = {
            "user_id": where.user_id,
            "concept_id": where.concept_id,
            "failures_in_a_row": FAILURES_IN_A_ROW,
            "mastery_score": round(where.mastery_score, DIGITS),
        }
        await announce(session, "user.struggled", data, user_id=where.user_id, now=now)


async def _note_once(session: AsyncSession, where: Where, kind: str, data: dict[str, Any], now: datetime) -> bool:
    """Add a line of this kind and data to the learner's log; False where it stands there already."""
    values = {"user_id": where.user_id, "kind": kind, "data": orjson.dumps(data).decode()}
    if (await session.execute(queries.FIND_NOTE, values)).first() is not None:
        return False
    line = {f"{name}_0": value for name, value in values.items() if name != "user_id"}
    owned = {"user_id": where.user_id, "concept_id": where.concept_id, "now": to_micros(now)}
    await session.execute(queries.add_events(1), owned | line | {"seconds_0": 0, "score_0": None})
    return True
