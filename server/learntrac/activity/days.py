"""A learner's log as days: one row for each concept and day (UTC), of whole numbers that can be added up. Pure.

Whatever counts learning counts these rows, for one learner or for all, so that no two screens can disagree. Times are
microseconds since 1970, days are days since 1970, scores and outcomes are millionths.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, fields
from datetime import date, datetime, timedelta
from operator import attrgetter
from typing import NamedTuple

from learntrac.kit.clock import to_micros

DAY_MICROSECONDS = 86_400_000_000
MILLION = 1_000_000
DOING = frozenset({"started", "completed", "abandoned", "answered", "solved", "contested"})
"""The events that a learner brings about. What follows from them, or what an instructor decides, is no activity."""
_EPOCH = date(1970, 1, 1)
_COUNTED = ("started", "completed", "mastered", "abandoned", "solved")


class Happened(NamedTuple):
    """A line of the log. `what`: the kind of an event; `graded`: an answer with its `outcome`, the concept's
    `threshold` and the `score` after it; `begun` or `finished`: a session by its beginning, and whether it was
    completed by now.
    """

    user_id: str
    concept_id: int
    at: int
    what: str
    seconds: int = 0
    outcome: float | None = None
    threshold: float | None = None
    score: float | None = None
    source: str = ""
    id: int = 0


@dataclass(slots=True)
class Figures:
    """Sums over any days, concepts and learners.

    `seconds` ended on the day, `completed_seconds` of them with what was completed. `begun` sessions count on the day
    on which they began, `finished` are those of them that were completed, whenever. `answers` were graded, `failures`
    of them below the concept's threshold; `solved` are exercises passed for the first time. `completed_last`,
    `tried_last` and `score_last` stand only on the day on which a learner completed or answered a concept for the last
    time: added up over days that end today, they count each pair of learner and concept once.
    """

    active: int = 0
    started: int = 0
    completed: int = 0
    mastered: int = 0
    abandoned: int = 0
    seconds: int = 0
    completed_seconds: int = 0
    begun: int = 0
    finished: int = 0
    answers: int = 0
    failures: int = 0
    exercises: int = 0
    exercise_failures: int = 0
    solved: int = 0
    quizzes: int = 0
    quiz_sum: int = 0
    completed_last: int = 0
    tried_last: int = 0
    score_last: int = 0

    def add(self, other: "Figures", sign: int = 1) -> None:
        """Add the other's sums, or take them away."""
        for name in FIGURES:
            setattr(self, name, getattr(self, name) + sign * getattr(other, name))

    def values(self) -> tuple[int, ...]:
        """In the order of FIGURES."""
        found: tuple[int, ...] = _VALUES(self)
        return found

    @property
    def completion_rate(self) -> float:
        """Sessions completed of those begun; 0 of none."""
        return ratio(self.finished, self.begun)

    @property
    def failure_rate(self) -> float:
        """Failed answers of all that were graded."""
        return ratio(self.failures, self.answers)

    @property
    def average_attempts(self) -> float:
        """Graded answers for each learner who tried a concept."""
        return ratio(self.answers, self.tried_last, digits=2)

    @property
    def average_mastery(self) -> float:
        """The mean score after the last answer, over the pairs of learner and concept that were tried."""
        return ratio(self.score_last, self.tried_last * MILLION)

    @property
    def quiz_average(self) -> float:
        """The mean outcome of graded quizzes."""
        return ratio(self.quiz_sum, self.quizzes * MILLION)

    @property
    def exercise_success_rate(self) -> float:
        """Graded exercises that reached the concept's threshold, of all."""
        return ratio(self.exercises - self.exercise_failures, self.exercises)

    @property
    def average_seconds(self) -> int:
        """The mean time of a session that was completed."""
        return round(self.completed_seconds / self.completed) if self.completed else 0

    @property
    def hours(self) -> float:
        """All time, in hours with two decimals."""
        return round(self.seconds / 3600, 2)


FIGURES = tuple(one.name for one in fields(Figures))
_VALUES = attrgetter(*FIGURES)


@dataclass(slots=True)
class LearnerDay:
    """What a learner did with one concept on one day. `score` after the day's last answer; None without one."""

    concept_id: int
    day: int
    figures: Figures = field(default_factory=Figures)
    score: int | None = None

    @property
    def date(self) -> date:
        """The day of the calendar."""
        return date_of(self.day)


def ratio(part: float, whole: float, *, digits: int = 4) -> float:
    """A share; 0 of nothing."""
    return round(part / whole, digits) if whole else 0.0


def day_of(at: int) -> int:
    """The day of a moment in microseconds."""
    return at // DAY_MICROSECONDS


def day_number(moment: date | datetime) -> int:
    """The day of a date, or of an aware moment in UTC."""
    return day_of(to_micros(moment)) if isinstance(moment, datetime) else (moment - _EPOCH).days


def date_of(day: int) -> date:
    """The date of a day."""
    return _EPOCH + timedelta(days=day)


def days_of(log: Iterable[Happened]) -> list[LearnerDay]:
    """The days of one learner's log, in whatever order it comes; days on which nothing happened are not there."""
    days: dict[tuple[int, int], LearnerDay] = {}
    completed: dict[int, LearnerDay] = {}
    tried: dict[int, LearnerDay] = {}
    for line in sorted(log, key=attrgetter("at", "id")):
        key = line.concept_id, day_of(line.at)
        day = days.get(key)
        if day is None:
            day = days[key] = LearnerDay(*key)
        if line.what == "graded":
            _add_answer(day, line)
            tried[line.concept_id] = day
        else:
            _add_event(day.figures, line)
            if line.what == "completed":
                completed[line.concept_id] = day
    for day in completed.values():
        day.figures.completed_last = 1
    for day in tried.values():
        day.figures.tried_last, day.figures.score_last = 1, day.score or 0
    return [days[key] for key in sorted(days)]


def _add_answer(day: LearnerDay, line: Happened) -> None:
    figures, outcome = day.figures, line.outcome or 0.0
    failed = int(outcome < (line.threshold or 0.0))
    figures.answers += 1
    figures.failures += failed
    if line.source == "exercise":
        figures.exercises += 1
        figures.exercise_failures += failed
    else:
        figures.quizzes += 1
        figures.quiz_sum += round(outcome * MILLION)
    day.score = round((line.score or 0.0) * MILLION)


def _add_event(figures: Figures, line: Happened) -> None:
    figures.seconds += line.seconds
    if line.what in DOING:
        figures.active = 1
    if line.what in _COUNTED:
        setattr(figures, line.what, getattr(figures, line.what) + 1)
    if line.what == "completed":
        figures.completed_seconds += line.seconds
    if line.what in ("begun", "finished"):
        figures.begun += 1
        figures.finished += line.what == "finished"


def within(days: Iterable[LearnerDay], first: int, last: int) -> Iterator[LearnerDay]:
    """Those from `first` to `last`, both included."""
    return (day for day in days if first <= day.day <= last)


def total(days: Iterable[LearnerDay]) -> Figures:
    """All of them added up."""
    return Figures(*map(sum, zip(*(day.figures.values() for day in days), strict=True)))


def total_until(days: Iterable[LearnerDay]) -> Figures:
    """One learner's days added up, with pairs counted as of the last of these days: for a period that ended before
    today, after which a concept may have been completed or answered again.
    """
    whole, latest = Figures(), {}
    completed = set()
    for day in sorted(days, key=lambda one: one.day):
        whole.add(day.figures)
        if day.figures.completed:
            completed.add(day.concept_id)
        if day.figures.answers:
            latest[day.concept_id] = day.score or 0
    whole.completed_last, whole.tried_last, whole.score_last = len(completed), len(latest), sum(latest.values())
    return whole


def active_days(days: Iterable[LearnerDay]) -> set[int]:
    """The days on which the learner did something."""
    return {day.day for day in days if day.figures.active}
