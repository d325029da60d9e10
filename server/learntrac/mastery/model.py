"""From graded answers to a mastery score. Pure.

A decayed Beta-Bernoulli estimate: mastery = (a + Σ wᵢdᵢxᵢ) / (a + b + Σ wᵢdᵢ) with the prior a = b = ½ (Jeffreys,
1946),
outcome xᵢ in 0..1, weight wᵢ, and dᵢ = 2^(-k/8) for an answer that k answers followed. Two right answers in a row
make 0.83, and eight later answers halve what an old one counts. Its state is two numbers, its update constant-time.
The calibrated model over items and prerequisites takes this place later; what it must offer is this file's functions.
"""

from dataclasses import dataclass
from typing import Literal

Status = Literal["new", "learning", "practicing", "mastered"]

PRIOR = 0.5
HALF_LIFE_ANSWERS = 8
_FADE = 0.5 ** (1 / HALF_LIFE_ANSWERS)


@dataclass(frozen=True)
class Belief:
    """What the answers so far add up to: decayed successes and decayed weight."""

    successes: float = 0.0
    weight: float = 0.0

    @property
    def mastery(self) -> float:
        """The probability that the learner knows the concept; 0 without any evidence, as nothing is invented."""
        if self.weight == 0:
            return 0.0
        return (PRIOR + self.successes) / (2 * PRIOR + self.weight)


NOTHING_KNOWN = Belief()


def update(belief: Belief, *, outcome: float, weight: float) -> Belief:
    """The belief after one more graded answer; weight 0 leaves it as it is. Both are 0 to 1."""
    if weight == 0:
        return belief
    return Belief(belief.successes * _FADE + weight * outcome, belief.weight * _FADE + weight)


def status_after(
    belief: Belief, *, threshold: float, was_mastered: bool, failed: bool, tried: bool, active: bool
) -> Status:
    """The learner's status with a concept.

    Mastered: at or above the threshold on graded evidence, and from then on until an answer fails below it.
    Practicing: something was tried or completed. Learning: begun, nothing tried.
    """
    if belief.weight > 0 and belief.mastery >= threshold:
        return "mastered"
    if was_mastered and not failed:
        return "mastered"
    if tried:
        return "practicing"
    return "learning" if active else "new"


def level(mean_difficulty: float) -> Literal["beginner", "intermediate", "advanced"]:
    """A learner's level by the mean difficulty (1 to 5) of what is mastered; 0 where nothing is."""
    if mean_difficulty < 2.5:
        return "beginner"
    return "intermediate" if mean_difficulty < 3.75 else "advanced"
