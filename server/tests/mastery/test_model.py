"""The mastery score and the status that follows: examples from the guide, and what holds for any answers."""

from functools import reduce

import pytest
from hypothesis import given
from hypothesis import strategies as st

from learntrac.mastery.model import HALF_LIFE_ANSWERS, NOTHING_KNOWN, Belief, Status, level, status_after, update

Answer = tuple[float, float]
"""(outcome, weight)"""

shares = st.floats(0, 1, allow_nan=False)
weights = st.floats(1e-6, 1, allow_nan=False)
answers = st.lists(st.tuples(shares, weights), max_size=60)


def believed(given_answers: list[Answer], belief: Belief = NOTHING_KNOWN) -> Belief:
    return reduce(lambda so_far, answer: update(so_far, outcome=answer[0], weight=answer[1]), given_answers, belief)


def test_without_evidence_nothing_is_invented() -> None:
    assert NOTHING_KNOWN.mastery == 0


def test_right_answers_as_the_guide_counts_them() -> None:
    assert believed([(1, 1)]).mastery == pytest.approx(0.75)
    assert believed([(1, 1), (1, 1)]).mastery == pytest.approx(0.83, abs=0.005)
    assert believed([(0, 1)]).mastery == pytest.approx(0.25)
    assert believed([(0.5, 1)]).mastery == pytest.approx(0.5)


def test_eight_later_answers_halve_what_an_old_one_counts() -> None:
    belief = believed([(0, 1)] * HALF_LIFE_ANSWERS, Belief(successes=1, weight=1))

    assert belief.successes == pytest.approx(0.5)


def test_an_answer_of_half_the_weight_moves_the_score_less() -> None:
    assert 0.5 < believed([(1, 0.5)]).mastery < believed([(1, 1)]).mastery


@given(answers)
def test_the_score_is_the_formula_of_the_guide(given_answers: list[Answer]) -> None:
    fades = [2 ** (-since / 8) for since in range(len(given_answers))][::-1]
    successes = sum(w * d * x for (x, w), d in zip(given_answers, fades, strict=True))
    weight = sum(w * d for (_, w), d in zip(given_answers, fades, strict=True))
    expected = (0.5 + successes) / (1 + weight) if given_answers else 0

    assert believed(given_answers).mastery == pytest.approx(expected)


@given(answers)
def test_the_score_is_a_probability_that_no_answer_makes_certain(given_answers: list[Answer]) -> None:
    mastery = believed(given_answers).mastery

    assert 0 <= mastery < 1
    assert mastery > 0 or not given_answers


@given(answers, shares, shares, weights)
def test_a_better_answer_never_gives_a_lower_score(
    before: list[Answer], one: float, other: float, weight: float
) -> None:
    belief, worse, better = believed(before), min(one, other), max(one, other)

    after_better = update(belief, outcome=better, weight=weight).mastery
    assert after_better >= update(belief, outcome=worse, weight=weight).mastery - 1e-12


@given(st.lists(st.tuples(shares, st.just(1.0)), min_size=1, max_size=60))
def test_a_right_answer_never_lowers_the_score_nor_a_wrong_one_raises_it(before: list[Answer]) -> None:
    belief = believed(before)

    assert update(belief, outcome=1, weight=1).mastery >= belief.mastery - 1e-12
    assert update(belief, outcome=0, weight=1).mastery <= belief.mastery + 1e-12


@given(answers, shares)
def test_an_answer_of_weight_0_changes_nothing(before: list[Answer], outcome: float) -> None:
    belief = believed(before)

    assert update(belief, outcome=outcome, weight=0) == belief


@given(answers)
def test_the_state_is_two_numbers_that_stay_small(given_answers: list[Answer]) -> None:
    belief = believed(given_answers)

    assert set(vars(belief)) == {"successes", "weight"}
    most = 1 / (1 - 2 ** (-1 / HALF_LIFE_ANSWERS))
    assert 0 <= belief.successes <= belief.weight + 1e-9 < most + 1e-6


LOW, HIGH = Belief(0, 1), Belief(1.9, 1.9)


@pytest.mark.parametrize(
    ("belief", "was_mastered", "failed", "tried", "active", "status"),
    [
        (NOTHING_KNOWN, False, False, False, False, "new"),
        (NOTHING_KNOWN, False, False, False, True, "learning"),
        (NOTHING_KNOWN, False, False, True, False, "practicing"),
        (LOW, False, True, True, True, "practicing"),
        (HIGH, False, False, True, True, "mastered"),
        (HIGH, False, True, True, True, "mastered"),
        (LOW, True, False, True, False, "mastered"),
        (LOW, True, True, True, False, "practicing"),
    ],
)
def test_the_status_that_follows(
    belief: Belief, was_mastered: bool, failed: bool, tried: bool, active: bool, status: Status
) -> None:
    found = status_after(belief, threshold=0.8, was_mastered=was_mastered, failed=failed, tried=tried, active=active)
    assert found == status


def test_a_threshold_of_0_still_needs_evidence() -> None:
    status = status_after(NOTHING_KNOWN, threshold=0, was_mastered=False, failed=False, tried=True, active=False)
    assert status == "practicing"


@given(answers, st.floats(0, 1), st.booleans(), st.booleans(), st.booleans(), st.booleans())
def test_nobody_becomes_a_master_below_the_threshold(
    given_answers: list[Answer], threshold: float, was: bool, failed: bool, tried: bool, active: bool
) -> None:
    belief = believed(given_answers)
    status = status_after(belief, threshold=threshold, was_mastered=was, failed=failed, tried=tried, active=active)
    reached = belief.weight > 0 and belief.mastery >= threshold

    assert (status == "mastered") == (reached or (was and not failed))


@pytest.mark.parametrize(
    ("mean_difficulty", "name"),
    [
        (0, "beginner"),
        (2.49, "beginner"),
        (2.5, "intermediate"),
        (3.74, "intermediate"),
        (3.75, "advanced"),
        (5, "advanced"),
    ],
)
def test_the_level_by_what_was_mastered(mean_difficulty: float, name: str) -> None:
    assert level(mean_difficulty) == name
