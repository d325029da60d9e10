"""What the figures of progress mean, computed from standings and from a learner's days. Pure; the guide's page on
figures says the same.

Times are aware datetimes; seconds are seconds.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Literal

from learntrac.activity.days import MILLION, LearnerDay, ratio, within
from learntrac.activity.windows import WINDOWS

Trend = Literal["increasing", "stable", "decreasing"]
Granularity = Literal["day", "week", "month"]

PACE_WEEKS = 4
PACE_DAYS = 7 * PACE_WEEKS
STEADY_WITHIN = 0.1
"""The trend is stable while the change of pace stays within this share."""


@dataclass(frozen=True)
class Pace:
    """Completed concepts and hours a week over the last four weeks, and where that is going."""

    concepts_per_week: float
    hours_per_week: float
    trend: Trend


def begins(timeframe: str, now: datetime) -> datetime | None:
    """The midnight (UTC) at which the period began whose last day is today; None for `all`."""
    if timeframe not in WINDOWS:
        return None
    return datetime.combine(now.date() - timedelta(days=WINDOWS[timeframe] - 1), time.min, UTC)


def percentage(part: int, total: int) -> float:
    """100 × part / total with one decimal; 0 of nothing."""
    return round(100 * part / total, 1) if total else 0.0


def pace(days: Iterable[LearnerDay], today: int) -> Pace:
    """The pace over 28 days, today included: distinct concepts completed, and time of sessions that ended.

    The trend compares the concepts of the last two weeks with those of the two before: over 10 % more or less is a
    change.
    """
    recent = list(within(days, today - PACE_DAYS + 1, today))
    middle = today - PACE_DAYS // 2
    later, earlier = _completed(within(recent, middle + 1, today)), _completed(within(recent, 0, middle))
    seconds = sum(day.figures.seconds for day in recent)
    per_week = len(_completed(recent)) / PACE_WEEKS
    return Pace(round(per_week, 2), round(seconds / 3600 / PACE_WEEKS, 2), trend(len(later), len(earlier)))


def trend(later: int, earlier: int) -> Trend:
    """Whether `later` is over 10 % more or less than `earlier`."""
    if later > earlier * (1 + STEADY_WITHIN):
        return "increasing"
    return "decreasing" if later < earlier * (1 - STEADY_WITHIN) else "stable"


def _completed(days: Iterable[LearnerDay]) -> set[int]:
    return {day.concept_id for day in days if day.figures.completed}


def estimated_completion(remaining: int, concepts_per_week: float, today: date) -> date | None:
    """Today plus what remains at that pace; None without a pace, when nothing remains, or beyond the calendar."""
    if remaining <= 0 or concepts_per_week <= 0:
        return None
    try:
        return today + timedelta(days=round(remaining / concepts_per_week * 7))
    except OverflowError:
        return None


def difficulty_match(difficulty: float, level: float) -> float:
    """1 − |difficulty − the learner's level| ÷ 4, both on the scale 1 to 5."""
    return round(1 - abs(difficulty - level) / 4, 2)


@dataclass
class Period:
    """The sums of one day, week or month."""

    started: set[int] = field(default_factory=set)
    completed: set[int] = field(default_factory=set)
    mastered: set[int] = field(default_factory=set)
    seconds: int = 0
    exercises: int = 0
    quizzes: int = 0
    quiz_sum: int = 0

    def quiz_average(self) -> float:
        """The mean score of the quizzes that were graded; 0 without any."""
        return ratio(self.quiz_sum, self.quizzes * MILLION)

    def add(self, day: LearnerDay) -> None:
        """Count what was done with one concept on one day."""
        figures = day.figures
        self.seconds += figures.seconds
        self.exercises += figures.solved
        self.quizzes += figures.quizzes
        self.quiz_sum += figures.quiz_sum
        named = ((figures.started, self.started), (figures.completed, self.completed))
        for count, concepts in (*named, (figures.mastered, self.mastered)):
            if count:
                concepts.add(day.concept_id)


def history(days: Sequence[LearnerDay], granularity: Granularity) -> dict[date, Period]:
    """The periods in which something happened, by their first day, oldest first."""
    periods: defaultdict[date, Period] = defaultdict(Period)
    for day in days:
        periods[first_day(day.date, granularity)].add(day)
    return dict(sorted(periods.items()))


def first_day(day: date, granularity: Granularity) -> date:
    """The day itself, the Monday of its week, or the first of its month."""
    if granularity == "week":
        return day - timedelta(days=min(day.weekday(), (day - date.min).days))
    return day.replace(day=1) if granularity == "month" else day
