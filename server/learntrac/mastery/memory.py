"""Forgetting: how long a learner keeps a concept, by the published memory model FSRS 6. Pure.

For each learner and concept a stability (days until the chance of recall is 90 %) and a difficulty (1 to 10) follow
the answers, with the published parameters of the package `fsrs` (Ye, Su and Cao 2022, and the FSRS project). An answer
is a review: failed is its rating Again, passed Good, passed with little weight Hard. The chance that what was known t
days ago is still known is R(t) = (1 + f·t ÷ stability)^−d, with d = 0.1542 and f such that R(stability) = 0.9.

The package counts whole days; between reviews this file uses the same curve for any moment.
"""

from dataclasses import dataclass
from datetime import datetime

from fsrs import Card, Rating, Scheduler, State

from learntrac.kit.clock import from_micros, to_micros

DESIRED_RETENTION = 0.9
LITTLE_WEIGHT = 0.5
"""Below this weight an answer that passed is rated Hard: it says that the concept is known, and not how well."""
MICROS_PER_DAY = 86_400_000_000
FARTHEST_DAYS = 36_500.0

# Without learning steps a card is a matter of stability and difficulty alone, and nothing is left to chance.
_SCHEDULER = Scheduler(
    desired_retention=DESIRED_RETENTION, learning_steps=(), relearning_steps=(), enable_fuzzing=False
)
_DECAY = -_SCHEDULER.parameters[20]
_FACTOR = 0.9 ** (1 / _DECAY) - 1


@dataclass(frozen=True)
class Memory:
    """A learner's memory of a concept: stability in days, difficulty 1 to 10, and the last answer in µs since 1970."""

    stability: float
    difficulty: float
    reviewed_at: int


def rating(*, right: bool, weight: float) -> Rating:
    """How an answer is rated as a review."""
    if not right:
        return Rating.Again
    return Rating.Good if weight >= LITTLE_WEIGHT else Rating.Hard


def review(memory: Memory | None, *, right: bool, weight: float, at: int) -> Memory:
    """The memory after an answer at `at` µs since 1970; None where there was no answer before.

    An answer that seems to come before the last one, by a clock that was set back, counts as given at the last one.
    """
    at = max(at, memory.reviewed_at) if memory is not None else at
    reviewed, _ = _SCHEDULER.review_card(_card(memory), rating(right=right, weight=weight), from_micros(at))
    return _memory(reviewed)


def _card(memory: Memory | None) -> Card:
    if memory is None:
        return Card(card_id=0, due=_ANY_DAY)
    last = from_micros(memory.reviewed_at)
    return Card(0, State.Review, None, memory.stability, memory.difficulty, _ANY_DAY, last)


_ANY_DAY = from_micros(0)
"""When the package would show a card again is not asked for: a concept is due when its score fades."""


def _memory(card: Card) -> Memory:
    if card.stability is None or card.difficulty is None or not isinstance(card.last_review, datetime):
        raise TypeError("a card that was reviewed has a stability, a difficulty and a last review")
    return Memory(card.stability, card.difficulty, to_micros(card.last_review))


def retention(memory: Memory | None, *, at: int) -> float:
    """R at a moment in µs since 1970, 0 to 1; 1 without a memory and before the last answer."""
    if memory is None or at <= memory.reviewed_at:
        return 1.0
    days = (at - memory.reviewed_at) / MICROS_PER_DAY
    return float((1 + _FACTOR * days / memory.stability) ** _DECAY)


def fades_at(memory: Memory, *, score: float, threshold: float) -> int | None:
    """When score · R falls to the threshold, in µs since 1970; None where it never does within a hundred years."""
    if score <= threshold:
        return memory.reviewed_at
    if threshold <= 0:
        return None
    days = memory.stability / _FACTOR * ((threshold / score) ** (1 / _DECAY) - 1)
    return memory.reviewed_at + int(days * MICROS_PER_DAY) if days <= FARTHEST_DAYS else None
