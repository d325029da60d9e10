"""Learning the model's tables and weights from a log of answers. Pure, and without numerical libraries.

The tables that a learner's answers are seen through while the weights are fitted come from other learners (five folds
by learner). Otherwise a learner's own answers are in the shares, and the weights trust the shares too much.
"""

import heapq
import math
import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from operator import add, mul, sub
from typing import NamedTuple

from learntrac.mastery.parameters import HAND_SET, HISTORIES, Count, ItemCounts, Parameters, Tables, Weights
from learntrac.mastery.tracing import LEAST_SHARE, NEXT_HISTORY, State, Tracer

FOLDS = 5
MAX_FITTED_ANSWERS = 100_000
"""Learners are taken into the fit of the weights until they have so many answers; the tables count every learner."""
MAX_SEQUENCES = 200_000
"""So many pairs of items are kept in the tables: the most frequent ones."""
PRIOR_PRECISION = 1.0
"""How firmly a weight is held at its hand-set value: a normal prior with variance 1. Small logs stay near it."""
SAMPLE = 10_000
SMALL_STEP = 1e-4
"""The step in a weight after which the fit ends: a hundredth of what chance leaves open in a log of this size."""
MAX_STEPS = 50
INTERCEPT_RATES = (0.0, 0.0025, 0.005, 0.01, 0.02)
"""How fast a learner's own intercept may follow the misses; the fit takes the rate that predicts best."""

Progress = Callable[[str, int, int], None]
"""Told what is being done, how much of it is done, and how much there is."""


class Answer(NamedTuple):
    """A graded answer: `skills` each once, `item` empty without a name, `answered_at` seconds since 1970 or 0."""

    item: str
    skills: tuple[str, ...]
    correct: bool
    answered_at: int


@dataclass(frozen=True)
class Learner:
    """One learner's answers, in the order they were given."""

    name: str
    answers: list[Answer]


def no_progress(stage: str, done: int, total: int) -> None:
    """Tell nobody."""


def fit(
    learners: Sequence[Learner],
    *,
    seed: int = 0,
    max_fitted_answers: int = MAX_FITTED_ANSWERS,
    progress: Progress = no_progress,
) -> Parameters:
    """The parameters for a log: the same for the same learners and seed, the shipped defaults for an empty log."""
    folds = make_folds(learners, seed)
    counted = []
    for number, fold in enumerate(folds):
        progress("counting", number, FOLDS)
        counted.append(count_answers(fold))
    tables = merge(counted)
    if not tables.total[1]:
        return Parameters()
    rows: list[tuple[float, ...]] = []
    outcomes: list[float] = []
    lengths: list[int] = []
    for number, fold in enumerate(folds):
        progress("tracing", number, FOLDS)
        others = Tracer(Parameters(intercept_rate=0.0, tables=without(tables, counted[number])))
        for learner in _first(fold, max_fitted_answers // FOLDS):
            rows += trace(others, learner)
            outcomes += [float(answer.correct) for answer in learner.answers]
            lengths.append(len(learner.answers))
    weights = fit_weights(rows, outcomes, progress)
    rate = fit_intercept_rate(weights, rows, outcomes, lengths)
    return Parameters(weights, intercept_rate=rate, tables=tables)


def fit_intercept_rate(
    weights: Weights, rows: Sequence[Sequence[float]], outcomes: Sequence[float], lengths: Iterable[int]
) -> float:
    """The rate of `INTERCEPT_RATES` with the lowest log loss, each answer predicted from the learner's earlier ones.

    The rows are those of learners after each other, `lengths` says how many each has. The terms are seen through other
    learners' tables, so this is the level at which a new learner differs from what the tables expect.
    """
    logits = _combine([[1.0] * len(rows), *map(list, zip(*rows, strict=True))], list(weights))
    ends = list(accumulate(lengths))
    learners = list(zip([0, *ends], ends, strict=False))
    return min(INTERCEPT_RATES, key=lambda rate: _log_loss(rate, logits, outcomes, learners))


def _log_loss(
    rate: float, logits: Sequence[float], outcomes: Sequence[float], learners: Iterable[tuple[int, int]]
) -> float:
    """The sum over all answers of −log of what was given to the outcome that came."""
    loss = 0.0
    for begin, end in learners:
        intercept = 0.0
        for logit, outcome in zip(logits[begin:end], outcomes[begin:end], strict=True):
            share = 0.5 + 0.5 * math.tanh((logit + intercept) / 2)
            loss -= math.log(max(LEAST_SHARE, share if outcome else 1 - share))
            intercept += rate * (outcome - share)
    return loss


def make_folds(learners: Sequence[Learner], seed: int) -> list[list[Learner]]:
    """The learners in five parts by chance."""
    shuffled = list(learners)
    random.Random(seed).shuffle(shuffled)  # noqa: S311 - no secret: the same seed has to give the same folds
    return [shuffled[number::FOLDS] for number in range(FOLDS)]


def _first(learners: Iterable[Learner], answers: int) -> Iterator[Learner]:
    """The first learners, until they have so many answers."""
    taken = 0
    for learner in learners:
        if taken >= answers:
            return
        taken += len(learner.answers)
        yield learner


def trace(tracer: Tracer, learner: Learner) -> Iterator[tuple[float, ...]]:
    """The terms of the model for each answer of a learner, each from the answers before it."""
    state = State()
    for item, skills, correct, answered_at in learner.answers:
        yield tracer.terms(state, item, skills)
        tracer.update(state, item, skills, correct, answered_at)


def count_answers(learners: Iterable[Learner]) -> Tables:
    """The tables of these learners."""
    tables = Tables()
    for learner in learners:
        _count_skills(tables, learner)
        _count_items(tables, learner)
    return tables


def _count_skills(tables: Tables, learner: Learner) -> None:
    histories: dict[str, int] = {}
    for _, skills, correct, _ in learner.answers:
        tables.total[0] += correct
        tables.total[1] += 1
        for skill in skills:
            history = histories.get(skill, 0)
            count = _skill_counts(tables, skill)[history]
            count[0] += correct
            count[1] += 1
            histories[skill] = NEXT_HISTORY[history][correct]


def _skill_counts(tables: Tables, skill: str) -> list[Count]:
    counts = tables.skills.get(skill)
    if counts is None:
        counts = tables.skills[skill] = [[0, 0] for _ in HISTORIES]
    return counts


def _count_items(tables: Tables, learner: Learner) -> None:
    last: dict[str, bool] = {}
    before: tuple[str, bool] | None = None
    for item, _, correct, _ in learner.answers:
        if not item:
            before = None
            continue
        counts = _item_counts(tables, item)
        tried = last.get(item)
        count = counts.tries[0 if tried is None else 1 + tried]
        count[0] += correct
        count[1] += 1
        if before is not None:
            count = _sequence_count(counts, before)
            count[0] += correct
            count[1] += 1
        last[item] = correct
        before = (item, correct)


def _item_counts(tables: Tables, item: str) -> ItemCounts:
    counts = tables.items.get(item)
    if counts is None:
        counts = tables.items[item] = ItemCounts()
    return counts


def _sequence_count(counts: ItemCounts, before: tuple[str, bool]) -> Count:
    count = counts.following.get(before)
    if count is None:
        count = counts.following[before] = [0, 0]
    return count


def merge(parts: Iterable[Tables], max_sequences: int = MAX_SEQUENCES) -> Tables:
    """The tables of all learners of several tables, with the most frequent item sequences."""
    merged = Tables()
    for part in parts:
        _add(merged.total, part.total)
        for skill, counts in part.skills.items():
            _add_all(_skill_counts(merged, skill), counts)
        for item, item_counts in part.items.items():
            into = _item_counts(merged, item)
            _add_all(into.tries, item_counts.tries)
            for before, count in item_counts.following.items():
                _add(_sequence_count(into, before), count)
    _keep_frequent(merged, max_sequences)
    return merged


def _add(count: Count, more: Count) -> None:
    count[0] += more[0]
    count[1] += more[1]


def _add_all(counts: Iterable[Count], more: Iterable[Count]) -> None:
    for count, other in zip(counts, more, strict=True):
        count[0] += other[0]
        count[1] += other[1]


def without(tables: Tables, part: Tables) -> Tables:
    """The tables of the other learners, where `part` is of some of those of `tables`. Parts that agree are shared."""
    skills = {name: _less_all(tables.skills[name], counts) for name, counts in part.skills.items()}
    items = {name: _item_without(tables.items[name], counts) for name, counts in part.items.items()}
    return Tables(_less(tables.total, part.total), tables.skills | skills, tables.items | items)


def _item_without(whole: ItemCounts, part: ItemCounts) -> ItemCounts:
    kept = whole.following
    following = {before: _less(kept[before], count) for before, count in part.following.items() if before in kept}
    return ItemCounts(_less_all(whole.tries, part.tries), kept | following)


def _less(whole: Count, part: Count) -> Count:
    return [whole[0] - part[0], whole[1] - part[1]]


def _less_all(whole: Iterable[Count], part: Iterable[Count]) -> list[Count]:
    return [_less(count, other) for count, other in zip(whole, part, strict=True)]


def _keep_frequent(tables: Tables, most: int) -> None:
    """Keep the `most` most frequent item sequences; among equals, the first by name."""
    if sum(len(counts.following) for counts in tables.items.values()) <= most:
        return
    entries = (
        (-count[1], item, before) for item, counts in tables.items.items() for before, count in counts.following.items()
    )
    kept = heapq.nsmallest(most, entries)
    old = {item: counts.following for item, counts in tables.items.items()}
    for counts in tables.items.values():
        counts.following = {}
    for _, item, before in kept:
        tables.items[item].following[before] = old[item][before]


def fit_weights(
    rows: Sequence[Sequence[float]], outcomes: Sequence[float], progress: Progress = no_progress
) -> Weights:
    """The weights that are most probable for these terms and outcomes (0 or 1): logistic regression by Newton's method.

    The problem is convex, and the prior keeps it bounded where the outcomes can be told apart without a mistake. A
    sample of a long log finds the neighbourhood; from there on all rows make the slope, the sample its curvature.
    """
    every = max(1, len(rows) // SAMPLE)
    sample = [[1.0] * len(rows[::every]), *map(list, zip(*rows[::every], strict=True))]
    weights = _descend(sample, outcomes[::every], list(HAND_SET), 1, progress)
    if every > 1:
        columns = [[1.0] * len(rows), *map(list, zip(*rows, strict=True))]
        weights = _descend(columns, outcomes, weights, every, progress)
    return Weights(*weights)


def _descend(
    columns: list[list[float]], outcomes: Sequence[float], weights: list[float], every: int, progress: Progress
) -> list[float]:
    """Newton steps, damped by log(1 + r) ÷ r for the largest change r of a logit (Sun and Tran-Dinh 2019): a full step
    could overshoot where the logistic curve is flat. The curvature is that of every so many-th row, scaled.
    """
    logits = _combine(columns, weights)
    for number in range(MAX_STEPS):
        progress("fitting", number, MAX_STEPS)
        step = _newton_step(columns, outcomes, weights, logits, every)
        changes = _combine(columns, step)
        largest = max(map(abs, changes))
        damping = math.log1p(largest) / largest if largest else 1.0
        weights = [weight + damping * part for weight, part in zip(weights, step, strict=True)]
        logits = list(map(add, logits, map(damping.__mul__, changes)))
        if max(map(abs, step)) < SMALL_STEP:
            break
    return weights


def _combine(columns: list[list[float]], factors: list[float]) -> list[float]:
    """The sum of the columns, each times its factor."""
    combined = [0.0] * len(columns[0])
    for factor, column in zip(factors, columns, strict=True):
        combined = list(map(add, combined, map(factor.__mul__, column)))
    return combined


def _newton_step(
    columns: list[list[float]], outcomes: Sequence[float], weights: list[float], logits: list[float], every: int
) -> list[float]:
    expected = [0.5 + 0.5 * math.tanh(logit / 2) for logit in logits]
    misses = list(map(sub, outcomes, expected))
    pulls = [PRIOR_PRECISION * (mean - weight) for mean, weight in zip(HAND_SET, weights, strict=True)]
    gradient = [sum(map(mul, column, misses)) + pull for column, pull in zip(columns, pulls, strict=True)]
    variances = [every * share * (1 - share) for share in expected[::every]]
    return solve(_curvature([column[::every] for column in columns], variances), gradient)


def _curvature(columns: list[list[float]], variances: list[float]) -> list[list[float]]:
    size = len(columns)
    matrix = [[PRIOR_PRECISION if row == column else 0.0 for column in range(size)] for row in range(size)]
    for row in range(size):
        weighed = list(map(mul, columns[row], variances))
        for column in range(row, size):
            matrix[row][column] += sum(map(mul, weighed, columns[column]))
            matrix[column][row] = matrix[row][column]
    return matrix


def solve(matrix: Sequence[Sequence[float]], right: Sequence[float]) -> list[float]:
    """The solution of a positive definite system of linear equations, by Gaussian elimination."""
    size = len(right)
    rows = [[*row, value] for row, value in zip(matrix, right, strict=True)]
    for place in range(size):
        for below in range(place + 1, size):
            factor = rows[below][place] / rows[place][place]
            rows[below] = [value - factor * pivot for value, pivot in zip(rows[below], rows[place], strict=True)]
    solution = [0.0] * size
    for place in reversed(range(size)):
        known = sum(rows[place][later] * solution[later] for later in range(place + 1, size))
        solution[place] = (rows[place][size] - known) / rows[place][place]
    return solution
