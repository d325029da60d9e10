"""What a learner's last weeks say: momentum, a pace to suggest, and how concept and learner match. Pure.

momentum compares the last 14 days with the 14 before, by active days and graded answers: `none` without an active day
in the last 14; `high` with at least three of them, neither fewer days nor fewer answers than before and over 25 % more
of either, or with ten of them; `low` where both fell by more than 25 %, or where there was one active day and two or
more before; else `steady`.

suggested pace: `slow_down` where fewer than 60 % of the graded answers of the last 28 days were right or the feedback
says so (pace at −0.2 or below); `increase` from 85 % on, or from 70 % on where the feedback asks for it (0.2 or above);
else, and with fewer than five answers and no word, `maintain`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import sqrt
from typing import Literal

Momentum = Literal["high", "steady", "low", "none"]
Pace = Literal["increase", "maintain", "slow_down"]

WINDOW_DAYS = 14
MORE, LESS = 1.25, 0.75
MANY_DAYS, SOME_DAYS = 10, 3
LEAST_ANSWERS = 5
TOO_HARD, GOOD, EASY = 0.60, 0.70, 0.85
SAID = 0.2


@dataclass(frozen=True)
class Fortnight:
    """Active days and graded answers of 14 days, and the sum of the answers' outcomes."""

    days: int = 0
    answers: int = 0
    right: float = 0.0


def momentum(now: Fortnight, before: Fortnight) -> Momentum:
    """How the last two weeks compare with the two before."""
    if now.days == 0:
        return "none"
    if now.days >= MANY_DAYS:
        return "high"
    no_less = now.days >= before.days and now.answers >= before.answers
    if now.days >= SOME_DAYS and no_less and (now.days > MORE * before.days or now.answers > MORE * before.answers):
        return "high"
    if now.days < LESS * before.days and (now.answers < LESS * before.answers or now.days == 1):
        return "low"
    return "steady"


def suggested_pace(now: Fortnight, before: Fortnight, *, preference: float) -> Pace:
    """Faster, slower or as it is, from the share of right answers in both fortnights and what the learner said."""
    answers = now.answers + before.answers
    rate = (now.right + before.right) / answers if answers >= LEAST_ANSWERS else None
    if preference <= -SAID or (rate is not None and rate < TOO_HARD):
        return "slow_down"
    if rate is not None and (rate >= EASY or (rate >= GOOD and preference >= SAID)):
        return "increase"
    return "increase" if rate is None and preference >= SAID else "maintain"


def style_match(weights: Mapping[str, float], mix: Mapping[str, float]) -> float:
    """The cosine of the learner's weights with a concept's mix of resources; 0 where either is empty."""
    norm = sqrt(sum(value * value for value in weights.values()) * sum(value * value for value in mix.values()))
    return round(sum(value * mix.get(kind, 0.0) for kind, value in weights.items()) / norm, 2) if norm else 0.0


def goal_in_words(milestone: str, left: int, total: int) -> str:
    """The milestone that the learner works on, as a goal; empty without one."""
    if not milestone or not total:
        return ""
    if left == 0:
        return f"Complete {milestone}: nothing is left to do"
    return f"Complete {milestone}: {left} of {total} concepts to go"
