"""Learning from a log: what is counted, who counts for whom, and that the weights are the best ones."""

import math
import random
from collections.abc import Sequence
from operator import mul

import pytest
from hypothesis import given
from hypothesis import strategies as st

from learntrac.mastery.evaluation import judge, predict
from learntrac.mastery.fitting import (
    FOLDS,
    INTERCEPT_RATES,
    PRIOR_PRECISION,
    SAMPLE,
    SMALL_STEP,
    Answer,
    Learner,
    count_answers,
    fit,
    fit_intercept_rate,
    fit_weights,
    make_folds,
    merge,
    solve,
    trace,
    without,
)
from learntrac.mastery.parameters import HAND_SET, HISTORIES, Count, Parameters, Tables, Weights
from learntrac.mastery.tracing import Tracer
from tests.mastery_model.logs import logs, make_learners


def test_nothing_to_learn_from_leaves_the_shipped_defaults() -> None:
    assert fit([]) == fit([Learner("u", [])]) == Parameters()


def test_a_log_is_counted_by_history_and_by_last_try() -> None:
    given_answers = [Answer("x", ("s",), False, 0), Answer("x", ("s", "t"), True, 0), Answer("y", ("s",), True, 0)]

    tables = count_answers([Learner("u", given_answers)])

    assert tables.total == [2, 3]
    assert nonzero(tables, "s") == {"0": [0, 1], "1:w": [1, 1], "2:wr": [1, 1]}
    assert nonzero(tables, "t") == {"0": [1, 1]}
    assert tables.items["x"].tries == [[0, 1], [1, 1], [0, 0]]
    assert tables.items["x"].following == {("x", False): [1, 1]}
    assert tables.items["y"].following == {("x", True): [1, 1]}


def nonzero(tables: Tables, skill: str) -> dict[str, Count]:
    return {name: count for name, count in zip(HISTORIES, tables.skills[skill], strict=True) if count[1]}


def test_an_item_without_a_name_is_counted_for_its_skills_only() -> None:
    given_answers = [Answer("x", ("s",), True, 0), Answer("", ("s",), True, 0), Answer("y", ("s",), True, 0)]

    tables = count_answers([Learner("u", given_answers)])

    assert tables.total == [3, 3]
    assert tables.items.keys() == {"x", "y"}
    assert tables.items["y"].following == {}


def test_the_most_frequent_sequences_are_kept() -> None:
    pairs = [("a", "x"), ("b", "x"), ("b", "x"), ("c", "y"), ("c", "y"), ("c", "y")]
    learners = [
        Learner(str(number), [Answer(item, ("s",), True, 0) for item in pair]) for number, pair in enumerate(pairs)
    ]

    tables = merge([count_answers(learners)], max_sequences=2)

    assert tables.items["x"].following == {("b", True): [2, 2]}
    assert tables.items["y"].following == {("c", True): [3, 3]}
    assert tables.items["x"].tries[0] == [3, 3]


@given(logs, st.integers(0, 2**32))
def test_folds_part_the_learners_the_same_way_each_time(learners: list[Learner], seed: int) -> None:
    folds = make_folds(learners, seed)

    assert len(folds) == FOLDS
    assert sorted(learner.name for fold in folds for learner in fold) == sorted(learner.name for learner in learners)
    assert folds == make_folds(learners, seed)


@given(logs)
def test_tables_without_a_fold_are_those_of_the_others(learners: list[Learner]) -> None:
    some, others = learners[::2], learners[1::2]

    left = without(merge([count_answers(some), count_answers(others)]), count_answers(some))

    assert met(left) == met(count_answers(others))


def met(tables: Tables) -> dict[tuple[object, ...], Count]:
    """Every count of a table that is not nothing."""
    counts: dict[tuple[object, ...], Count] = {("total",): tables.total}
    for name, skill in tables.skills.items():
        counts |= {(name, place): count for place, count in enumerate(skill)}
    for name, item in tables.items.items():
        counts |= {(name, place, "try"): count for place, count in enumerate(item.tries)}
        counts |= {(name, *before): count for before, count in item.following.items()}
    return {place: count for place, count in counts.items() if count[1]}


def test_noise_is_not_learned_from_the_answers_that_are_predicted() -> None:
    """Each item has a handful of answers, thrown with a coin: its share says nothing of the next learner's answer.

    Tables with the learner's own answers in them make it look as if it did.
    """
    chance = random.Random(3)
    learners = [
        Learner(str(number), [Answer(str(chance.randrange(400)), ("s",), chance.random() < 0.5, 0) for _ in range(30)])
        for number in range(60)
    ]
    leaking = Tracer(Parameters(tables=count_answers(learners)))
    rows = [row for learner in learners for row in trace(leaking, learner)]
    outcomes = [float(answer.correct) for learner in learners for answer in learner.answers]

    leaked, learned = fit_weights(rows, outcomes), fit(learners).weights

    assert leaked.item_repeat + leaked.item_sequence > 1
    assert learned.item_repeat + learned.item_sequence < 0.4


def test_what_was_learned_predicts_other_learners_better_than_the_defaults() -> None:
    others = make_learners(40, seed=2)
    cold, warm = (judge(predict(known, others), others) for known in (Parameters(), fit(make_learners(120, seed=1))))

    assert cold.log_loss is not None
    assert warm.log_loss is not None
    assert warm.ece is not None
    assert warm.log_loss < cold.log_loss - 0.01
    assert warm.ece < 0.06


def test_the_same_log_and_seed_give_the_same_parameters() -> None:
    learners = make_learners(30, seed=1)

    assert fit(learners, seed=7) == fit(learners, seed=7)
    assert fit(learners, seed=7).weights != fit(learners, seed=8).weights
    assert fit(learners, seed=7).tables == fit(learners, seed=8).tables


def test_the_weights_of_a_long_log_come_from_a_part_of_it_and_the_tables_from_all() -> None:
    learners = make_learners(60, seed=1)

    all_of_it, part = fit(learners), fit(learners, max_fitted_answers=1200)

    assert part.tables == all_of_it.tables
    assert part.weights != all_of_it.weights
    assert part.weights == pytest.approx(all_of_it.weights, abs=1)


def test_progress_is_told() -> None:
    told: list[str] = []

    fit(make_learners(10, seed=1), progress=lambda stage, done, total: told.append(f"{stage} {done}/{total}"))

    assert told[0] == "counting 0/5"
    assert "tracing 4/5" in told
    assert told[-1].startswith("fitting")


rows_and_outcomes = st.lists(
    st.tuples(st.tuples(*[st.floats(-5, 5) for _ in HAND_SET[1:]]), st.sampled_from([0.0, 1.0])),
    min_size=1,
    max_size=40,
)


@given(rows_and_outcomes)
def test_no_weight_can_be_bettered(found: list[tuple[tuple[float, ...], float]]) -> None:
    """At the most probable weights the slope is nothing, up to the step at which the search ends."""
    rows, outcomes = [row for row, _ in found], [outcome for _, outcome in found]

    weights = fit_weights(rows, outcomes)

    assert max(map(abs, slopes(weights, rows, outcomes))) < SMALL_STEP * 10


def test_a_sample_only_leads_to_the_weights_of_a_long_log() -> None:
    chance = random.Random(5)
    rows = [tuple(chance.gauss(0, 1) for _ in HAND_SET[1:]) for _ in range(2 * SAMPLE + 1)]
    outcomes = [float(chance.random() < 1 / (1 + math.exp(-sum(row) / 4))) for row in rows]

    weights = fit_weights(rows, outcomes)

    assert weights[1:] == pytest.approx([1 / 4] * 8, abs=0.1)
    assert max(map(abs, slopes(weights, rows, outcomes))) / len(rows) < SMALL_STEP / 10


def slopes(weights: Weights, rows: Sequence[tuple[float, ...]], outcomes: Sequence[float]) -> list[float]:
    """How the log of the probability rises with each weight."""
    found = [PRIOR_PRECISION * (mean - weight) for weight, mean in zip(weights, HAND_SET, strict=True)]
    for row, outcome in zip(rows, outcomes, strict=True):
        terms = (1.0, *row)
        logit = sum(map(mul, weights, terms))
        miss = outcome - 0.5 - 0.5 * math.tanh(logit / 2)
        found = [slope + term * miss for slope, term in zip(found, terms, strict=True)]
    return found


@given(st.lists(st.lists(st.floats(-3, 3), min_size=4, max_size=4), min_size=4, max_size=4))
def test_a_system_is_solved(factors: list[list[float]]) -> None:
    matrix = [
        [
            sum(a * b for a, b in zip(row, column, strict=True)) + (place == other)
            for other, column in enumerate(factors)
        ]
        for place, row in enumerate(factors)
    ]

    solution = solve(matrix, [1.0, -2.0, 3.0, 0.0])

    product = [sum(a * b for a, b in zip(row, solution, strict=True)) for row in matrix]
    assert product == pytest.approx([1, -2, 3, 0], abs=1e-8)


def test_the_own_intercept_follows_fast_where_learners_differ_and_not_at_all_where_they_do_not() -> None:
    nothing = Weights(*[0.0] * 9)
    rows = [(0.0,) * 8] * 400

    differing = fit_intercept_rate(nothing, rows, [1.0] * 200 + [0.0] * 200, [200, 200])
    alike = fit_intercept_rate(nothing, rows, [1.0, 0.0, 0.0, 1.0] * 100, [200, 200])

    assert (differing, alike) == (max(INTERCEPT_RATES), 0.0)
