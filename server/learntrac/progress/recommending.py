"""Recommendations from the rows: which concepts come into question, and how they rank. Every screen asks here.

What ranks is read in a fixed number of statements, however many concepts there are: what the learner has begun, and of
the rest the 200 that are nearest, those of the learner's milestone first, then by difficulty.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import orjson
from sqlalchemy.ext.asyncio import AsyncSession

from learntrac.concepts.viewing import Viewer
from learntrac.kit.clock import from_micros
from learntrac.kit.readers import Row, WideReader
from learntrac.mastery.parameter_file import Model
from learntrac.mastery.service import Profile, Standing, get_profile, list_standings, predict
from learntrac.progress import queries
from learntrac.progress.course import KnownCourse, Starts
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
_MET = "({0}.status = 'mastered' OR {0}.completed_at IS NOT NULL)"
"""When a prerequisite is met (docs/decisions/0006-when-a-prerequisite-is-met.md)."""

PREFERENCE = "SELECT difficulty, pace, resource_weights FROM learning_preference WHERE user_id = $1"
PRIORS = "SELECT concept_id, probability FROM placement_prior WHERE user_id = $1"
MILESTONES = (
    "SELECT c.id, c.milestone FROM standing s JOIN concept c ON c.id = s.concept_id"
    " WHERE s.user_id = $1 AND c.milestone <> '' ORDER BY s.updated_at DESC, c.id LIMIT 100"
)
LEFT_IN = (
    "SELECT o.id FROM concept o LEFT JOIN standing m ON m.user_id = $1 AND m.concept_id = o.id"  # noqa: S608 - our own condition
    f" WHERE o.milestone = $2 AND NOT coalesce({_MET.format('m')}, false) LIMIT 1"
)
FIRST_MILESTONE = "SELECT id, milestone FROM concept WHERE milestone <> '' ORDER BY id LIMIT 50"
READY = (
    "SELECT c.id, c.title, c.difficulty, c.estimated_minutes, c.milestone, c.mastery_threshold, s.status,"  # noqa: S608 - our own conditions
    " s.completed_at FROM concept c LEFT JOIN standing s ON s.user_id = $1 AND s.concept_id = c.id"
    " WHERE c.id IN (SELECT k.id FROM concept k WHERE {} UNION"
    "  SELECT p.concept_id FROM standing m"
    "   JOIN prerequisite p ON p.prerequisite_id = m.concept_id AND p.state = 'kept'"
    f"  WHERE m.user_id = $1 AND {_MET.format('m')} AND NOT EXISTS (SELECT 1 FROM prerequisite o"
    "   LEFT JOIN standing t ON t.user_id = $1 AND t.concept_id = o.prerequisite_id"
    f"   WHERE o.concept_id = p.concept_id AND o.state = 'kept' AND NOT coalesce({_MET.format('t')}, false)))"
    " AND coalesce(s.status, 'new') <> 'mastered'"
    " AND (CAST($3 AS text) IS NULL OR c.milestone = $3)"
    " AND (CAST($4 AS integer) IS NULL OR c.estimated_minutes <= $4)"
    " ORDER BY s.concept_id IS NULL, c.milestone <> $5, abs(c.difficulty - $6), c.id LIMIT $7"
)
"""Concepts not mastered all of whose prerequisites are met: begun ones first, then the nearest.

Those that have prerequisites are found from what the learner has met, those that have none are named ($2): so it costs
what the learner has done, not what the course holds.
"""
REVIEWS = (
    "SELECT c.id, c.title, c.difficulty, c.estimated_minutes, c.milestone, c.mastery_threshold FROM concept c"
    " WHERE (CAST($2 AS text) IS NULL OR c.milestone = $2) AND {}"
)
GROUNDS = (
    "SELECT p.concept_id, p.prerequisite_id, c.title, m.mastered_at, m.completed_at, m.status FROM prerequisite p"
    " LEFT JOIN concept c ON c.id = p.prerequisite_id"
    " LEFT JOIN standing m ON m.user_id = $2 AND m.concept_id = p.prerequisite_id"
    " WHERE p.state = 'kept' AND {}"
)


@dataclass(frozen=True)
class Asked:
    """Who is asked about, what may be seen, and what narrows the choice; `now`, the loaded model and what is known of
    the course come along.
    """

    user_id: str
    viewer: Viewer
    now: datetime
    model: Model
    course: KnownCourse
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
    generation = (await reader.rows(queries.GENERATION))[0][0]
    starts = await asked.course.starts(reader, generation)
    ready = await _ready(reader, asked, situation, standings, starts)
    concepts = [row[0] for row in ready]
    needed_by = await asked.course.needed_by(reader, generation, milestone) if milestone else {}
    unlocks = count_unlocks(concepts, needed_by, left_out=_left_out(asked, standings, needed_by))
    chances = await _chances(reader, session, asked, concepts, standings)
    new = [_candidate(row, standings, chances, unlocks) for row in ready]
    reviews = await _reviews(reader, asked, standings)
    return Ranking(rank([*new, *reviews], situation), situation, profile, standings, weights, pace)


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


async def _ready(
    reader: WideReader, asked: Asked, situation: Situation, standings: Mapping[int, Standing], starts: Starts
) -> list[Row]:
    """What could be begun or gone on with: everything begun, and the nearest of the rest."""
    # Where some concepts are hidden, nobody knows how many of a shortlist would be left.
    most = SHORTLIST + len(standings) if asked.viewer.visibility.uniform else _EVERY
    wanted, milestone = situation.wanted, situation.milestone
    nearest = starts.nearest(most, milestone=milestone, wanted=wanted, only=asked.milestone, minutes=asked.minutes)
    ids = reader.ids({*starts.among(standings), *nearest})
    args = (asked.user_id, ids, asked.milestone, asked.minutes, milestone, wanted, most)
    rows = [
        row
        for row in await reader.slow_rows(READY.format(reader.among("k.id", 2)), *args)
        if asked.viewer.visibility.allows(row[0]) and not _is_over(row, standings)
    ]
    begun = sum(row[6] is not None for row in rows)
    return rows[: begun + SHORTLIST]


def _is_over(row: Row, standings: Mapping[int, Standing]) -> bool:
    """Completed, and nothing graded that would show a gap: there is no way to do better there."""
    return row[7] is not None and (row[0] not in standings or standings[row[0]].answers == 0)


def _candidate(
    row: Row, standings: Mapping[int, Standing], chances: Mapping[int, float], unlocks: Mapping[int, int]
) -> Candidate:
    number, title, difficulty, minutes, milestone, threshold, status, _ = row
    return Candidate(
        number,
        title,
        "new",
        difficulty,
        minutes,
        chances[number],
        threshold,
        milestone,
        begun=status is not None,
        answers=standings[number].answers if number in standings else 0,
        unlocks=unlocks[number],
    )


async def _reviews(reader: WideReader, asked: Asked, standings: Mapping[int, Standing]) -> list[Candidate]:
    due = asked.viewer.seen(due_for_review(standings, asked.now))
    if not due:
        return []
    rows = await reader.slow_rows(REVIEWS.format(reader.among("c.id", 1)), reader.ids(due), asked.milestone)
    found = []
    for number, title, difficulty, estimated, milestone, threshold in rows:
        minutes, answers = review_minutes(estimated), standings[number].answers
        score = standings[number].score  # what is left of it now: it has faded since the answers
        if asked.minutes is None or minutes <= asked.minutes:
            found.append(
                Candidate(
                    number,
                    title,
                    "review",
                    difficulty,
                    minutes,
                    score,
                    threshold,
                    milestone,
                    begun=True,
                    answers=answers,
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


async def _chances(
    reader: WideReader,
    session: AsyncSession,
    asked: Asked,
    concepts: Sequence[int],
    standings: Mapping[int, Standing],
) -> dict[int, float]:
    """{concept: the chance of success at its next graded answer}."""
    chances = await predict(session, asked.model, user_id=asked.user_id, concept_ids=concepts)
    placed = {row[0]: row[1] for row in await reader.rows(PRIORS, asked.user_id)}
    for concept in placed.keys() & chances.keys():
        answers = standings[concept].answers if concept in standings else 0
        chances[concept] = with_placement(chances[concept], placed[concept], answers=answers)
    return chances


def _left_out(
    asked: Asked, standings: Mapping[int, Standing], needed_by: Mapping[int, Sequence[int]]
) -> Collection[int]:
    """What is mastered unlocks nothing any more, and what is hidden is not counted."""
    mastered = {concept for concept, standing in standings.items() if standing.status == "mastered"}
    visibility = asked.viewer.visibility
    if visibility.uniform:
        return mastered
    return mastered | {one for needing in needed_by.values() for one in needing if not visibility.allows(one)}


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
