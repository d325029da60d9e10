"""Forgetting: the published model's numbers, and the curve between reviews."""

import pytest
from fsrs import Rating
from hypothesis import given
from hypothesis import strategies as st

from learntrac.mastery.memory import MICROS_PER_DAY, Memory, fades_at, rating, retention, review

NOON = 1_700_000_000_000_000


def test_the_first_answer_sets_the_published_stability() -> None:
    passed, doubtful, failed = (
        review(None, right=right, weight=weight, at=NOON) for right, weight in ((True, 1), (True, 0.4), (False, 1))
    )

    assert passed.reviewed_at == NOON
    assert passed.stability == pytest.approx(2.3065)
    assert passed.difficulty == pytest.approx(2.1181, abs=1e-3)
    assert doubtful.stability == pytest.approx(1.2931)
    assert failed.stability == pytest.approx(0.212)


def test_how_answers_are_rated() -> None:
    assert rating(right=False, weight=1) == Rating.Again
    assert rating(right=True, weight=0.49) == Rating.Hard
    assert rating(right=True, weight=0.5) == Rating.Good


def test_a_day_of_stability_is_nine_in_ten() -> None:
    memory = Memory(3.0, 5.0, NOON)

    assert retention(memory, at=NOON + 3 * MICROS_PER_DAY) == pytest.approx(0.9)
    assert retention(memory, at=NOON) == retention(memory, at=NOON - 1) == retention(None, at=NOON) == 1


def test_a_review_after_days_makes_a_memory_last_longer_and_a_failure_shorter() -> None:
    once = review(None, right=True, weight=1, at=NOON)
    later = NOON + 4 * MICROS_PER_DAY

    assert review(once, right=True, weight=1, at=later).stability > 2 * once.stability
    assert review(once, right=False, weight=1, at=later).stability < once.stability


def test_a_clock_that_was_set_back_is_no_time_before_the_last_answer() -> None:
    once = review(None, right=True, weight=1, at=NOON)

    assert review(once, right=True, weight=1, at=NOON - MICROS_PER_DAY) == review(once, right=True, weight=1, at=NOON)


@given(st.floats(0.01, 1000), st.floats(0.5, 0.99), st.floats(0.3, 0.49))
def test_what_fades_is_at_its_threshold_when_it_is_due(stability: float, score: float, threshold: float) -> None:
    memory = Memory(stability, 5.0, NOON)
    due_at = fades_at(memory, score=score, threshold=threshold)

    assert due_at is None or score * retention(memory, at=due_at) == pytest.approx(threshold, abs=1e-6)


def test_what_never_fades_so_far_is_never_due() -> None:
    memory = Memory(1000.0, 5.0, NOON)

    assert fades_at(memory, score=0.9, threshold=0) is None
    assert fades_at(memory, score=0.9, threshold=0.01) is None
    assert fades_at(memory, score=0.7, threshold=0.8) == NOON
