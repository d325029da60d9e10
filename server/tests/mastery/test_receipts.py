"""A score in words: the interval by hand, the trend, and the terms."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from learntrac.mastery.model import HELD, PASSED, Graded, replay
from learntrac.mastery.parameters import Parameters, Weights
from learntrac.mastery.receipts import WORDS, interval, of_ten, terms_of, trend
from learntrac.mastery.tracing import Tracer


def test_each_part_of_a_score_has_its_name() -> None:
    known = replay(Tracer(Parameters()), [Graded(1, "x", 1, 1, 0.8, 0)]).known[1]

    assert len(known.terms) == len(WORDS) == len(Weights._fields) + 3
    assert (WORDS[HELD][0], WORDS[PASSED][0]) == ("held", "passed_on")
    assert sum(term.logits for term in terms_of(known.terms)) == pytest.approx(sum(known.terms))
    assert "passed_on" not in {term.name for term in terms_of(known.terms)}


@pytest.mark.parametrize(("score", "right"), [(0, 0), (0.04, 0), (0.05, 1), (0.815, 8), (0.85, 9), (1, 10)])
def test_of_ten_questions(score: float, right: int) -> None:
    assert of_ten(score) == right


def test_wilsons_interval_by_hand() -> None:
    # z² ÷ n = 2.706 ÷ 4 = 0.6765; half = 1.645 · √(0.16 ÷ 4 + 0.6765 ÷ 16) = 0.4718
    low, high = interval(0.8, 4)

    assert low == pytest.approx((0.8 + 0.33826 - 0.4718) / 1.6765, abs=1e-3)
    assert high == pytest.approx((0.8 + 0.33826 + 0.4718) / 1.6765, abs=1e-3)
    assert interval(0, 0) == (0, 1)


@given(st.floats(0, 1), st.integers(1, 10_000))
def test_an_interval_holds_its_score_and_narrows_with_answers(score: float, answers: int) -> None:
    low, high = interval(score, answers)
    later_low, later_high = interval(score, 4 * answers)

    assert 0 <= low <= score + 1e-12
    assert score - 1e-12 <= high <= 1
    assert later_high - later_low < high - low


@pytest.mark.parametrize(
    ("scores", "found"),
    [
        ([], "steady"),
        ([0.9], "steady"),
        ([0.8, 0.7], "up"),
        ([0.7, 0.8], "down"),
        ([0.8, 0.76, 0.78, 0.79, 0.1], "steady"),
    ],
)
def test_the_trend_of_the_last_answers(scores: list[float], found: str) -> None:
    assert trend(scores) == found
