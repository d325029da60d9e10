"""Some weeks of believable learning for the demo: simulated learners, but every figure made by the real verbs.

Deterministic for a seed and a day, so that two demos of one day look alike.
"""

import random
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from learntrac.accounts import queries as accounts
from learntrac.adaptive import service as adaptive
from learntrac.adaptive.schemas import FeedbackRequest
from learntrac.concepts import service as concepts
from learntrac.concepts.learning_path import Mode
from learntrac.concepts.schemas import CompleteRequest, StartRequest
from learntrac.concepts.service import Learner
from learntrac.concepts.viewing import Viewer
from learntrac.demo import practising
from learntrac.exercises.service import Found, NoMoreHints, list_offered
from learntrac.kit.clock import to_micros
from learntrac.kit.db import Database
from learntrac.mastery import contests
from learntrac.mastery import service as mastery
from learntrac.mastery.parameter_file import Model
from learntrac.mastery.service import Answer
from learntrac.trac.visibility import Visibility

WEEKS = 7
SEED = 2024
DAILY = "alice"
"""Who answered something on each of the last six days."""
TRIED_BY_HAND = ("alice", "bob")
"""The accounts that whoever tries the demo signs in with."""
_EVERYTHING = Visibility(default=True)
_SHIPPED = Model()
_PARTLY_RIGHT = text("SELECT max(id) FROM evidence WHERE user_id = :user_id AND outcome > 0 AND outcome < threshold")
_BREAK = timedelta(minutes=20)
_MODES: tuple[Mode, ...] = ("guided", "guided", "self-paced", "challenge")
_KINDS: tuple[list[str], ...] = (["documentation"], ["documentation", "video"], ["video"], [])


@dataclass(frozen=True)
class Student:
    """A simulated learner: `ability` on the scale of difficulties, the share of the weeks after which they stopped
    coming, how many concepts they get to, and the hour of the day at which they like to learn.
    """

    user_id: str
    full_name: str
    ability: float
    stays: float
    reaches: int
    hour: int


STUDENTS = (
    Student("alice", "Alice Okafor", 3.1, 1.0, 14, 18),
    Student("bob", "Bob Lindqvist", 2.4, 1.0, 8, 9),
    Student("chen", "Chen Wei", 4.2, 1.0, 22, 20),
    Student("dana", "Dana Kowalska", 3.1, 1.0, 11, 14),
    Student("emre", "Emre Yilmaz", 2.0, 0.7, 6, 16),
    Student("fatima", "Fatima Benali", 3.9, 1.0, 17, 8),
    Student("goran", "Goran Petrov", 2.7, 0.4, 5, 21),
    Student("hana", "Hana Sato", 3.4, 1.0, 13, 10),
    Student("isla", "Isla MacLeod", 1.8, 1.0, 8, 13),
    Student("jorge", "Jorge Santos", 3.0, 0.2, 3, 19),
    Student("kemi", "Kemi Adeyemi", 3.7, 0.9, 10, 11),
    Student("lena", "Lena Hofmann", 3.2, 1.0, 12, 17),
)


@dataclass(frozen=True)
class _Topic:
    id: int
    difficulty: float
    threshold: float
    minutes: int
    needs: frozenset[int]
    exercises: tuple[Found, ...] = ()


async def find_waiting(database: Database) -> list[Student]:
    """The students who have not learned yet: all before the first start, the rest after one that was cut off."""
    async with database.read() as session:
        known = set((await session.execute(text("SELECT user_id FROM learner"))).scalars())
    return [student for student in STUDENTS if student.user_id not in known]


async def fill(
    database: Database, students: Sequence[Student], *, now: datetime, on_progress: Callable[[int, int], None]
) -> None:
    """Let these students learn for some weeks up to the day of `now`. Each student is one transaction."""
    topics = await _in_order(database)
    today = now.replace(hour=0, minute=0, second=0, microsecond=0)
    for number, student in enumerate(students, 1):
        dice = random.Random(f"{SEED}:{student.user_id}")  # noqa: S311 - a simulation, not a secret
        async with database.begin() as session:
            own = _without_last_root(topics) if student.user_id in TRIED_BY_HAND else topics
            await _learn(session, student, own, dice, today)
        on_progress(number, len(students))


async def _in_order(database: Database) -> list[_Topic]:
    """All concepts, each after what it builds on, easier ones first."""
    async with database.read() as session:
        rows = (
            await session.execute(text("SELECT id, difficulty, mastery_threshold, estimated_minutes FROM concept"))
        ).all()
        offered = await list_offered(session)
        edges = (
            await session.execute(text("SELECT concept_id, prerequisite_id FROM prerequisite WHERE state = 'kept'"))
        ).all()
    needs: dict[int, set[int]] = {row.id: set() for row in rows}
    for edge in edges:
        needs[edge.concept_id].add(edge.prerequisite_id)
    ordered: list[_Topic] = []
    left = {
        row.id: _Topic(
            row.id,
            row.difficulty,
            row.mastery_threshold,
            row.estimated_minutes,
            frozenset(needs[row.id]),
            tuple(one for one in offered if one.concept_id == row.id),
        )
        for row in rows
    }
    while left:
        done = {topic.id for topic in ordered}
        ready = [topic for topic in left.values() if topic.needs <= done]
        ordered.append(left.pop(min(ready, key=lambda topic: (topic.difficulty, topic.id)).id))
    return ordered


def _without_last_root(topics: Sequence[_Topic]) -> list[_Topic]:
    """The course without one of its beginnings and all that builds on it: something new is left to try."""
    left_out = {[topic.id for topic in topics if not topic.needs][-1]}
    for topic in topics:
        if topic.needs & left_out:
            left_out.add(topic.id)
    return [topic for topic in topics if topic.id not in left_out]


async def _learn(
    session: AsyncSession, student: Student, topics: Sequence[_Topic], dice: random.Random, today: datetime
) -> None:
    first = today - timedelta(weeks=WEEKS)
    known = {"user_id": student.user_id, "email": f"{student.user_id}@example.org", "full_name": student.full_name}
    await session.execute(accounts.KEEP_LEARNER, known | {"now": to_micros(first)})
    *worked_on, at_work_on = _chosen(topics, student, dice)
    studied, mornings = list[_Topic](), _mornings(student, today)
    free_at = first
    for planned in _appointments(student, len(worked_on), dice, today):
        begun = max(planned, free_at + _BREAK)
        while mornings and mornings[0] < begun:
            await _look_back(session, student, studied, mornings.pop(0))
        topic = worked_on.pop(0)
        studied.append(topic)
        free_at = await _study(session, student, topic, dice, begun)
    for moment in mornings:
        await _look_back(session, student, studied, moment)
    await _say(session, student, studied, dice, free_at)
    if student.user_id in TRIED_BY_HAND:
        begun = today - timedelta(hours=dice.uniform(1, 4))
        begun = max(begun, free_at + _BREAK)
        await _begin(session, student, at_work_on, dice, begun)
        for one in at_work_on.exercises[:1]:
            at = begun + timedelta(minutes=3)
            await practising.begin(session, user_id=student.user_id, exercise_id=one.id, now=at)
        await _contest(session, student, begun + timedelta(minutes=5))


async def _contest(session: AsyncSession, student: Student, moment: datetime) -> None:
    """Object to the last answer that was only partly right: instructors find something to decide."""
    found = await session.execute(_PARTLY_RIGHT, {"user_id": student.user_id})
    evidence_id = found.scalar_one()
    if evidence_id is not None:
        reason = "My answer says the same as the key, in other words."
        await contests.contest(
            session,
            visibility=_EVERYTHING,
            user_id=student.user_id,
            evidence_id=evidence_id,
            reason=reason,
            now=moment,
        )


def _mornings(student: Student, today: datetime) -> list[datetime]:
    """The six mornings before today, at an hour that no session reaches: with today they make a week."""
    if student.user_id != DAILY:
        return []
    return [today - timedelta(days=days) + timedelta(hours=6) for days in range(6, 0, -1)]


async def _look_back(session: AsyncSession, student: Student, studied: Sequence[_Topic], moment: datetime) -> None:
    """One right answer to something that was mastered."""
    for topic in studied:
        where = await mastery.get_where(session, user_id=student.user_id, concept_id=topic.id)
        if where.status == "mastered":
            answer = Answer(f"review:{topic.id}", 1.0, 1.0, "quiz")
            await mastery.record_answer(session, where, answer, model=_SHIPPED, threshold=topic.threshold, now=moment)
            return


async def _say(
    session: AsyncSession, student: Student, studied: Sequence[_Topic], dice: random.Random, moment: datetime
) -> None:
    """What a student says of every third concept: too easy or too hard by their ability, and what they like."""
    learner = Learner(student.user_id, Viewer(student.user_id, _EVERYTHING))
    for topic in studied[::3]:
        distance = topic.difficulty - student.ability
        request = FeedbackRequest(
            concept_id=topic.id,
            difficulty_rating=min(5, max(1, round(3 + distance))),
            clarity_rating=dice.choice((3, 4, 4, 5)),
            pace_feedback="too_fast" if distance > 1 else "just_right",
            preferred_resources=dice.choice(_KINDS) or ["exercises"],
            time_sufficient=distance <= 1,
        )
        await adaptive.take_feedback(session, learner=learner, request=request, now=moment)


def _appointments(student: Student, count: int, dice: random.Random, today: datetime) -> list[datetime]:
    """When a student sits down to learn: spread over the weeks they stayed, around their hour, the last one
    yesterday.
    """
    days = WEEKS * 7 * student.stays
    spread = sorted(days * (place + dice.random()) / count for place in range(count))
    first, ends = today - timedelta(weeks=WEEKS), today - timedelta(hours=6)
    moments = [first + timedelta(days=int(day), hours=student.hour + dice.uniform(-1.5, 1.5)) for day in spread]
    return [moment for moment in moments if moment < ends]


def _chosen(topics: Sequence[_Topic], student: Student, dice: random.Random) -> list[_Topic]:
    """The next concepts in the course's order, but for one or two that were put off."""
    ahead = list(topics[: student.reaches + 2])
    for _ in range(2):
        if len(ahead) > 3:
            ahead.pop(dice.randrange(2, len(ahead)))
    return ahead


async def _begin(
    session: AsyncSession, student: Student, topic: _Topic, dice: random.Random, moment: datetime
) -> tuple[Learner, str]:
    """Start a concept; the learner and the session's id."""
    learner = Learner(student.user_id, Viewer(student.user_id, _EVERYTHING))
    request = StartRequest(learning_mode=dice.choice(_MODES), preferred_resources=dice.choice(_KINDS))
    opened = await concepts.start(session, learner=learner, concept_id=topic.id, request=request, now=moment)
    return learner, opened.session_id


async def _study(
    session: AsyncSession, student: Student, topic: _Topic, dice: random.Random, moment: datetime
) -> datetime:
    learner, session_id = await _begin(session, student, topic, dice, moment)
    if dice.random() < 0.12:
        moment += timedelta(minutes=dice.uniform(3, 12))
        return await _end(session, learner, topic, session_id, "abandoned", moment)
    moment += timedelta(minutes=topic.minutes * dice.uniform(0.5, 1.3))
    moment = await _practise(session, student, topic, dice, moment)
    return await _end(session, learner, topic, session_id, "completed", moment)


async def _practise(
    session: AsyncSession, student: Student, topic: _Topic, dice: random.Random, moment: datetime
) -> datetime:
    """Two to four graded answers, sooner or later mostly right, as far as ability goes: at the concept's exercises
    while there are any, else at something that is not told.
    """
    left = list(topic.exercises)
    for attempt in range(4):
        where = await mastery.get_where(session, user_id=student.user_id, concept_id=topic.id)
        if attempt >= 2 and where.status == "mastered":
            break
        chance = 0.5 + 0.14 * (student.ability - topic.difficulty) + 0.1 * attempt
        if left:
            moment += timedelta(minutes=2)
            if await _try(session, student, left[0], dice, min(0.97, chance), moment):
                left.pop(0)
            moment += timedelta(minutes=dice.uniform(2, 12))
            continue
        outcome = 1.0 if dice.random() < min(0.97, chance) else dice.choice((0.0, 0.25, 0.5))
        source = "quiz" if attempt % 2 == 0 else "exercise"
        answer = Answer(f"{source}:{topic.id}:{attempt}", outcome, 1.0, source)
        await mastery.record_answer(session, where, answer, model=_SHIPPED, threshold=topic.threshold, now=moment)
        moment += timedelta(minutes=dice.uniform(2, 14))
    return moment


async def _try(
    session: AsyncSession, student: Student, found: Found, dice: random.Random, chance: float, moment: datetime
) -> bool:
    """One attempt at an exercise; after a failure sometimes a hint. Whether it passed."""
    passed = await practising.hand_in(
        session, found, user_id=student.user_id, passes=dice.random() < chance, dice=dice, now=moment
    )
    if not passed and dice.random() < 0.35:
        after = moment + timedelta(minutes=1)
        with suppress(NoMoreHints):
            await practising.take_hint(session, user_id=student.user_id, exercise_id=found.id, now=after)
    return passed


async def _end(
    session: AsyncSession, learner: Learner, topic: _Topic, session_id: str, how: str, moment: datetime
) -> datetime:
    request = CompleteRequest(session_id=session_id, completion_type=how)  # type: ignore[arg-type] # one of the three ways
    await concepts.complete(
        session,
        learner=learner,
        concept_id=topic.id,
        request=request,
        reported_quiz_weight=0,
        model=_SHIPPED,
        now=moment,
    )
    return moment
