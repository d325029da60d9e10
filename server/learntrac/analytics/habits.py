"""What a learner's log says of how they learn: hours, days, sessions; and words of advice. Pure. All times are UTC."""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import date
from typing import Literal

from learntrac.activity.days import DAY_MICROSECONDS, DOING, Figures, Happened

PaceAdvice = Literal["increase", "maintain", "decrease"]

WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
SHOWN = 2
"""Most active days and peak hours."""
_HOUR = 3_600_000_000
_THURSDAY = 3  # 1 January 1970
_PARTS_OF_DAY = (("night", 5), ("morning", 12), ("afternoon", 17), ("evening", 22), ("night", 24))
GOOD_SUCCESS = 0.7
LEAST_EXERCISES = 3


def hours(log: Iterable[Happened]) -> Counter[int]:
    """How much the learner did in each hour of the day."""
    return Counter(line.at % DAY_MICROSECONDS // _HOUR for line in log if line.what in DOING)


def preferred_time(by_hour: Counter[int]) -> str:
    """The part of the day in which most was done: morning (5 to 12), afternoon (to 17), evening (to 22) or night;
    `unknown` without anything.
    """
    parts: Counter[str] = Counter()
    for hour, count in by_hour.items():
        parts[next(name for name, until in _PARTS_OF_DAY if hour < until)] += count
    return min(parts, key=lambda part: (-parts[part], part)) if parts else "unknown"


def peak_hours(by_hour: Counter[int]) -> list[str]:
    """The hours in which most was done, such as 09:00, in the order of the day."""
    best = sorted(by_hour, key=lambda hour: (-by_hour[hour], hour))[:SHOWN]
    return [f"{hour:02}:00" for hour in sorted(best)]


def most_active_days(log: Iterable[Happened]) -> list[str]:
    """The days of the week on which most was done, in the order of the week."""
    days = Counter((line.at // DAY_MICROSECONDS + _THURSDAY) % 7 for line in log if line.what in DOING)
    return [WEEKDAYS[day] for day in sorted(sorted(days, key=lambda day: (-days[day], day))[:SHOWN])]


def average_session_minutes(log: Iterable[Happened]) -> int:
    """The mean length of sessions that ended."""
    ended = [line.seconds for line in log if line.what in ("completed", "abandoned")]
    return round(sum(ended) / len(ended) / 60) if ended else 0


def shares(weights: "Counter[str] | dict[str, float]") -> dict[str, float]:
    """Weights as shares of their sum."""
    whole = sum(weights.values())
    return {kind: round(value / whole, 2) for kind, value in sorted(weights.items()) if value} if whole else {}


def is_on_track(*, left: int, target: date | None, expected: date | None, today: date) -> bool:
    """Whether a milestone is done, or will be by its date at the learner's pace. Without a date, with any pace."""
    if left == 0:
        return True
    if target is None:
        return expected is not None
    return expected is not None and expected <= target and today <= target


def focus_areas(*, figures: Figures, failing: Sequence[str], due: int, weak: Sequence[str], started: bool) -> list[str]:
    """What to work on, in words, the most pressing first. `failing` are titles of concepts whose last answers failed,
    `due` how many mastered ones are due for review, `weak` components of low mastery.
    """
    said = [f"ask for help with {title}" for title in failing[:SHOWN]]
    if due:
        said.append(f"review {due} {'concept that is' if due == 1 else 'concepts that are'} fading")
    if figures.exercises < LEAST_EXERCISES or figures.exercise_success_rate < GOOD_SUCCESS:
        said.append("practice more exercises")
    said += [f"strengthen {area}" for area in weak[:SHOWN]]
    return said if started else ["begin a first concept"]
