"""The parameter file: readable, exact, and refused by name where it is damaged."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from learntrac.mastery.fitting import Learner, fit
from learntrac.mastery.parameters import HAND_SET, Parameters, dumps, loads
from learntrac.mastery.tracing import State, Tracer
from tests.mastery_model.logs import logs, make_learners

FITTED = dumps(fit(make_learners(10, seed=1)))


@given(logs)
def test_parameters_survive_their_file(learners: list[Learner]) -> None:
    learned = fit(learners)

    assert loads(dumps(learned)) == learned


def test_the_shipped_defaults_are_the_hand_set_weights_and_no_counts() -> None:
    shipped = json.loads(dumps(Parameters()))

    assert shipped["weights"] == HAND_SET._asdict()
    assert (shipped["skills"], shipped["items"], shipped["answers"]) == ({}, {}, [0, 0])


def test_a_skill_is_a_line_that_can_be_read() -> None:
    line = next(line for line in FITTED.splitlines() if line.startswith('  "s2"'))

    assert line.startswith('  "s2": {"0":[')
    assert '"6:rr":[' in line


def test_no_learner_is_in_the_file() -> None:
    assert not [learner.name for learner in make_learners(10, seed=1) if learner.name in FITTED]


def damaged(change: Callable[[dict[str, Any]], object]) -> str:
    content = json.loads(FITTED)
    change(content)
    return json.dumps(content)


DAMAGES: list[tuple[Callable[[dict[str, Any]], object], str]] = [
    (lambda c: c.pop("weights"), "the file: weights is missing"),
    (lambda c: c.update(extra=1), "the file: extra is unknown"),
    (lambda c: c.update(format="learntrac learner model 0"), "format: expected 'learntrac learner model 1'"),
    (lambda c: c["weights"].pop("skill_form"), "weights: skill_form is missing"),
    (
        lambda c: c["weights"].update(skill_form="2"),
        'weights/skill_form: expected a number from -1000 to 1000, got "2"',
    ),
    (lambda c: c["weights"].update(skill_form=1e300), "weights/skill_form: expected a number"),
    (lambda c: c["weights"].update(skill_form=True), "weights/skill_form: expected a number"),
    (lambda c: c.update(intercept_rate=2), "intercept_rate: expected a number from 0 to 1, got 2"),
    (
        lambda c: c.update(answers=[2, 1]),
        r"answers: expected \[right, answers\] with 0 <= right <= answers, got \[2,1\]",
    ),
    (lambda c: c.update(answers=[True, 1]), "answers: expected"),
    (lambda c: c.update(skills=[]), "skills: expected an object"),
    (lambda c: c["skills"]["s1"].update({"1:x": [0, 1]}), "skills/s1: 1:x is not a history"),
    (lambda c: c["skills"]["s1"].update({"1:w": [0.5, 1]}), "skills/s1/1:w: expected"),
    (lambda c: c["items"]["i1-1"].update(failed=None), "items/i1-1/failed: expected"),
    (lambda c: c["items"]["i1-1"].update(after_right={"i": [1]}), "items/i1-1/after_right/i: expected"),
    (lambda c: c["items"]["i1-1"].update(solved=[1, 1]), "items/i1-1: solved is unknown"),
]


@pytest.mark.parametrize(("change", "fault"), DAMAGES)
def test_damage_is_named(change: Callable[[dict[str, Any]], object], fault: str) -> None:
    with pytest.raises(ValueError, match=fault):
        loads(damaged(change))


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "not JSON"),
        (FITTED[:-20], "not JSON"),
        ("[]", "the file: expected an object"),
        ("[" * 100_000, "not JSON"),
        ('{"format": NaN}', "NaN is not a number"),
        ('{"format": 1, "format": 1}', "'format' is there twice"),
    ],
)
def test_what_is_not_a_parameter_file_is_refused(text: str, fault: str) -> None:
    with pytest.raises(ValueError, match=fault):
        loads(text)


@given(st.integers(0, len(FITTED) - 1), st.characters(codec="ascii"))
def test_one_changed_character_is_refused_or_still_a_model(place: int, character: str) -> None:
    known = find_parameters(FITTED[:place] + character + FITTED[place + 1 :])

    assert known is None or 0 <= Tracer(known).predict(State(), "i1-1", ("s1",), 0) <= 1


def find_parameters(text: str) -> Parameters | None:
    try:
        return loads(text)
    except ValueError:
        return None
