"""What to do next, best first: how much learning each minute promises. Pure; the guide's page on recommendations says
the same.

    score = worth × chance fit × difficulty fit ÷ √hours

worth: 1 for a new concept, + ¼ log2(1 + concepts of the learner's milestone that need it), + ¼ within that milestone,
+ ½ for one that was begun; ¾ + urgency for a review, where urgency is how far recall has faded below the threshold in
units of 0.3, 1 at most.
chance fit: 1 while the chance of success is 0.70 to 0.85; below, chance ÷ 0.70; above, 1 down to ¼ at a certain
success. Tasks of about this chance are where learning is fastest (Wilson et al., 2019, find 0.85 for simple learners).
difficulty fit: 1 − |difficulty − (level + preference)| ÷ 4. Neither fit applies to a review.
√hours: a long concept holds more than a short one, but not in proportion; five minutes at least.
Of several reviews each counts 0.8 of the one before, so that they do not crowd out what is new.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from math import ceil, log2, sqrt
from typing import Literal, NamedTuple

Kind = Literal["new", "review"]

LOW, HIGH = 0.70, 0.85
"""The chance of success at which a task teaches most."""
LEAST_FIT = 0.25
REVIEW_SHARE, LEAST_REVIEW_MINUTES = 0.25, 5
"""What a review takes of the concept's estimate."""
NEXT_REVIEW_COUNTS = 0.8
LEAST_HOURS = 5 / 60
UNLOCKS_COUNTED = 20
PLACEMENT_SHARE = 0.2
"""How much a placement test says of the chance of success where no answer was graded yet."""


class Candidate(NamedTuple):
    """Something that could come next. `minutes` is what it takes, `chance` of success at the next graded answer."""

    id: int
    title: str
    kind: Kind
    difficulty: float
    minutes: int
    chance: float
    threshold: float
    milestone: str = ""
    begun: bool = False
    answers: int = 0
    unlocks: int = 0


@dataclass(frozen=True)
class Situation:
    """Where the learner is: `level` and the wanted shift on the scale 1 to 5, and the milestone they work on."""

    level: float
    preference: float = 0.0
    milestone: str = ""

    @property
    def wanted(self) -> float:
        """The difficulty that suits the learner now."""
        return min(5.0, max(1.0, self.level + self.preference))


class Ranked(NamedTuple):
    """A candidate with its score; the higher the sooner."""

    candidate: Candidate
    score: float


def rank_new(candidates: Iterable[Candidate], situation: Situation) -> list[Ranked]:
    """What is no review, best first."""
    return best_first([Ranked(one, _new(one, situation)) for one in candidates])


def rank_reviews(candidates: Iterable[Candidate]) -> list[Ranked]:
    """Reviews, best first."""
    reviews = best_first([Ranked(one, _review(one)) for one in candidates])
    return best_first(
        [Ranked(one.candidate, one.score * NEXT_REVIEW_COUNTS**place) for place, one in enumerate(reviews)]
    )


def best_first(ranked: Iterable[Ranked]) -> list[Ranked]:
    """The higher score first; of equal ones the lower number."""
    return sorted(ranked, key=_order)


def _order(ranked: Ranked) -> tuple[float, int]:
    return -round(ranked.score, 9), ranked.candidate.id


def _new(one: Candidate, situation: Situation) -> float:
    worth = 1 + log2(1 + one.unlocks) / 4 + one.begun / 2
    worth += (one.milestone != "" and one.milestone == situation.milestone) / 4
    return worth * chance_fit(one.chance) * (1 - abs(one.difficulty - situation.wanted) / 4) / _root_of_hours(one)


def _review(one: Candidate) -> float:
    urgency = min(1.0, max(0.0, one.threshold - one.chance) / 0.3)
    return (0.75 + urgency) / _root_of_hours(one)


def _root_of_hours(one: Candidate) -> float:
    return sqrt(max(one.minutes / 60, LEAST_HOURS))


def chance_fit(chance: float) -> float:
    """1 where a task teaches most, less where it is too hard or too easy."""
    if chance < LOW:
        return max(LEAST_FIT, chance / LOW)
    return 1 - (1 - LEAST_FIT) * max(0.0, chance - HIGH) / (1 - HIGH)


def fitting(ranked: Sequence[Ranked], *, count: int, minutes: int | None) -> list[Ranked]:
    """The best `count` that fit into the minutes together: in order, each one that still has room."""
    chosen, left = list[Ranked](), minutes
    for one in ranked:
        if len(chosen) == count:
            break
        if left is None:
            chosen.append(one)
        elif one.candidate.minutes <= left:
            chosen.append(one)
            left -= one.candidate.minutes
    return chosen


def review_minutes(estimated_minutes: int) -> int:
    """What a review takes: a quarter of the concept's estimate, five minutes at least."""
    return max(LEAST_REVIEW_MINUTES, ceil(estimated_minutes * REVIEW_SHARE))


def count_unlocks(
    concepts: Iterable[int], needed_by: Mapping[int, Sequence[int]], *, left_out: Collection[int] = ()
) -> dict[int, int]:
    """{concept: how many need it, directly or not}, up to 20; `needed_by` has what each is a prerequisite of. What is
    left out is not counted, and nothing is reached through it.
    """
    return {concept: _count(concept, needed_by, left_out) for concept in concepts}


def _count(concept: int, needed_by: Mapping[int, Sequence[int]], left_out: Collection[int]) -> int:
    waiting = [concept]
    found = {concept}
    for one in waiting:
        for other in needed_by.get(one, ()):
            if other not in found and other not in left_out:
                found.add(other)
                waiting.append(other)
        if len(found) > UNLOCKS_COUNTED:
            break
    return min(UNLOCKS_COUNTED, len(found) - 1)


def with_placement(chance: float, placed: float | None, *, answers: int) -> float:
    """The chance of success with what a placement test said: a fifth of it, and nothing once answers were graded."""
    if placed is None or answers:
        return chance
    return (1 - PLACEMENT_SHARE) * chance + PLACEMENT_SHARE * placed


@dataclass(frozen=True)
class Ground:
    """A prerequisite that the learner has met, when, and whether by mastery."""

    title: str
    at: datetime
    mastered: bool


@dataclass(frozen=True)
class Grounds:
    """What a reason may say of a candidate: prerequisites met, latest first, and whether there are any at all."""

    met: Sequence[Ground] = field(default_factory=tuple)
    has_prerequisites: bool = False


def reason(one: Candidate, situation: Situation, grounds: Grounds, now: datetime) -> str:
    """Why this, in words that are true of this learner."""
    tenths = f"about {round(one.chance * 10)} of 10"
    if one.kind == "review":
        return f"Due for review: you would now get {tenths} right"
    if one.begun and one.answers:
        return f"You have worked on it and would now get {tenths} right; {round(one.threshold * 100)} % is mastery"
    if one.begun:
        return "You have begun it and not finished it yet"
    if grounds.met:
        return _builds_on(grounds.met[0], now)
    if one.milestone and one.milestone == situation.milestone and not grounds.has_prerequisites:
        return f"Next in the milestone you work on: {one.milestone}"
    return (
        "You have finished all it builds on"
        if grounds.has_prerequisites
        else "It builds on nothing else: a place to begin"
    )


def _builds_on(ground: Ground, now: datetime) -> str:
    verb = "mastered" if ground.mastered else "completed"
    return f"Builds on {ground.title}, which you {verb} {on_day(ground.at, now)}"


def on_day(at: datetime, now: datetime) -> str:
    """`today`, `yesterday`, `on Monday` within a week, else `on 12 March`, with the year where it is another."""
    days = (now.date() - at.date()).days
    if days <= 0:
        return "today"
    if days == 1:
        return "yesterday"
    if at.date() > now.date() - timedelta(days=7):
        return f"on {_DAYS[at.weekday()]}"
    year = "" if at.year == now.year else f" {at.year}"
    return f"on {at.day} {_MONTHS[at.month - 1]}{year}"


_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip
