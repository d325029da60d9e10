"""Awarding achievements, in the transaction of what earned them, and listing them. The rules are `achievements`."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import orjson
from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncSession

from learntrac.kit.clock import from_micros, to_micros
from learntrac.mastery import queries
from learntrac.mastery.achievements import BY_ID, FIRST_STEP_SHARE, Figures, Reached, Rule, earned, reached
from learntrac.webhooks.outbox import announce

DAY_MICROS = 86_400_000_000

_CONCEPTS = text(
    "SELECT s.concept_id, s.status, s.begun_at, s.mastered_at, s.completed_at, c.difficulty, c.milestone,"
    " c.estimated_minutes,"
    " (SELECT max(l.ended_at - l.started_at) FROM learning_session l WHERE l.user_id = s.user_id"
    "  AND l.concept_id = s.concept_id AND l.status IN ('completed', 'mastered')) AS longest,"
    " (SELECT count(*) FROM evidence e WHERE e.user_id = s.user_id AND e.concept_id = s.concept_id"
    "  AND e.weight > 0 AND e.source <> 'reported') AS graded"
    " FROM standing s JOIN concept c ON c.id = s.concept_id WHERE s.user_id = :user_id"
)
_COUNTED = text(
    "SELECT 'milestone' AS what, c.milestone AS name, count(*) AS number, 0 AS place FROM concept c"  # noqa: S608 - a number of our own
    " WHERE c.milestone <> '' AND c.milestone IN"
    "  (SELECT o.milestone FROM standing s JOIN concept o ON o.id = s.concept_id"
    "   WHERE s.user_id = :user_id AND s.status = 'mastered')"
    " GROUP BY c.milestone"
    f" UNION ALL SELECT DISTINCT 'day', '', at / {DAY_MICROS}, at / {DAY_MICROS} FROM learning_event"
    "  WHERE user_id = :user_id AND kind IN ('answered', 'completed')"
    " UNION ALL SELECT 'solved', type, hints, completed_at FROM exercise_standing"
    "  WHERE user_id = :user_id AND status = 'completed'"
    " UNION ALL SELECT 'reviews', '', count(*), 0 FROM evidence e WHERE e.user_id = :user_id AND e.weight > 0"
    "  AND e.source <> 'reported' AND e.outcome >= 0.5 AND EXISTS (SELECT 1 FROM learning_event v"
    "   WHERE v.user_id = e.user_id AND v.concept_id = e.concept_id AND v.kind = 'mastered'"
    f"   AND v.at <= e.at - {DAY_MICROS})"
    " ORDER BY place"
)
"""One statement, as every answer asks: concepts of the milestones where something is mastered, active days, solved
exercises by type with the hints that were taken, and reviews that were right.
"""


@dataclass(frozen=True)
class Earned:
    """An achievement with the moment it was earned and the figures that earned it."""

    rule: Rule
    at: datetime
    evidence: dict[str, Any]


async def award(session: AsyncSession, *, user_id: str, now: datetime) -> list[Rule]:
    """Give the learner what they have earned and did not have, each once; what came new."""
    before = (await session.execute(queries.AWARDED, {"user_id": user_id})).all()
    if len(before) == len(BY_ID):
        return []
    figures = await read_figures(session, user_id=user_id)
    found = earned(figures, before=[row.achievement_id for row in before])
    kept = await _keep(session, user_id, found, now) if found else set()
    new = [one.rule for one in found if one.rule.id in kept]
    for rule in new:
        data = {"user_id": user_id, "achievement_id": rule.id, "title": rule.title, "description": rule.description}
        await announce(session, "achievement.unlocked", data, user_id=user_id, now=now)
    return new


async def _keep(session: AsyncSession, user_id: str, found: Sequence[Reached], now: datetime) -> set[str]:
    """Those that the learner did not have: another request may have awarded one at the same time."""
    values: dict[str, object] = {"user_id": user_id, "now": to_micros(now)}
    for number, one in enumerate(found):
        evidence = orjson.dumps({one.rule.unit: one.value}).decode()
        values |= {f"achievement_id_{number}": one.rule.id, f"evidence_{number}": evidence}
    return set((await session.execute(queries.award(len(found)), values)).scalars())


async def list_awarded(session: AsyncSession, *, user_id: str, at: datetime | None = None) -> list[Earned]:
    """What the learner has earned, oldest first; with `at`, only what came at that moment."""
    rows = (await session.execute(queries.AWARDED, {"user_id": user_id})).all()
    return [
        Earned(BY_ID[row.achievement_id], from_micros(row.at), orjson.loads(row.evidence))
        for row in rows
        if row.achievement_id in BY_ID and (at is None or row.at == to_micros(at))
    ]


async def list_reached(session: AsyncSession, *, user_id: str) -> list[Reached]:
    """How far the learner is with every achievement."""
    return reached(await read_figures(session, user_id=user_id))


async def read_figures(session: AsyncSession, *, user_id: str) -> Figures:
    """What the rules look at, from the learner's log and standings."""
    values = {"user_id": user_id}
    concepts = (await session.execute(_CONCEPTS, values)).all()
    counted: dict[str, list[tuple[str, int]]] = {"milestone": [], "day": [], "solved": [], "reviews": []}
    for row in await session.execute(_COUNTED, values):
        counted[row.what].append((row.name, int(row.number)))
    shares, solved = _shares(concepts, dict(counted["milestone"])), counted["solved"]
    return Figures(
        worked_through=sum(1 for row in concepts if _worked_through(row)),
        mastered_levels=tuple(row.difficulty for row in concepts if row.status == "mastered"),
        quickest=min((share for row in concepts if (share := _share_of_estimate(row)) is not None), default=None),
        milestones=tuple(sorted(name for name, share in shares.items() if share == 1)),
        milestone_share=max(shares.values(), default=0.0),
        reviews=counted["reviews"][0][1],
        solved=tuple(kind for kind, _ in solved),
        unaided=sum(1 for _, hints in solved if hints == 0),
        days=tuple(date.fromordinal(date(1970, 1, 1).toordinal() + day) for _, day in counted["day"]),
    )


def _shares(concepts: Sequence[Row[Any]], totals: dict[str, int]) -> dict[str, float]:
    """{milestone: mastered share} of milestones with two concepts or more."""
    mastered = [row.milestone for row in concepts if row.status == "mastered"]
    return {name: mastered.count(name) / total for name, total in totals.items() if total > 1}


def _worked_through(row: Row[Any]) -> bool:
    if row.completed_at is None:
        return False
    least = row.estimated_minutes * 60_000_000 * FIRST_STEP_SHARE
    return bool(row.graded > 0 or (row.longest or 0) >= least)


def _share_of_estimate(row: Row[Any]) -> float | None:
    """From the first start to mastery, as a share of the estimate; None without graded answers or mastery."""
    if row.status != "mastered" or row.graded == 0 or not row.mastered_at:
        return None
    return float((row.mastered_at - row.begun_at) / (row.estimated_minutes * 60_000_000))
