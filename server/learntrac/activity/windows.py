"""Windows: the last 7, 30, 91 or 365 days, today included, in UTC; and who was active in them. Pure.

How many learners were active in the window that ends on a day is kept as changes: each learner adds one on the day
on which they come into a window and takes it away on the day on which they leave it. The sum of all changes up to a
day is the count of that day, for any day that was or will be.
"""

from collections import Counter
from collections.abc import Iterable

WINDOWS = {"week": 7, "month": 30, "quarter": 91, "year": 365}
"""Days of each timeframe."""
ACTIVE_DAYS_A_WEEK = 3
"""So many days of learning a week make an engagement of 1."""

Change = tuple[int, int]
"""(learners, engagement): the latter in parts of three times the window's days, so that it stays a whole number."""


def first_day(window: str, last_day: int) -> int:
    """The first day of the window that ends on `last_day`."""
    return last_day - WINDOWS[window] + 1


def engagement_parts(active: int, length: int) -> int:
    """min(1, active days a week ÷ 3) of a learner in a window of so many days, in parts of 3 × the days."""
    return min(7 * active, ACTIVE_DAYS_A_WEEK * length)


def engagement(parts: int, learners: int, length: int) -> float:
    """The mean engagement of the active learners; 0 without any."""
    return round(parts / (ACTIVE_DAYS_A_WEEK * length * learners), 4) if learners else 0.0


def changes(active: Iterable[int], length: int) -> dict[int, Change]:
    """What one learner, active on these days, changes on which day in the window of so many days."""
    steps: Counter[int] = Counter()
    for day in active:
        steps[day] += 1
        steps[day + length] -= 1
    found: dict[int, Change] = {}
    count = 0
    for day in sorted(steps):
        after = count + steps[day]
        parts = engagement_parts(after, length) - engagement_parts(count, length)
        learners = (after > 0) - (count > 0)
        if parts or learners:
            found[day] = learners, parts
        count = after
    return found
