"""What one learner adds to the totals: by day, by concept in each window, and as changes of the windows. Pure.

Totals are sums of shares. When a learner's days change, the old share is taken away and the new one added; an erased
learner's is only taken away.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence

from learntrac.activity.days import Figures, LearnerDay, active_days
from learntrac.activity.windows import WINDOWS, changes, first_day


class Shares:
    """Sums of shares, which may be negative. Concepts are counted in the windows that end on `as_of`."""

    def __init__(self, as_of: int) -> None:
        self._as_of = as_of
        self.days: defaultdict[int, Figures] = defaultdict(Figures)
        self.concepts: defaultdict[tuple[str, int], Figures] = defaultdict(Figures)
        self.changes: defaultdict[tuple[str, int], list[int]] = defaultdict(lambda: [0, 0])

    def add(self, days: Sequence[LearnerDay], sign: int = 1) -> None:
        """Add one learner's share, or take it away."""
        for day in days:
            self.days[day.day].add(day.figures, sign)
            for window in windows_with(day.day, self._as_of):
                self.concepts[window, day.concept_id].add(day.figures, sign)
        self.add_active(active_days(days), sign)

    def add_active(self, days: Iterable[int], sign: int = 1) -> None:
        """Of one learner's share, only when they were active."""
        active = list(days)
        for window, length in WINDOWS.items():
            for day, (learners, engagement) in changes(active, length).items():
                change = self.changes[window, day]
                change[0] += sign * learners
                change[1] += sign * engagement


def windows_with(day: int, as_of: int) -> list[str]:
    """The windows ending on `as_of` that hold this day."""
    return [window for window in WINDOWS if first_day(window, as_of) <= day <= as_of]
