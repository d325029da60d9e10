"""The learner model: its terms by hand, and what holds for any answers."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from learntrac.mastery.fitting import Answer, Learner, fit
from learntrac.mastery.parameters import (
    COLD_INTERCEPT_RATE,
    HAND_SET,
    HISTORIES,
    ItemCounts,
    Parameters,
    Tables,
    Weights,
)
from learntrac.mastery.tracing import NEXT_HISTORY, PRIOR, State, Tracer, item_key
from tests.mastery_model.logs import answers, logs, make_learners

NOW = 1_700_000_000
COLD = Tracer(Parameters())
FITTED = Tracer(fit(make_learners(40, seed=1)))


def logit(share: float) -> float:
    return math.log(share / (1 - share))


def follow(tracer: Tracer, given_answers: list[Answer]) -> State:
    state = State()
    for item, skills, correct, at in given_answers:
        tracer.update(state, item, skills, correct, at)
    return state


def streak(correct: bool, count: int) -> list[Answer]:
    return [Answer(f"i{number}", ("s",), correct, NOW) for number in range(count)]


def test_before_anything_is_known_the_prior_speaks() -> None:
    shares = HAND_SET.learning_curve + HAND_SET.item_repeat + HAND_SET.item_sequence
    expected = HAND_SET.intercept + shares * logit(PRIOR)

    assert logit(COLD.predict(State(), "new", ("new",), NOW)) == pytest.approx(expected)


def test_the_terms_after_one_wrong_answer() -> None:
    state = follow(COLD, [Answer("x", ("s",), False, NOW)])

    curve, recent, repeat, overall, recency, form, log_answers, sequence = COLD.terms(state, "x", ("s",))

    assert curve == repeat == sequence == pytest.approx(logit(PRIOR))
    assert recent == pytest.approx(-PRIOR / (1 + 3))
    assert overall == pytest.approx(-PRIOR / (1 + 10))
    assert form == pytest.approx(-PRIOR / (1 + 2))
    assert recency == 1
    assert log_answers == 0


def test_a_share_backs_off_to_the_wider_one() -> None:
    item = ItemCounts(tries=[[6, 10], [0, 0], [0, 0]], following={("before", True): [4, 5]})
    skill = [[6, 10]] + [[0, 0] for _ in HISTORIES[1:]]
    tracer = Tracer(Parameters(tables=Tables([6, 10], {"s": skill}, {"x": item})))
    overall = (6 + 5 * PRIOR) / 15
    of_skill = (6 + 5 * overall) / 15
    of_item = (6 + 5 * of_skill) / 15
    of_first_try = (6 + 5 * of_item) / 15
    state = follow(tracer, [Answer("before", ("other",), True, NOW)])

    curve, _, repeat, _, _, _, log_answers, sequence = tracer.terms(state, "x", ("s",))

    assert curve == pytest.approx(logit((6 + 20 * of_skill) / 30))
    assert repeat == pytest.approx(logit(of_first_try))
    assert sequence == pytest.approx(logit((4 + 5 * of_first_try) / 10))
    assert log_answers == pytest.approx(math.log(11))


def test_a_residual_is_halved_in_eight_answers_and_that_of_a_skill_in_32_of_its_own() -> None:
    state = follow(COLD, [Answer("x", ("s",), True, NOW), *[Answer("y", ("t",), False, NOW)] * 32])
    right, wrong = 1 - PRIOR, -PRIOR

    later = sum(wrong * 0.5 ** (since / 8) for since in range(32))
    assert state.recent_residual == pytest.approx(right * 0.5 ** (32 / 8) + later)
    assert state.skills["s"].residual == pytest.approx(right)
    assert state.skills["t"].residual == pytest.approx(sum(wrong * 0.5 ** (since / 32) for since in range(32)))


def test_a_history_is_the_tries_so_far_and_the_last_two_outcomes() -> None:
    place = 0
    passed = []
    for correct in (True, False, True, True, True, False, False):
        place = NEXT_HISTORY[place][correct]
        passed.append(HISTORIES[place])

    assert passed == ["1:r", "2:rw", "3:wr", "4:rr", "5:rr", "6:rw", "6:ww"]


def test_recency_counts_the_answers_since_the_skill_was_met() -> None:
    state = follow(COLD, [Answer("x", ("s",), True, NOW), *[Answer("y", ("t",), True, NOW)] * 3])

    assert COLD.terms(state, "x", ("s",))[4] == pytest.approx(1 / 4)
    assert COLD.terms(state, "x", ("t",))[4] == 1
    assert COLD.terms(state, "x", ("u",))[4] == 0


def test_several_skills_count_as_their_mean() -> None:
    state = follow(FITTED, make_learners(1, seed=5)[0].answers)
    both, one, other = (FITTED.terms(state, "new", skills) for skills in (("s1", "s2"), ("s1",), ("s2",)))

    for place in (0, 4, 5):
        assert both[place] == pytest.approx((one[place] + other[place]) / 2)
    shares = [1 / (1 + math.exp(-terms[2])) for terms in (one, other)]
    assert both[2] == pytest.approx(logit(sum(shares) / 2))


def test_before_anything_was_learned_an_own_intercept_follows_the_misses() -> None:
    state = State()
    first = COLD.predict(state, "x", ("s",), NOW)
    COLD.update(state, "x", ("s",), False, NOW)

    assert state.intercept == pytest.approx(-COLD_INTERCEPT_RATE * first)
    without = Tracer(Parameters(intercept_rate=0.0)).predict(state, "y", ("t",), NOW)
    assert logit(COLD.predict(state, "y", ("t",), NOW)) == pytest.approx(logit(without) + state.intercept)


def test_mastery_takes_an_item_to_have_as_many_answers_as_items_have() -> None:
    items = {name: ItemCounts([[1, count], [0, 0], [0, 0]]) for name, count in (("x", 1), ("y", 3))}
    weights = Weights(0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, item_answers=1.0, item_sequence=0.0)
    tracer = Tracer(Parameters(weights, 0.0, Tables(items=items)))

    assert logit(tracer.skill_mastery(State(), "s")) == pytest.approx((math.log(2) + 3 * math.log(4)) / 4)


def test_five_right_answers_in_a_row_are_mastery_before_anything_was_learned() -> None:
    mastery = [COLD.skill_mastery(follow(COLD, streak(True, count)), "s") for count in range(13)]

    assert mastery == sorted(mastery)
    assert mastery[2] > 0.8
    assert mastery[5] > 0.85
    assert mastery[12] < 0.95


def test_wrong_answers_take_mastery_away() -> None:
    mastered = follow(COLD, streak(True, 8))
    before = COLD.skill_mastery(mastered, "s")
    for item, skills, correct, at in streak(False, 4):
        COLD.update(mastered, item, skills, correct, at)

    assert COLD.skill_mastery(mastered, "s") < before - 0.1


def test_mastery_comes_with_the_number_of_answers_behind_it() -> None:
    state = follow(FITTED, [Answer("x", ("a", "b"), True, NOW), Answer("y", ("a",), False, NOW)])

    found = FITTED.mastery(state)

    assert {name: number for name, (_, number) in found.items()} == {"a": 2, "b": 1}
    assert found["a"][0] == FITTED.skill_mastery(state, "a")
    assert FITTED.mastery(State()) == {}


def test_mastery_does_not_depend_on_how_hard_the_last_items_were() -> None:
    easy = follow(FITTED, [Answer("i2-0", ("s2",), True, NOW)])
    easy_by_item, hard_by_item = (FITTED.predict(easy, item, ("s2",), NOW) for item in ("i2-0", "i2-7"))

    assert hard_by_item < FITTED.skill_mastery(easy, "s2") < easy_by_item


def test_the_time_of_practice_is_kept_and_no_prediction_reads_it() -> None:
    state = follow(COLD, [Answer("x", ("s",), True, NOW)])

    assert state.skills["s"].practised_at == NOW
    assert COLD.predict(state, "x", ("s",), NOW) == COLD.predict(state, "x", ("s",), NOW + 10**9)


def test_an_item_without_a_name_is_not_remembered() -> None:
    state = follow(COLD, [Answer("x", ("s",), True, NOW), Answer("", ("s",), True, NOW)])

    assert state.items == {item_key("x"): True}
    assert state.last is None


def test_answers_that_all_agree_leave_a_probability() -> None:
    sure = [[10**12, 10**12] for _ in HISTORIES]
    item = ItemCounts(sure[:3], {("x", True): [10**12, 10**12]})
    tracer = Tracer(Parameters(tables=Tables([10**12, 10**12], {"s": sure}, {"x": item})))
    state = follow(tracer, [Answer("x", ("s",), True, NOW)])

    assert 0.99 < tracer.predict(state, "x", ("s",), NOW) <= 1


@pytest.mark.parametrize("tracer", [COLD, FITTED])
@given(given_answers=answers)
def test_a_prediction_is_a_probability_and_repeatable(tracer: Tracer, given_answers: list[Answer]) -> None:
    state, again = follow(tracer, given_answers), follow(tracer, given_answers)

    for item, skills in (("x", ("a",)), ("", ()), ("i1-1", ("s1", "a"))):
        p = tracer.predict(state, item, skills, NOW)
        assert 0 < p < 1
        assert p == tracer.predict(again, item, skills, NOW)
    assert all(0 < p < 1 for p, _ in tracer.mastery(state).values())


@given(answers)
def test_a_right_answer_leaves_more_mastery_than_a_wrong_one(given_answers: list[Answer]) -> None:
    right, wrong = follow(COLD, given_answers), follow(COLD, given_answers)
    COLD.update(right, "x", ("a",), True, NOW)
    COLD.update(wrong, "x", ("a",), False, NOW)

    assert COLD.skill_mastery(right, "a") > COLD.skill_mastery(wrong, "a")


@given(logs, answers)
def test_a_state_survives_its_bytes(learners: list[Learner], given_answers: list[Answer]) -> None:
    tracer = Tracer(fit(learners))
    state = follow(tracer, given_answers)

    assert State.from_bytes(state.to_bytes()) == state


@given(answers, st.data())
def test_damaged_bytes_are_refused_or_still_a_state(given_answers: list[Answer], data: st.DataObject) -> None:
    content = bytearray(follow(COLD, given_answers).to_bytes())
    place = data.draw(st.integers(0, len(content) - 1))
    content[place] = data.draw(st.integers(0, 255))
    state = find_state(bytes(content))

    assert state is None or 0 <= COLD.predict(state, "x", ("a", "b"), NOW) <= 1


def find_state(content: bytes) -> State | None:
    try:
        return State.from_bytes(content)
    except ValueError:
        return None


@given(answers)
def test_bytes_that_are_cut_off_are_refused(given_answers: list[Answer]) -> None:
    content = follow(COLD, given_answers).to_bytes()

    for length in range(len(content)):
        with pytest.raises(ValueError, match="not the state of a learner"):
            State.from_bytes(content[:length])


def test_a_state_is_small_and_does_not_grow_with_answers() -> None:
    met = [Answer(f"exercise-{item}", (f"concept-{skill}",), True, NOW) for skill in range(50) for item in range(12)]
    once, often = follow(COLD, met), follow(COLD, met * 5)

    assert len(once.to_bytes()) / 50 <= 100
    assert len(often.to_bytes()) == len(once.to_bytes())
