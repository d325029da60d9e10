"""How much an attempt says of what the learner knows: its weight as evidence, 0 to 1. Pure.

Help lowers the weight, never the score: each rung of the hint ladder takes its share. The same exercise passed again
says less than the first time, and nothing after its solution was shown. The n-th failure in a session says 1/n of a
first one: trying again until it works is how one works, not that many proofs of knowing nothing.
"""

HINT_WEIGHTS = (1.0, 0.85, 0.7, 0.5, 0.25)
AGAIN = 0.3
BY_CHECKS_ALONE = 0.5
"""A design that nobody judged: required parts are there, which is half of the matter."""


def weight(
    *, passed: bool, hints: int, failures_before: int, passed_before: bool, solution_seen: bool, by_checks_alone: bool
) -> float:
    """The weight of an attempt. `failures_before`: earlier failures in the same session."""
    if solution_seen:
        return 0.0
    helped = HINT_WEIGHTS[min(hints, len(HINT_WEIGHTS) - 1)]
    found = helped if passed else helped / (failures_before + 1)
    if passed_before:
        found *= AGAIN
    return round(found * (BY_CHECKS_ALONE if by_checks_alone else 1.0), 4)
