"""Invented learners as rows of LearnTrac's tables. Pure, and the same for a seed and a day.

Each step is taken by the rules that real learners follow (`mastery/steps.py`), and each answer is read by the learner
model (`model.follow`), so standings, evidence, states, sessions and events fit together as if every one had come
through the API. Times are microseconds since 1970.
"""

import random
import uuid
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import accumulate

import orjson

from learntrac.kit.clock import to_micros
from learntrac.mastery import steps
from learntrac.mastery.model import Effect, Graded, follow
from learntrac.mastery.parameter_file import Loaded
from learntrac.mastery.rows import evidence_values, standing_values
from learntrac.mastery.steps import Answer, Step, Where
from learntrac.mastery.tracing import State
from learntrac.seeding.course import InventedCourse

WEEKS = 12
COLUMNS = {
    "learner": ("user_id", "email", "full_name", "preferences", "created_at"),
    "learning_session": (
        *("id", "user_id", "concept_id", "mode", "status", "preferred_resources", "time_spent_seconds"),
        *("reported", "started_at", "ended_at"),
    ),
    "learning_event": ("user_id", "concept_id", "kind", "seconds", "score", "data", "at"),
    "evidence": (
        *("user_id", "concept_id", "item_id", "outcome", "weight", "source", "threshold", "prerequisites", "predicted"),
        *("score_before", "score_after", "voided", "at"),
    ),
    "learner_state": ("user_id", "model", "state", "updated_at"),
    "standing": (
        *("user_id", "concept_id", "status", "mastery_score", "answers", "threshold", "terms", "stability"),
        *("difficulty", "reviewed_at", "due_at", "begun_at", "completed_at", "mastered_at", "updated_at"),
    ),
}
"""The tables that learners fill, with the columns of their rows."""

_EVENTS_A_SESSION = 5
_DILIGENCE = (1, 1, 2, 2, 3, 5, 8)
"""Some learners do eight times as much as others."""
_ANSWERS = (0, 1, 2, 2, 3, 3, 4)
_MODES = ("guided", "guided", "self-paced", "challenge")
_KINDS = ('["documentation"]', '["video"]', "[]")
_GIVES_UP = 0.12
_MOST_EVENTS_AN_ANSWER = 2
_MINUTE = 60_000_000

Row = tuple[object, ...]
Rows = Mapping[str, list[Row]]


@dataclass(frozen=True)
class Topic:
    """What matters of a concept to whoever learns it."""

    threshold: float
    minutes: int
    prerequisites: tuple[int, ...] = ()


@dataclass(frozen=True)
class School:
    """What all learners share: the course, its concepts, the seed, the day at whose beginning they stop, and the
    learner model that reads their answers.
    """

    course: InventedCourse
    topics: Mapping[int, Topic]
    seed: int
    day: datetime
    model: Loaded


def user_id_of(number: int) -> str:
    """`learner-1` is the first."""
    return f"learner-{number}"


def quotas(learners: int, events: int, seed: int) -> list[int]:
    """How many events each learner has: unevenly shared, as diligence is, and exact in sum."""
    dice = random.Random(f"{seed}:quotas")  # noqa: S311 - invented learners, no secret
    shares = list(accumulate(dice.choice(_DILIGENCE) for _ in range(learners)))
    if not shares:
        return []
    until = [events * share // shares[-1] for share in shares]
    return [end - begin for begin, end in zip([0, *until], until, strict=False)]


def learned(school: School, number: int, quota: int) -> Rows:
    """The rows of one learner by table, with exactly `quota` events."""
    return _Learning(school, number, quota).rows


class _Learning:
    """One learner's weeks, session after session, until the quota is used up: the last one may still be open."""

    def __init__(self, school: School, number: int, quota: int) -> None:
        self._school, self._left = school, quota
        self._user_id = user_id_of(number)
        self._dice = random.Random(f"{school.seed}:{number}")  # noqa: S311 - invented learners, no secret
        self._ends = to_micros(school.day)
        self._now = to_micros(school.day - timedelta(weeks=WEEKS))
        self._standings: dict[int, tuple[Where, int]] = {}
        self._state = State()
        self.rows: defaultdict[str, list[Row]] = defaultdict(list)
        known = (f"{self._user_id}@example.org", f"Learner {number}", "{}", self._now)
        self.rows["learner"].append((self._user_id, *known))
        for concept_id in self._concepts():
            self._session(concept_id)
        self.rows["standing"] = [_standing(where, at) for where, at in self._standings.values()]
        if self.rows["evidence"]:
            state = (self._user_id, school.model.digest, self._state.to_bytes(), self._ends)
            self.rows["learner_state"].append(state)

    def _concepts(self) -> Iterator[int]:
        """Down through the course at some place of it: five concepts beside each other, then the layer below."""
        course = self._school.course
        layer, place = 0, self._dice.randrange(course.width)
        while self._left:
            for aside in range(-2, 3):
                if not self._left:
                    return
                yield course.at(layer, place + aside)
            layer += 1

    def _session(self, concept_id: int) -> None:
        """Never longer than half of what this session has of the time that is left, so that none overlap."""
        dice, topic = self._dice, self._school.topics[concept_id]
        room = int((self._ends - self._now) * min(0.9, _EVENTS_A_SESSION / self._left))
        begun = self._now + int(room * dice.uniform(0, 0.4))
        lasts = min(int(topic.minutes * _MINUTE * dice.uniform(0.5, 1.3)), room // 2)
        mode = dice.choice(_MODES)
        self._take(steps.begin(self._where(concept_id), mode=mode, at=begun), begun)
        answers = dice.choice(_ANSWERS)
        for place in range(1, answers + 1):
            self._answer(concept_id, place, begun + lasts * place // (answers + 2))
        ended = begun + lasts
        status = self._end(concept_id, (ended - begun) // 1_000_000, ended) if self._left else "active"
        self._add_session(concept_id, mode, status, begun, ended)
        self._now += room

    def _answer(self, concept_id: int, place: int, at: int) -> None:
        if self._left < _MOST_EVENTS_AN_ANSWER:
            return
        dice, source = self._dice, "quiz" if place % 2 else "exercise"
        outcome = 1.0 if dice.random() < 0.55 + 0.08 * place else dice.choice((0.0, 0.25, 0.5))
        given = Answer(_item(source, concept_id, place), outcome, 1, source)
        topic = self._school.topics[concept_id]
        graded = Graded(concept_id, given.item, outcome, given.weight, topic.threshold, at, topic.prerequisites)
        effect = self._follow(graded)
        values = evidence_values(self._user_id, given, graded, effect)
        self.rows["evidence"].append(tuple(values[name] for name in COLUMNS["evidence"]))
        self._take(steps.answer(self._where(concept_id), given, effect.changed[concept_id], at=at), at)

    def _follow(self, graded: Graded) -> Effect:
        """What the model makes of the answer; the prerequisites get their part of it at once."""
        touched = (graded.concept_id, *graded.prerequisites)
        known = {number: self._standings[number][0].known for number in touched if number in self._standings}
        effect = follow(self._school.model.tracer, self._state, known, graded)
        for number, shifted in effect.changed.items():
            if number != graded.concept_id:
                where, updated_at = self._standings[number]
                self._standings[number] = (replace(where, known=shifted), updated_at)
        return effect

    def _end(self, concept_id: int, seconds: int, at: int) -> str:
        """The status of the session that this leaves."""
        where = self._where(concept_id)
        if self._dice.random() < _GIVES_UP:
            self._take(steps.abandon(where, seconds=seconds), at)
            return "abandoned"
        self._take(steps.complete(where, seconds=seconds, at=at), at)
        return "mastered" if self._where(concept_id).status == "mastered" else "completed"

    def _take(self, step: Step, at: int) -> None:
        where = step.where
        for event in step.events:
            data = orjson.dumps(event.data).decode()
            row = (self._user_id, where.concept_id, event.kind, event.seconds, event.score, data, at)
            self.rows["learning_event"].append(row)
        self._left -= len(step.events)
        if where.status == "new":
            self._standings.pop(where.concept_id, None)
        else:
            self._standings[where.concept_id] = (where, at)

    def _where(self, concept_id: int) -> Where:
        known = self._standings.get(concept_id)
        return known[0] if known else Where(self._user_id, concept_id)

    def _add_session(self, concept_id: int, mode: str, status: str, begun: int, ended: int) -> None:
        session_id = str(uuid.UUID(int=self._dice.getrandbits(128), version=4))
        row: Row = (session_id, self._user_id, concept_id, mode, status, self._dice.choice(_KINDS))
        if status == "active":
            self.rows["learning_session"].append((*row, 0, "{}", begun, None))
        else:
            how = "abandoned" if status == "abandoned" else "completed"
            reported = f'{{"completion_type":"{how}","exercises_completed":[]}}'
            self.rows["learning_session"].append((*row, (ended - begun) // 1_000_000, reported, begun, ended))


def _item(source: str, concept_id: int, place: int) -> str:
    return f"{source}:{concept_id}:{place}"


def _standing(where: Where, at: int) -> Row:
    values = standing_values(where) | {"updated_at": at}
    return tuple(values[name] for name in COLUMNS["standing"])
