"""A score in words and figures that people can check: its terms, an interval, a trend. Pure."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Z = 1.645
"""Of the normal distribution: nine of ten intervals hold what they are about."""
INTERVAL_LEVEL = 0.9
TREND_ANSWERS = 4
"""The trend looks at so many of the last answers, and says steady where the score moved no more than `TREND_STEP`."""
TREND_STEP = 0.05

Trend = Literal["up", "down", "steady"]

WORDS = (
    ("start", "where everybody starts"),
    ("learning_curve", "how learners with the same last answers to this concept do"),
    ("recent_form", "the last eight or so answers, to any concept"),
    ("usual_difficulty", "how hard the questions of this concept are for all learners"),
    ("overall_form", "all answers since the start, to any concept"),
    ("just_practised", "the concept has just been practised"),
    ("concept_form", "the answers to this concept, older ones for less"),
    ("well_known_items", "how often the course's questions have been answered"),
    ("usual_difficulty_in_order", "the same difficulty, seen from the question before"),
    ("own_level", "how far the model's earlier predictions for this learner were off"),
    ("held", "no right answer lowers a score, no wrong one raises it"),
    ("passed_on", "a small part of the answers to concepts that build on this one"),
)
"""Name and meaning of each of `Known.terms`, in their order."""


@dataclass(frozen=True)
class Term:
    """A part of a score: its name, what it means, and what it adds in logits."""

    name: str
    meaning: str
    logits: float


def terms_of(parts: Sequence[float]) -> list[Term]:
    """The parts of a score in words; what adds nothing is left out."""
    named = zip(WORDS, parts, strict=False)
    return [Term(name, meaning, logits) for (name, meaning), logits in named if logits]


def of_ten(score: float) -> int:
    """How many of ten questions the learner will get right."""
    return math.floor(10 * score + 0.5)


def interval(score: float, answers: int) -> tuple[float, float]:
    """The range that a score is known to, at nine in ten, as if it were the share of so many answers.

    Wilson's interval (1927): (p + z²/2n ± z·√(p(1−p)/n + z²/4n²)) ÷ (1 + z²/n). From 0 to 1 without an answer.
    """
    if answers == 0:
        return 0.0, 1.0
    shift = Z * Z / answers
    half = Z * math.sqrt(score * (1 - score) / answers + shift / (4 * answers))
    return max(0.0, (score + shift / 2 - half) / (1 + shift)), min(1.0, (score + shift / 2 + half) / (1 + shift))


def trend(scores: Sequence[float]) -> Trend:
    """Where the score went over the last answers; `scores` are those after each of them, the last one first."""
    latest = scores[:TREND_ANSWERS]
    change = latest[0] - latest[-1] if latest else 0.0
    if abs(change) <= TREND_STEP:
        return "steady"
    return "up" if change > 0 else "down"
