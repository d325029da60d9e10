"""The verbs of mastery: begin a concept, record an answer, complete or abandon; read a learner's profile."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy.ext.asyncio import AsyncSession

from learntrac.kit.clock import to_micros
from learntrac.mastery import queries
from learntrac.mastery.model import NOTHING_KNOWN, Belief, Status, level, status_after, update

STRONG_FROM = 0.7
"""A component counts as a strength from this mean mastery up."""


@dataclass(frozen=True)
class Where:
    """Where one learner stands with one concept; times in microseconds since 1970."""

    user_id: str
    concept_id: int
    status: Status = "new"
    belief: Belief = NOTHING_KNOWN
    begun_at: int = 0
    completed_at: int | None = None
    mastered_at: int | None = None

    @property
    def mastery_score(self) -> float:
        """The model's probability that the concept is known."""
        return self.belief.mastery


@dataclass(frozen=True)
class Answer:
    """A graded answer; `source` is quiz, exercise or reported. A reported one weighs what the installation lets it."""

    item_id: str
    outcome: float
    weight: float
    source: str


@dataclass(frozen=True)
class Profile:
    """What the evidence says of a learner: level, strong and weak components, each best or worst first."""

    level: str
    mean_difficulty: float
    strengths: tuple[str, ...]
    weaknesses: tuple[str, ...]


async def get_where(session: AsyncSession, *, user_id: str, concept_id: int) -> Where:
    """Where the learner stands; new where there is nothing yet."""
    key = {"user_id": user_id, "concept_id": concept_id}
    row = (await session.execute(queries.FIND_STANDING, key)).one_or_none()
    if row is None:
        return Where(user_id, concept_id)
    belief = Belief(row.successes, row.weight)
    return Where(user_id, concept_id, row.status, belief, row.begun_at, row.completed_at, row.mastered_at)


async def begin(session: AsyncSession, *, user_id: str, concept_id: int, mode: str, now: datetime) -> Where:
    """A session has begun: what was new is being learned."""
    where = await get_where(session, user_id=user_id, concept_id=concept_id)
    await add_event(session, where, "started", now=now, data={"mode": mode})
    begun = replace(where, begun_at=where.begun_at or to_micros(now))
    return await _settle(session, begun, threshold=1, tried=_tried(where), failed=False, active=True, now=now)


async def record_answer(
    session: AsyncSession, where: Where, answer: Answer, *, threshold: float, now: datetime
) -> Where:
    """Add a graded answer to the log and to the score. An answer of weight 0 is kept and changes nothing else."""
    values = {"user_id": where.user_id, "concept_id": where.concept_id, "now": to_micros(now)}
    evidence = {
        "item_id": answer.item_id,
        "outcome": answer.outcome,
        "weight": answer.weight,
        "source": answer.source,
    }
    await session.execute(queries.ADD_EVIDENCE, values | evidence)
    if answer.weight == 0:
        return where
    data = {"item": answer.item_id, "source": answer.source}
    await add_event(session, where, "answered", now=now, score=answer.outcome, data=data)
    belief = update(where.belief, outcome=answer.outcome, weight=answer.weight)
    answered = replace(where, belief=belief, begun_at=where.begun_at or to_micros(now))
    failed = answer.outcome < threshold
    return await _settle(session, answered, threshold=threshold, tried=True, failed=failed, active=True, now=now)


async def complete(session: AsyncSession, where: Where, *, threshold: float, seconds: int, now: datetime) -> Where:
    """A session was closed with the concept worked through."""
    await add_event(session, where, "completed", now=now, seconds=seconds)
    completed = replace(where, completed_at=to_micros(now))
    return await _settle(session, completed, threshold=threshold, tried=True, failed=False, active=False, now=now)


async def abandon(session: AsyncSession, where: Where, *, seconds: int, now: datetime) -> Where:
    """A session was given up: neither completed nor failed."""
    await add_event(session, where, "abandoned", now=now, seconds=seconds)
    return await _settle(session, where, threshold=1, tried=_tried(where), failed=False, active=False, now=now)


async def get_profile(session: AsyncSession, *, user_id: str) -> Profile:
    """What the evidence says of a learner; a beginner without strengths where there is none."""
    areas = (await session.execute(queries.AREAS, {"user_id": user_id})).all()
    mastered = sum(area.mastered for area in areas)
    mean = sum(area.difficulty for area in areas) / mastered if mastered else 0.0
    known = [area.area for area in areas if area.area and area.mean >= STRONG_FROM]
    weak = [area.area for area in reversed(areas) if area.area and area.mean < STRONG_FROM]
    return Profile(level(mean), mean, tuple(known), tuple(weak))


async def add_event(
    session: AsyncSession,
    where: Where,
    kind: str,
    *,
    now: datetime,
    seconds: int = 0,
    score: float | None = None,
    data: dict[str, Any] | None = None,
) -> None:
    """Append to the learner's log."""
    values = {
        "user_id": where.user_id,
        "concept_id": where.concept_id,
        "kind": kind,
        "seconds": seconds,
        "score": score,
        "data": orjson.dumps(data or {}).decode(),
        "now": to_micros(now),
    }
    await session.execute(queries.ADD_EVENT, values)


def _tried(where: Where) -> bool:
    return where.belief.weight > 0 or where.completed_at is not None


async def _settle(
    session: AsyncSession,
    where: Where,
    *,
    threshold: float,
    tried: bool,
    failed: bool,
    active: bool,
    now: datetime,
) -> Where:
    """Give the learner the status that follows, and store it."""
    was_mastered = where.status == "mastered"
    status = status_after(
        where.belief,
        threshold=threshold,
        was_mastered=was_mastered,
        failed=failed,
        tried=tried,
        active=active,
    )
    if status == "new":
        await session.execute(queries.REMOVE_STANDING, {"user_id": where.user_id, "concept_id": where.concept_id})
        return replace(where, status="new", begun_at=0)
    if status == "mastered" and not was_mastered:
        await add_event(session, where, "mastered", now=now, score=where.mastery_score)
        where = replace(where, mastered_at=to_micros(now))
    if status != "mastered":
        where = replace(where, mastered_at=None)
    settled = replace(where, status=status)
    await session.execute(queries.PUT_STANDING, _row(settled, now))
    return settled


def _row(where: Where, now: datetime) -> dict[str, object]:
    return {
        "user_id": where.user_id,
        "concept_id": where.concept_id,
        "status": where.status,
        "mastery_score": where.mastery_score,
        "successes": where.belief.successes,
        "weight": where.belief.weight,
        "begun_at": where.begun_at,
        "completed_at": where.completed_at,
        "mastered_at": where.mastered_at,
        "now": to_micros(now),
    }
