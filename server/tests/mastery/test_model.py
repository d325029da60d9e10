"""What follows from answers: examples, and what holds for any learner."""

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from learntrac.mastery.fitting import fit
from learntrac.mastery.memory import MICROS_PER_DAY
from learntrac.mastery.model import (
    HELD,
    NOTHING_KNOWN,
    PASSED,
    Effect,
    Graded,
    Known,
    Replayed,
    Status,
    follow,
    level,
    replay,
    status_of,
    stays_mastered,
)
from learntrac.mastery.parameters import HAND_SET, Parameters
from learntrac.mastery.tracing import PASSED_ON, PRIOR, State, Tracer
from tests.mastery_model.logs import make_learners

COLD = Tracer(Parameters())
FITTED = Tracer(fit(make_learners(40, seed=1)))
NOON = 1_700_000_000_000_000
BELOW = {1: (), 2: (1,), 3: (1, 2), 4: ()}
"""Four concepts and what each builds on."""


def graded(concept: int, outcome: float, weight: float = 1, *, days: float = 0, threshold: float = 0.8) -> Graded:
    at = NOON + int(days * MICROS_PER_DAY)
    return Graded(concept, f"i{concept}-1", outcome, weight, threshold, at, BELOW.get(concept, ()))


def after(*answers: Graded, tracer: Tracer = COLD) -> Replayed:
    return replay(tracer, answers)


shares = st.floats(0, 1, allow_nan=False)
outcomes = st.one_of(st.sampled_from([0.0, 0.5, 1.0]), shares)
logs = st.lists(
    st.builds(
        graded,
        st.integers(1, 4),
        outcomes,
        st.one_of(st.just(1.0), st.floats(0.01, 1)),
        days=st.floats(0, 400),
        threshold=st.sampled_from([0.3, 0.8, 0.95]),
    ),
    max_size=40,
)
tracers = pytest.mark.parametrize("tracer", [COLD, FITTED], ids=["cold", "fitted"])


def test_without_an_answer_nothing_is_invented() -> None:
    assert after().known == {}
    assert NOTHING_KNOWN.score == 0


def test_two_right_answers_make_a_master_of_a_usual_concept() -> None:
    first, second = after(graded(1, 1), graded(1, 1)).effects

    assert first.before == pytest.approx(0.6269, abs=1e-4), "no score yet, but an expectation"
    assert second.before == first.after
    assert first.after == pytest.approx(0.7814, abs=1e-4)
    assert second.after == pytest.approx(0.8150, abs=1e-4)


def test_an_answer_that_was_partly_right_costs_less_than_a_blank_one() -> None:
    scores = [after(graded(1, 1), graded(1, outcome)).known[1].score for outcome in (0, 0.25, 0.5, 0.79, 0.8)]

    assert scores == sorted(scores)
    assert graded(1, 0.25).strength == 0.75
    assert graded(1, 0.9).strength == 1


def test_an_answer_of_little_weight_moves_the_score_less() -> None:
    known = after(graded(1, 0)).known[1]
    lighter, heavier = (after(graded(1, 0), graded(1, 1, weight)).known[1].score for weight in (0.2, 1))

    assert known.score < lighter < heavier


def test_below_half_a_strength_no_history_is_written() -> None:
    weak, strong = (after(graded(1, 1, weight)).state for weight in (0.49, 0.5))

    assert (weak.skills["1"].history, weak.items, weak.last) == (0, {}, None)
    assert strong.skills["1"].history != 0
    assert strong.last == ("i1-1", True)


def test_a_prerequisite_gets_a_tenth_of_the_residual() -> None:
    made = after(graded(1, 1), graded(2, 0))
    residual = -PRIOR

    assert made.state.skills["1"].residual == pytest.approx((1 - PRIOR) + PASSED_ON * residual)
    moved = HAND_SET.skill_form * PASSED_ON * residual / (1 + 2)
    assert made.known[1].terms[PASSED] == pytest.approx(moved)
    assert made.known[1].score == pytest.approx(logistic(logit(0.7814) + moved), abs=1e-4)
    assert made.known[1].answers == 1


def test_a_concept_without_answers_gets_nothing_from_those_above() -> None:
    made = after(graded(2, 0))

    assert set(made.known) == {2}
    assert set(made.state.skills) == {"2"}


def test_what_is_passed_on_is_no_more_than_own_answers_could_have_made() -> None:
    made = after(graded(1, 1), *[graded(2, 0)] * 200)

    assert made.state.skills["1"].residual == -1
    before, later = made.effects[0].after, made.known[1].score
    assert logit(later) - logit(before) == pytest.approx(HAND_SET.skill_form * (-1 - (1 - PRIOR)) / 3)
    assert State.from_bytes(made.state.to_bytes()) == made.state


def test_a_score_fades_and_a_master_falls_due_when_it_reaches_the_threshold() -> None:
    known = after(*[graded(1, 1)] * 4).known[1]
    assert known.memory is not None
    assert known.due_at is not None

    assert known.faded(NOON) == known.score > 0.8
    assert known.faded(known.due_at) == pytest.approx(0.8)
    assert known.faded(NOON + int(known.memory.stability * MICROS_PER_DAY)) == pytest.approx(0.9 * known.score)


def test_a_strong_learner_who_fails_at_something_new_has_not_mastered_it() -> None:
    strong = [graded(concept, 1) for concept in (1, 1, 1, 4, 4, 4)] * 4
    expected = after(*strong, graded(2, 1)).effects[-1].before
    assert expected > 0.8, "so much is expected that the model alone would call a failure mastery"

    failed = after(*strong, graded(2, 0))

    assert failed.effects[-1].after < failed.effects[-1].before
    assert failed.known[2].score < 0.8
    assert failed.known[2].mastered_at is None


@tracers
@given(log=logs)
def test_a_wrong_answer_masters_nothing(tracer: Tracer, log: list[Graded]) -> None:
    mastered: set[int] = set()
    made = Replayed()
    for one in log:
        effect = follow(tracer, made.state, made.known, one)
        made.known.update(effect.changed)
        now = {number for number, known in made.known.items() if known.mastered_at is not None}
        assert one.right or not now - mastered
        mastered = now


def test_what_is_not_mastered_is_not_due() -> None:
    assert after(graded(1, 1), graded(1, 0)).known[1].due_at is None


def test_a_wrong_answer_after_a_long_time_leaves_no_more_than_had_faded() -> None:
    known = after(*[graded(1, 1)] * 8).known[1]
    late = NOON + 400 * MICROS_PER_DAY
    effect = after(*[graded(1, 1)] * 8, graded(1, 0, days=400)).effects[-1]

    assert effect.after <= known.faded(late) < effect.before
    assert effect.changed[1].terms[HELD] < 0


def test_mastered_stays_until_an_answer_fails_below_the_threshold() -> None:
    mastered = [graded(1, 1)] * 2
    asking_more = graded(1, 0.95, threshold=0.95)

    assert after(*mastered, asking_more).known[1].mastered_at == NOON
    assert after(*mastered, asking_more).known[1].due_at == NOON
    assert after(*mastered, graded(1, 0)).known[1].mastered_at is None


def test_other_parameters_take_no_mastery_away() -> None:
    lower = after(graded(1, 1), graded(1, 0)).known[1]

    kept = stays_mastered(lower, NOON)

    assert (kept.mastered_at, kept.due_at) == (NOON, NOON)


@tracers
@given(log=logs)
def test_a_right_answer_lowers_no_score_and_a_wrong_one_raises_none(tracer: Tracer, log: list[Graded]) -> None:
    known: dict[int, Known] = {}
    state = State()
    for answer in log:
        had = known.get(answer.concept_id)
        effect = follow(tracer, state, known, answer)
        if had is not None:
            shown = had.faded(answer.at)
            assert effect.after >= had.score if answer.right else effect.after <= shown
        known.update(effect.changed)


@tracers
@given(log=logs)
def test_the_terms_add_up_to_the_score(tracer: Tracer, log: list[Graded]) -> None:
    for known in replay(tracer, log).known.values():
        assert logistic(math.fsum(known.terms)) == pytest.approx(known.score, abs=1e-8)
        assert 0 < known.score < 1


@tracers
@given(log=logs, cut=st.integers(0, 40))
def test_a_log_replayed_is_what_came_of_it_online(tracer: Tracer, log: list[Graded], cut: int) -> None:
    """Online the state goes through its bytes between any two answers; a replay is of the whole log at once."""
    state, known = State(), dict[int, Known]()
    effects: list[Effect] = []
    for answer in log:
        state = State.from_bytes(state.to_bytes())
        touched = {number: known[number] for number in (answer.concept_id, *answer.prerequisites) if number in known}
        effects.append(follow(tracer, state, touched, answer))
        known.update(effects[-1].changed)

    made = replay(tracer, log)

    assert (made.state, made.known, made.effects) == (state, known, effects)
    assert replay(tracer, log[:cut]).effects == effects[:cut]


@given(logs)
def test_nobody_becomes_a_master_below_the_threshold(log: list[Graded]) -> None:
    known: dict[int, Known] = {}
    state = State()
    for answer in log:
        was = known.get(answer.concept_id, NOTHING_KNOWN).mastered_at is not None
        known.update(follow(COLD, state, known, answer).changed)
        now = known[answer.concept_id]
        assert (now.mastered_at is not None) == (now.score >= answer.threshold or (was and answer.right))


SOME = Known(score=0.5, answers=1)


@pytest.mark.parametrize(
    ("known", "tried", "active", "status"),
    [
        (NOTHING_KNOWN, False, False, "new"),
        (NOTHING_KNOWN, False, True, "learning"),
        (NOTHING_KNOWN, True, False, "practicing"),
        (SOME, True, True, "practicing"),
        (replace(SOME, mastered_at=NOON), True, True, "mastered"),
    ],
)
def test_the_status_that_follows(known: Known, tried: bool, active: bool, status: Status) -> None:
    assert status_of(known, tried=tried, active=active) == status


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


def logit(share: float) -> float:
    return math.log(share / (1 - share))


def logistic(logits: float) -> float:
    return 0.5 + 0.5 * math.tanh(logits / 2)
