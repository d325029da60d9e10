"""Recommendations from the rows: which concepts come into question, and how they rank. Every screen asks here.

What ranks is read in a fixed number of statements, however many concepts there are: what the learner has begun, and of
the rest the 200 that are nearest, those of the learner's milestone first, then by difficulty.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy.ext.asyncio import AsyncSession

from learntrac.concepts.viewing import Viewer
from learntrac.kit.clock import from_micros
from learntrac.kit.readers import WideReader
from learntrac.mastery.parameter_file import Model
from learntrac.mastery.service import Profile, Standing, get_profile, list_standings, predict
from learntrac.progress.ranking import (
    Candidate,
    Ground,
    Grounds,
    Ranked,
    Situation,
    count_unlocks,
    rank,
    reason,
    review_minutes,
    with_placement,
)

SHORTLIST = 100
BEGINNERS_LEVEL = 1.0
_EVERY = 10_000_000
_MET = "(m.status = 'mastered' OR m.completed_at IS NOT NULL)"
"""When a prerequisite is met (docs/decisions/0006-when-a-prerequisite-is-met.md)."""

PREFERENCE = "SELECT difficulty, pace, resource_weights FROM learning_preference WHERE user_id = $1"
PRIORS = "SELECT concept_id, probability FROM placement_prior WHERE user_id = $1"
MILESTONES = (
    "SELECT c.id, c.milestone FROM standing s JOIN concept c ON c.id = s.concept_id"
    " WHERE s.user_id = $1 AND c.milestone <> '' ORDER BY s.updated_at DESC, c.id LIMIT 100"
)
LEFT_IN = (
    "SELECT o.id FROM concept o LEFT JOIN standing m ON m.user_id = $1 AND m.concept_id = o.id"  # noqa: S608 - our own condition
    f" WHERE o.milestone = $2 AND NOT coalesce({_MET}, false) LIMIT 1"
)
FIRST_MILESTONE = "SELECT id, milestone FROM concept WHERE milestone <> '' ORDER BY id LIMIT 50"
_NEAREST = (
    "{0}.id NOT IN (SELECT b.concept_id FROM standing b WHERE b.user_id = $1),"
    " {0}.milestone <> $4, abs({0}.difficulty - $5), {0}.id"
)
READY = (
    "SELECT c.id, c.title, c.difficulty, c.estimated_minutes, c.milestone, c.mastery_threshold, s.status,"  # noqa: S608 - our own conditions
    " s.completed_at FROM (SELECT k.id FROM concept k"
    "  WHERE k.id NOT IN (SELECT m.concept_id FROM standing m WHERE m.user_id = $1 AND m.status = 'mastered')"
    "  AND (CAST($2 AS text) IS NULL OR k.milestone = $2)"
    "  AND (CAST($3 AS integer) IS NULL OR k.estimated_minutes <= $3)"
    "  AND k.id NOT IN (SELECT p.concept_id FROM prerequisite p WHERE p.state = 'kept'"
    f"   AND p.prerequisite_id NOT IN (SELECT m.concept_id FROM standing m WHERE m.user_id = $1 AND {_MET}))"
    f"  ORDER BY {_NEAREST.format('k')} LIMIT $6) best"
    " JOIN concept c ON c.id = best.id LEFT JOIN standing s ON s.user_id = $1 AND s.concept_id = c.id"
    f" ORDER BY {_NEAREST.format('c')}"
)
"""Concepts not mastered all of whose prerequisites are met: begun ones first, then the nearest.

The inner statement reads an index only (`ix_concept_ranking`): the rows themselves are wide.
"""
REVIEWS = (
    "SELECT c.id, c.title, c.difficulty, c.estimated_minutes, c.milestone, c.mastery_threshold FROM concept c"
    " WHERE (CAST($2 AS text) IS NULL OR c.milestone = $2) AND {}"
)
NEEDED_IN = (
    "SELECT p.prerequisite_id, p.concept_id FROM concept c"
    " JOIN prerequisite p ON p.concept_id = c.id AND p.state = 'kept'"
    " LEFT JOIN standing m ON m.user_id = $1 AND m.concept_id = c.id"
    " WHERE c.milestone = $2 AND (m.status IS NULL OR m.status <> 'mastered')"
)
"""Edges to what is not mastered yet in a milestone."""
GROUNDS = (
    "SELECT p.concept_id, p.prerequisite_id, c.title, m.mastered_at, m.completed_at, m.status FROM prerequisite p"
    " LEFT JOIN concept c ON c.id = p.prerequisite_id"
    " LEFT JOIN standing m ON m.user_id = $2 AND m.concept_id = p.prerequisite_id"
    " WHERE p.state = 'kept' AND {}"
)


@dataclass(frozen=True)
class Asked:
    """Who is asked about, what may be seen, and what narrows the choice; `now` and the loaded model come along."""

    user_id: str
    viewer: Viewer
    now: datetime
    model: Model
    milestone: str | None = None
    minutes: int | None = None


@dataclass(frozen=True)
class Ranking:
    """Everything that comes into question, best first, for the learner in this situation."""

    ranked: list[Ranked]
    situation: Situation
    profile: Profile
    standings: Mapping[int, Standing]
    resource_weights: Mapping[str, float]
    pace: float


async def read_ranking(reader: WideReader, session: AsyncSession, asked: Asked) -> Ranking:
    """Rank what the learner could do next."""
    profile = await get_profile(session, user_id=asked.user_id, visibility=asked.viewer.visibility)
    standings = await list_standings(session, user_id=asked.user_id, now=asked.now)
    difficulty, pace, weights = await read_preference(reader, asked.user_id)
    milestone = await _milestone(reader, asked)
    situation = Situation(profile.mean_difficulty or BEGINNERS_LEVEL, difficulty, milestone)
    candidates = await _candidates(reader, asked, situation, standings)
    unlocks = await _unlocks(reader, asked, milestone, [one.id for one in candidates])
    rated = await _rated(reader, session, asked, candidates, standings, unlocks)
    return Ranking(rank(rated, situation), situation, profile, standings, weights, pace)


async def read_preference(reader: WideReader, user_id: str) -> tuple[float, float, dict[str, float]]:
    """(difficulty, pace, resource weights) that the learner's feedback adds up to; zeros and nothing without any."""
    rows = await reader.rows(PREFERENCE, user_id)
    return (rows[0][0], rows[0][1], orjson.loads(rows[0][2])) if rows else (0.0, 0.0, {})


async def explain(reader: WideReader, asked: Asked, ranking: Ranking, chosen: Sequence[Ranked]) -> dict[int, str]:
    """{concept: why it is recommended}."""
    grounds = await _grounds(reader, asked, [one.candidate.id for one in chosen])
    nothing = Grounds()
    return {
        one.candidate.id: reason(one.candidate, ranking.situation, grounds.get(one.candidate.id, nothing), asked.now)
        for one in chosen
    }


async def _milestone(reader: WideReader, asked: Asked) -> str:
    """The milestone the learner works on: the last one worked in that is not finished, else the course's first."""
    allows = asked.viewer.visibility.allows
    worked_in = await reader.rows(MILESTONES, asked.user_id)
    for milestone in dict.fromkeys(row[1] for row in worked_in if allows(row[0])):
        if await reader.rows(LEFT_IN, asked.user_id, milestone):
            return str(milestone)
    return next((str(row[1]) for row in await reader.rows(FIRST_MILESTONE) if allows(row[0])), "")


async def _candidates(
    reader: WideReader, asked: Asked, situation: Situation, standings: Mapping[int, Standing]
) -> list[Candidate]:
    # Where some concepts are hidden, nobody knows how many of a shortlist would be left.
    most = SHORTLIST + len(standings) if asked.viewer.visibility.uniform else _EVERY
    args = (asked.user_id, asked.milestone, asked.minutes, situation.milestone, situation.wanted, most)
    ready = [row for row in await reader.slow_rows(READY, *args) if asked.viewer.visibility.allows(row[0])]
    new = [_new(row, standings) for row in ready if not _is_over(row, standings)]
    begun = sum(one.begun for one in new)
    return [*new[: begun + SHORTLIST], *await _reviews(reader, asked, standings)]


def _is_over(row: Sequence[Any], standings: Mapping[int, Standing]) -> bool:
    """Completed, and nothing graded that would show a gap: there is no way to do better there."""
    return row[7] is not None and (row[0] not in standings or standings[row[0]].answers == 0)


def _new(row: Sequence[Any], standings: Mapping[int, Standing]) -> Candidate:
    number, title, difficulty, minutes, milestone, threshold, status, _ = row
    answers = standings[number].answers if number in standings else 0
    return Candidate(
        number, title, "new", difficulty, minutes, 0.0, threshold, milestone, begun=status is not None, answers=answers
    )


async def _reviews(reader: WideReader, asked: Asked, standings: Mapping[int, Standing]) -> list[Candidate]:
    due = asked.viewer.seen(due_for_review(standings, asked.now))
    if not due:
        return []
    rows = await reader.slow_rows(REVIEWS.format(reader.among("c.id", 1)), reader.ids(due), asked.milestone)
    found = []
    for number, title, difficulty, estimated, milestone, threshold in rows:
        minutes, answers = review_minutes(estimated), standings[number].answers
        if asked.minutes is None or minutes <= asked.minutes:
            found.append(
                Candidate(
                    number, title, "review", difficulty, minutes, 0.0, threshold, milestone, begun=True, answers=answers
                )
            )
    return found


def due_for_review(standings: Mapping[int, Standing], now: datetime) -> list[int]:
    """Concepts that were mastered and are due."""
    return [
        concept
        for concept, standing in sorted(standings.items())
        if standing.status == "mastered" and standing.due_at is not None and standing.due_at <= now
    ]


async def _rated(
    reader: WideReader,
    session: AsyncSession,
    asked: Asked,
    candidates: Sequence[Candidate],
    standings: Mapping[int, Standing],
    unlocks: Mapping[int, int],
) -> list[Candidate]:
    """The candidates with what they unlock and their chances; of a review, what is left of it now, which has faded
    since the answers.
    """
    fresh = [one.id for one in candidates if one.kind == "new"]
    chances = await predict(session, asked.model, user_id=asked.user_id, concept_ids=fresh)
    placed = {row[0]: row[1] for row in await reader.rows(PRIORS, asked.user_id)}
    return [
        replace(one, chance=_chance(one, chances, placed, standings), unlocks=unlocks.get(one.id, 0))
        for one in candidates
    ]


def _chance(
    one: Candidate,
    chances: Mapping[int, float],
    placed: Mapping[int, float],
    standings: Mapping[int, Standing],
) -> float:
    if one.kind == "review":
        return standings[one.id].score
    return with_placement(chances[one.id], placed.get(one.id), answers=one.answers)


async def _unlocks(reader: WideReader, asked: Asked, milestone: str, concepts: Iterable[int]) -> dict[int, int]:
    if not milestone:
        return {}
    rows = await reader.slow_rows(NEEDED_IN, asked.user_id, milestone)
    uniform = asked.viewer.visibility.uniform
    edges = [(row[0], row[1]) for row in rows if uniform or asked.viewer.visibility.allows(row[1])]
    return count_unlocks(concepts, edges)


async def _grounds(reader: WideReader, asked: Asked, concepts: Sequence[int]) -> dict[int, Grounds]:
    if not concepts:
        return {}
    sql = GROUNDS.format(reader.among("p.concept_id", 1))
    met: defaultdict[int, list[Ground]] = defaultdict(list)
    for concept, number, title, mastered_at, completed_at, status in await reader.rows(
        sql, reader.ids(concepts), asked.user_id
    ):
        is_mastered = status == "mastered" and mastered_at is not None
        at = mastered_at if is_mastered else completed_at
        met[concept] += (
            [Ground(title, from_micros(at), is_mastered)]
            if at is not None and title is not None and asked.viewer.visibility.allows(number)
            else []
        )
    return {
        concept: Grounds(
            tuple(sorted(found, key=lambda one: (one.at, one.title), reverse=True)), has_prerequisites=True
        )
        for concept, found in met.items()
    }
