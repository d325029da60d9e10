"""Momentum, pace and the match of styles."""

import pytest

from learntrac.adaptive.insights import Fortnight, goal_in_words, momentum, style_match, suggested_pace

NOTHING = Fortnight()


@pytest.mark.parametrize(
    ("now", "before", "expected"),
    [
        (NOTHING, Fortnight(5, 20), "none"),
        (Fortnight(10, 5), Fortnight(14, 90), "high"),
        (Fortnight(4, 12), Fortnight(3, 10), "high"),
        (Fortnight(4, 20), Fortnight(4, 10), "high"),
        (Fortnight(2, 20), Fortnight(1, 10), "steady"),
        (Fortnight(4, 10), Fortnight(4, 10), "steady"),
        (Fortnight(2, 3), Fortnight(4, 10), "low"),
        (Fortnight(1, 10), Fortnight(4, 10), "low"),
        (Fortnight(1, 1), NOTHING, "steady"),
    ],
)
def test_momentum(now: Fortnight, before: Fortnight, expected: str) -> None:
    assert momentum(now, before) == expected


@pytest.mark.parametrize(
    ("right", "answers", "said", "expected"),
    [
        (9, 10, 0.0, "increase"),
        (9, 10, -0.2, "slow_down"),
        (7.5, 10, 0.0, "maintain"),
        (7.5, 10, 0.2, "increase"),
        (5, 10, 1.0, "slow_down"),
        (0, 4, 0.0, "maintain"),
        (0, 4, 0.2, "increase"),
    ],
)
def test_pace(right: float, answers: int, said: float, expected: str) -> None:
    assert suggested_pace(Fortnight(3, answers, right), NOTHING, preference=said) == expected


def test_style_match_is_a_cosine() -> None:
    assert style_match({"video": 1}, {"video": 3}) == 1
    assert style_match({"video": 1, "documentation": 1}, {"video": 1}) == 0.71
    assert style_match({"video": 1}, {"link": 1}) == 0
    assert style_match({}, {"link": 1}) == style_match({"video": 1}, {}) == 0


def test_goals() -> None:
    assert goal_in_words("", 0, 0) == ""
    assert goal_in_words("Basics", 2, 5) == "Complete Basics: 2 of 5 concepts to go"
    assert goal_in_words("Basics", 0, 5) == "Complete Basics: nothing is left to do"
