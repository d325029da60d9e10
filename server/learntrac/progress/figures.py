"""What the figures of progress mean, computed from standings and events. Pure; the guide's page on figures says the
same.

Times are aware datetimes; seconds are seconds.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Literal

Trend = Literal["increasing", "stable", "decreasing"]
Granularity = Literal["day", "week", "month"]

DAYS = {"week": 7, "month": 30, "quarter": 91, "year": 365}
PACE_WEEKS = 4
STEADY_WITHIN = 0.1
"""The trend is stable while the change of pace stays within this share."""


@dataclass(frozen=True)
class Event:
    """A line of the learner's log. `score` is the outcome of an answer, `source` what graded it."""

    concept_id: int
    kind: str
    at: datetime
    seconds: int = 0
    score: float | None = None
    source: str = ""


@dataclass(frozen=True)
class Pace:
    """Completed concepts and hours a week over the last four weeks, and where that is going."""

    concepts_per_week: float
    hours_per_week: float
    trend: Trend


def begins(timeframe: str, now: datetime) -> datetime | None:
    """When the period began that ends now; None for `all`."""
    return now - timedelta(days=DAYS[timeframe]) if timeframe in DAYS else None


def percentage(part: int, total: int) -> float:
    """100 × part / total with one decimal; 0 of nothing."""
    return round(100 * part / total, 1) if total else 0.0


def pace(events: Iterable[Event], now: datetime) -> Pace:
    """The pace over the 28 days up to now: distinct concepts completed, and time of sessions that ended.

    The trend compares the concepts of the last two weeks with those of the two before: over 10 % more or less is a
    change.
    """
    recent = [event for event in events if now - timedelta(weeks=PACE_WEEKS) < event.at <= now]
    middle = now - timedelta(weeks=PACE_WEEKS / 2)
    later = _completed(event for event in recent if event.at > middle)
    earlier = _completed(event for event in recent if event.at <= middle)
    seconds = sum(event.seconds for event in recent)
    per_week = len(_completed(recent)) / PACE_WEEKS
    return Pace(round(per_week, 2), round(seconds / 3600 / PACE_WEEKS, 2), trend(len(later), len(earlier)))


def trend(later: int, earlier: int) -> Trend:
    """Whether `later` is over 10 % more or less than `earlier`."""
    if later > earlier * (1 + STEADY_WITHIN):
        return "increasing"
    return "decreasing" if later < earlier * (1 - STEADY_WITHIN) else "stable"


def _completed(events: Iterable[Event]) -> set[int]:
    return {event.concept_id for event in events if event.kind == "completed"}


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
    quiz_scores: list[float] = field(default_factory=list)

    def quiz_average(self) -> float:
        """The mean score of the quizzes that were graded; 0 without any."""
        return round(sum(self.quiz_scores) / len(self.quiz_scores), 4) if self.quiz_scores else 0.0

    def add(self, event: Event) -> None:
        """Count one event."""
        self.seconds += event.seconds
        named = {"started": self.started, "completed": self.completed, "mastered": self.mastered}.get(event.kind)
        if named is not None:
            named.add(event.concept_id)
        if event.kind == "answered" and event.score is not None:
            if event.source == "quiz":
                self.quiz_scores.append(event.score)
            else:
                self.exercises += 1


def history(events: Sequence[Event], granularity: Granularity) -> dict[date, Period]:
    """The periods in which something happened, by their first day, oldest first."""
    periods: defaultdict[date, Period] = defaultdict(Period)
    for event in events:
        periods[first_day(event.at.date(), granularity)].add(event)
    return dict(sorted(periods.items()))


def first_day(day: date, granularity: Granularity) -> date:
    """The day itself, the Monday of its week, or the first of its month."""
    if granularity == "week":
        return day - timedelta(days=min(day.weekday(), (day - date.min).days))
    return day.replace(day=1) if granularity == "month" else day
