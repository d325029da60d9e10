"""What of a learner's log says that they need help. Pure. Times are microseconds since 1970."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from learntrac.activity.days import DOING, Happened, day_of

FAILURES_IN_A_ROW = 3
AWAY_DAYS, GONE_DAYS = 14, 90
"""Whoever has been away for so many days, with something begun and not completed; after the second they have left."""


@dataclass(frozen=True)
class Failing:
    """A concept whose last answers all failed: how many, and when the third of them was given."""

    concept_id: int
    failures: int
    since: int


@dataclass(frozen=True)
class Trouble:
    """`last_at` is when the learner did something last, `open_concepts` how many are begun and neither completed nor
    mastered.
    """

    last_at: int = 0
    open_concepts: int = 0
    failing: tuple[Failing, ...] = field(default_factory=tuple)


def away_days(last_at: int, open_concepts: int, today: int) -> int | None:
    """For how many days somebody has been away who is missed; None where nobody is."""
    days = today - day_of(last_at)
    return days if open_concepts > 0 and AWAY_DAYS <= days <= GONE_DAYS else None


def trouble_of(log: Iterable[Happened]) -> Trouble:
    """Where the learner stands by their log."""
    lines = sorted(log, key=lambda line: (line.at, line.id))
    done = {line.concept_id for line in lines if line.what in ("completed", "mastered")}
    begun = {line.concept_id for line in lines if line.what == "started"}
    last_at = max((line.at for line in lines if line.what in DOING), default=0)
    return Trouble(last_at, len(begun - done), tuple(_failing(line for line in lines if line.what == "graded")))


def _failing(answers: Iterable[Happened]) -> list[Failing]:
    rows: defaultdict[int, list[int]] = defaultdict(list)
    for answer in answers:
        if (answer.outcome or 0.0) < (answer.threshold or 0.0):
            rows[answer.concept_id].append(answer.at)
        else:
            rows[answer.concept_id].clear()
    return [
        Failing(concept, len(row), row[FAILURES_IN_A_ROW - 1])
        for concept, row in sorted(rows.items())
        if len(row) >= FAILURES_IN_A_ROW
    ]
