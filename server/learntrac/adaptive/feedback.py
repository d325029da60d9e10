"""What feedback does to a learner's profile: small steps, in the open. Pure.

The profile is always made anew from the latest word on each concept (the last fifty concepts), so that saying the same
thing twice changes nothing, and a new word on a concept takes the place of the old one.

difficulty: 0.1 × (3 − rating) for each concept, summed, within −1 and 1: what was too easy raises it.
pace: 0.1 for `too_slow`, −0.1 for `too_fast`, −0.05 where the time was not sufficient, summed, within −1 and 1.
resource weights: documentation, video and exercises begin with 1 each; each mention of a kind adds 0.5; made to sum
to 1.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

Adjustment = Literal["increased", "slightly_increased", "maintained", "slightly_decreased", "decreased"]

CONCEPTS_COUNTED = 50
DIFFICULTY_STEP, PACE_STEP, TIME_STEP, MENTION = 0.1, 0.1, 0.05, 0.5
MIDDLE_RATING = 3
USUAL_KINDS = ("documentation", "video", "exercises")
SLIGHT = 0.1
"""A change up to here is a slight one."""


@dataclass(frozen=True)
class Word:
    """What a learner last said of one concept; None where they did not say."""

    difficulty_rating: int | None = None
    pace: str | None = None
    preferred_resources: Sequence[str] = ()
    is_time_sufficient: bool | None = None


@dataclass(frozen=True)
class Preferences:
    """What all words add up to: `difficulty` and `pace` are -1 to 1, the weights sum to 1 (empty: nothing said)."""

    difficulty: float = 0.0
    pace: float = 0.0
    resource_weights: Mapping[str, float] = field(default_factory=dict)


def add_up(words: Iterable[Word]) -> Preferences:
    """The profile that these words make."""
    known = list(words)
    difficulty = sum(
        DIFFICULTY_STEP * (MIDDLE_RATING - word.difficulty_rating)
        for word in known
        if word.difficulty_rating is not None
    )
    pace = sum(_pace_step(word) for word in known)
    return Preferences(_within(difficulty), _within(pace), _weights(known) if known else {})


def _pace_step(word: Word) -> float:
    said = {"too_slow": PACE_STEP, "too_fast": -PACE_STEP}.get(word.pace or "", 0.0)
    return said - (TIME_STEP if word.is_time_sufficient is False else 0.0)


def _within(value: float) -> float:
    return round(min(1.0, max(-1.0, value)), 4)


def _weights(words: Iterable[Word]) -> dict[str, float]:
    counted = dict.fromkeys(USUAL_KINDS, 1.0)
    for word in words:
        for kind in dict.fromkeys(word.preferred_resources):
            counted[kind] = counted.get(kind, 0.0) + MENTION
    total = sum(counted.values())
    shares = {kind: round(weight / total, 4) for kind, weight in sorted(counted.items())}
    # What rounding took or gave goes to the largest, so that the sum is 1.
    largest = max(shares, key=lambda kind: shares[kind])
    shares[largest] = round(shares[largest] + 1 - sum(shares.values()), 4)
    return shares


def in_words(before: float, after: float) -> Adjustment:
    """What became of a preference."""
    change = round(after - before, 4)
    if change == 0:
        return "maintained"
    if change > 0:
        return "slightly_increased" if change <= SLIGHT else "increased"
    return "slightly_decreased" if change >= -SLIGHT else "decreased"
