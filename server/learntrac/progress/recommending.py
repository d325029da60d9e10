"""Recommendations from the rows: which concepts come into question, and how they rank. Every screen asks here.

What ranks is read in a fixed number of statements, however many concepts there are: what the learner has begun, and of
the rest the hundred that are nearest, those of the learner's milestone first, then by difficulty.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from learntrac.concepts.viewing import Viewer
from learntrac.kit.clock import from_micros, to_micros
from learntrac.kit.readers import Row, WideReader
from learntrac.mastery.parameter_file import Model
from learntrac.mastery.service import predict, read_state
from learntrac.mastery.standings import Begun, Profile, profile_of
from learntrac.mastery.tracing import State
from learntrac.progress.course import KnownCourse, Starts
from learntrac.progress.ranking import (
    Candidate,
    Ground,
    Grounds,
    Ranked,
    Situation,
    best_first,
    count_unlocks,
    rank_new,
    rank_reviews,
    reason,
    review_minutes,
    with_placement,
)
from learntrac.progress.record import LearnerRecord, Preference

SHORTLIST = 100
BEGINNERS_LEVEL = 1.0
_EVERY = 10_000_000
_MET = "({0}.status = 'mastered' OR {0}.completed_at IS NOT NULL)"
"""When a prerequisite is met (docs/decisions/0006-when-a-prerequisite-is-met.md)."""

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
    """What comes into question, best first, for the learner in this situation: of what is new the best fifty, or all
    of it where minutes are asked for.
    """

    ranked: list[Ranked]
    situation: Situation
    profile: Profile
    preference: Preference


async def read_ranking(reader: WideReader, asked: Asked, record: LearnerRecord) -> Ranking:
    """Rank what the learner could do next."""
    allows = asked.viewer.visibility.allows
    profile = profile_of(one for one in record.begun if allows(one.id))
    milestone = await _milestone(reader, asked, record)
    situation = Situation(profile.mean_difficulty or BEGINNERS_LEVEL, record.preference.difficulty, milestone)
    new = await _new(reader, asked, record, situation)
    reviews = rank_reviews(_reviews(asked, record))
    return Ranking(best_first([*new, *reviews]), situation, profile, record.preference)


async def _new(reader: WideReader, asked: Asked, record: LearnerRecord, situation: Situation) -> Sequence[Ranked]:
    """What could be begun or gone on with, best first."""
    if asked.minutes is not None:  # what fits into them may stand far down
        return await _find_new(reader, asked, record, situation)
    whose = asked.user_id, asked.viewer.visibility.key, asked.milestone
    of = hash((record.fingerprint(), situation, asked.model.current.digest))
    known = asked.course.choices.find(whose, of)
    if known is None:
        known = asked.course.choices.keep(whose, of, await _find_new(reader, asked, record, situation))
    return known


async def _find_new(reader: WideReader, asked: Asked, record: LearnerRecord, situation: Situation) -> list[Ranked]:
    course, milestone, begun = asked.course, situation.milestone, {one.id: one for one in record.begun}
    starts = await course.starts(reader, record.generation)
    ready = await _ready(reader, asked, situation, begun, starts)
    concepts = [row[0] for row in ready]
    needed_by = await course.needed_by(reader, record.generation, milestone) if milestone else {}
    unlocks = count_unlocks(concepts, needed_by, left_out=_left_out(asked, begun, needed_by))
    chances = _chances(asked.model, record, concepts, begun)
    return rank_new([_candidate(row, begun, chances, unlocks) for row in ready], situation)


async def explain(reader: WideReader, asked: Asked, ranking: Ranking, chosen: Sequence[Ranked]) -> dict[int, str]:
    """{concept: why it is recommended}."""
    grounds = await _grounds(reader, asked, [one.candidate.id for one in chosen])
    nothing = Grounds()
    return {
        one.candidate.id: reason(one.candidate, ranking.situation, grounds.get(one.candidate.id, nothing), asked.now)
        for one in chosen
    }


async def _milestone(reader: WideReader, asked: Asked, record: LearnerRecord) -> str:
    """The milestone the learner works on: the last one worked in that is not finished, else the course's first."""
    allows = asked.viewer.visibility.allows
    concepts = await asked.course.milestones(reader, record.generation)
    met = Counter(one.milestone for one in record.begun if one.is_met)
    open_ = [
        one for one in record.begun if one.milestone and met[one.milestone] < concepts[one.milestone] and allows(one.id)
    ]
    if open_:
        return max(open_, key=lambda one: (one.updated_at, -one.id)).milestone
    first = await asked.course.first_milestones(reader, record.generation)
    return next((milestone for number, milestone in first if allows(number)), "")


async def _ready(
    reader: WideReader, asked: Asked, situation: Situation, begun: Mapping[int, Begun], starts: Starts
) -> list[Row]:
    """What could be begun or gone on with: everything begun, and the nearest of the rest."""
    # Where some concepts are hidden, nobody knows how many of a shortlist would be left.
    most = SHORTLIST + len(begun) if asked.viewer.visibility.uniform else _EVERY
    wanted, milestone = situation.wanted, situation.milestone
    nearest = starts.nearest(most, milestone=milestone, wanted=wanted, only=asked.milestone, minutes=asked.minutes)
    ids = reader.ids({*starts.among(begun), *nearest})
    args = (asked.user_id, ids, asked.milestone, asked.minutes, milestone, wanted, most)
    rows = [
        row
        for row in await reader.slow_rows(READY.format(reader.among("k.id", 2)), *args)
        if asked.viewer.visibility.allows(row[0]) and not _is_over(row, begun)
    ]
    return rows[: sum(row[6] is not None for row in rows) + SHORTLIST]


def _is_over(row: Row, begun: Mapping[int, Begun]) -> bool:
    """Completed, and nothing graded that would show a gap: there is no way to do better there."""
    return row[7] is not None and (row[0] not in begun or begun[row[0]].answers == 0)


def _candidate(
    row: Row, begun: Mapping[int, Begun], chances: Mapping[int, float], unlocks: Mapping[int, int]
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
        answers=begun[number].answers if number in begun else 0,
        unlocks=unlocks[number],
    )


def _reviews(asked: Asked, record: LearnerRecord) -> list[Candidate]:
    at = to_micros(asked.now)
    found = []
    for one in due_for_review(record.begun, asked.viewer, at):
        minutes = review_minutes(one.minutes)
        if asked.milestone in (None, one.milestone) and (asked.minutes is None or minutes <= asked.minutes):
            found.append(
                Candidate(
                    one.id,
                    one.title,
                    "review",
                    one.difficulty,
                    minutes,
                    one.score_at(at),  # what is left of it now: it has faded since the answers
                    one.threshold,
                    one.milestone,
                    begun=True,
                    answers=one.answers,
                )
            )
    return found


def due_for_review(begun: Iterable[Begun], viewer: Viewer, at: int) -> list[Begun]:
    """What was mastered and is due then, in microseconds since 1970, of what the viewer may know of."""
    return [one for one in begun if one.is_due(at) and viewer.visibility.allows(one.id)]


def _chances(
    model: Model, record: LearnerRecord, concepts: Sequence[int], begun: Mapping[int, Begun]
) -> dict[int, float]:
    """{concept: the chance of success at its next graded answer}."""
    chances = predict(model, read_state(record.state) or State(), concepts)
    for concept in record.placed.keys() & chances.keys():
        answers = begun[concept].answers if concept in begun else 0
        chances[concept] = with_placement(chances[concept], record.placed[concept], answers=answers)
    return chances


def _left_out(asked: Asked, begun: Mapping[int, Begun], needed_by: Mapping[int, Sequence[int]]) -> Collection[int]:
    """What is mastered unlocks nothing any more, and what is hidden is not counted."""
    mastered = {concept for concept, one in begun.items() if one.status == "mastered"}
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
