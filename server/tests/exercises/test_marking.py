"""Quizzes and designs are marked by plain rules, whatever is sent as an answer."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from learntrac.exercises import marking, rubric
from learntrac.exercises.definition import Check, DesignDefinition, NumericQuestion, QuizDefinition, check_definition
from learntrac.exercises.rubric import Judged
from learntrac.exercises.running import Task, right_answers
from learntrac.exercises.variants import drawn, order
from learntrac.exercises.weighing import weight
from tests.exercises.samples import DESIGN, QUIZ

ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
)


def quiz() -> tuple[QuizDefinition, Task]:
    definition = check_definition(QUIZ)
    assert isinstance(definition, QuizDefinition)
    return definition, Task(definition, "alice", "verbs", 1)


def design() -> DesignDefinition:
    definition = check_definition(DESIGN)
    assert isinstance(definition, DesignDefinition)
    return definition


def shares(answers: dict[str, Any]) -> list[float]:
    definition, task = quiz()
    return [item.share for item in marking.mark(definition.questions, answers, task.orders)]


def test_all_right_answers_are_right() -> None:
    definition, task = quiz()

    assert shares(right_answers(definition, task)) == [1.0] * 5


@given(st.dictionaries(st.sampled_from([f"q{n}" for n in range(1, 7)]), ANYTHING))
def test_whatever_is_sent_is_marked(answers: dict[str, Any]) -> None:
    marked = shares(answers)

    assert len(marked) == 5
    assert all(0 <= share <= 1 for share in marked)


def test_a_wrong_choice_takes_back_what_a_right_one_gave() -> None:
    definition, task = quiz()
    right = right_answers(definition, task)["q2"]
    wrong = next(letter for letter in "abc" if letter not in right)

    assert shares({"q2": right[:1]})[1] == 0.5
    assert shares({"q2": [right[0], wrong]})[1] == 0
    assert shares({"q2": [*right, wrong]})[1] == 0.5
    assert shares({"q2": [*right, *right]})[1] == 1


@pytest.mark.parametrize(
    ("answer", "share"), [(404, 1), ("404", 1), (" 404,0 ", 1), (404.5, 0), (True, 0), ("4_04", 0)]
)
def test_a_number_may_be_written_in_several_ways(answer: Any, share: int) -> None:
    assert shares({"q3": answer})[2] == share


@pytest.mark.parametrize(
    ("right", "tolerance", "answer", "share"),
    [(0.3, 0.1, 0.4, 1), (0.3, 0.1, "0,2", 1), (0.3, 0.1, 0.4000001, 0), (0.3, 0.0, 0.1 + 0.2, 1),
     (2**40, 0.0, 2**40 + 1, 0), (1e15, 0.0, 1e15 + 1, 0), (1500, 0.5, 1500.5, 1)],
)  # fmt: skip
def test_a_number_is_right_up_to_the_tolerance_and_not_beyond(
    right: float, tolerance: float, answer: Any, share: int
) -> None:
    asked = NumericQuestion(kind="numeric", prompt="?", answer=right, tolerance=tolerance)

    assert marking.mark_question(asked, answer, quiz()[1].orders, 1).share == share


@pytest.mark.parametrize(
    ("answer", "share"),
    [("CONTENT-type", 1), ("  Content-Type\n", 1), ("Cöntent-Type", 1), ("Content Type", 0), ("", 0)],
)
def test_short_texts_are_normalised(answer: str, share: int) -> None:
    assert shares({"q4": answer})[3] == share


def test_an_order_is_worth_more_than_chance() -> None:
    definition, task = quiz()
    one, two, three = right_answers(definition, task)["q5"]

    assert shares({"q5": [one, two, three]})[4] == 1
    assert shares({"q5": [two, one, three]})[4] == pytest.approx(1 / 3)
    assert shares({"q5": [three, two, one]})[4] == 0
    assert shares({"q5": [one, two]})[4] == 0
    assert shares({"q5": [one, one, one]})[4] == 0


def test_answers_are_held_against_a_later_version_by_what_they_said() -> None:
    definition, task = quiz()
    single, multiple, number, short, ordering = QUIZ["questions"]
    reworded = [choice | {"text": "It is POST"} if choice["text"] == "POST" else choice for choice in single["choices"]]
    later = check_definition(
        QUIZ
        | {
            "questions": [
                single | {"choices": [reworded[2], reworded[1], {"text": "PATCH"}, reworded[0]]},
                multiple | {"choices": multiple["choices"][::-1], "shuffle": False},
                number,
                short,
                ordering | {"items": ["handler", "request", "response"]},
            ]
        }
    )
    assert isinstance(later, QuizDefinition)
    right = right_answers(definition, task)
    post = next(
        letter for letter in "abc" if marking.mark(definition.questions, {"q1": letter}, task.orders)[0].got == "POST"
    )

    carried = marking.carried_over(right, definition.questions, later.questions, task.orders)
    other = marking.carried_over({"q1": post, "q2": 5}, definition.questions, later.questions, task.orders)

    got = [item.got for item in marking.mark(later.questions, carried, task.orders)]
    assert got == ["GET", "DELETE; PUT", "404", "Content-Type", "request → handler → response"]
    assert marking.mark(later.questions, other, task.orders)[0].got == "It is POST"
    assert other["q2"] == 5


@given(st.integers(1, 20), st.text(max_size=10), st.integers(0, 5))
def test_orders_are_drawn_once_for_each_learner(count: int, user_id: str, place: int) -> None:
    one = order(count, user_id=user_id, exercise_id="x", place=place)

    assert sorted(one) == list(range(count))
    assert one == order(count, user_id=user_id, exercise_id="x", place=place)


def test_variants_are_drawn_alike_and_all_of_them() -> None:
    rows = [{"n": number} for number in range(4)]

    found = [drawn(rows, user_id=f"user{n}", exercise_id="x")["n"] for n in range(200)]

    assert {found.count(number) > 20 for number in range(4)} == {True}
    assert drawn([], user_id="a", exercise_id="x") == {}


def test_a_design_is_marked_by_what_is_there() -> None:
    definition = design()
    half = "## Endpoints\n\nLoans are made somehow."

    solution = rubric.mark(definition.rubric, definition.solution, starter=definition.starter, judged={})
    partly = rubric.mark(definition.rubric, half, starter=definition.starter, judged={})

    assert [(item.share, item.weight) for item in solution] == [(1, 2), (1, 1), (0, 0)]
    assert [item.share for item in partly] == [0.5, 0, 0]
    assert partly[1].message == "Say what a client gets when the tool is lent already."
    assert "for a person or a model" in partly[2].message


@pytest.mark.parametrize(("said", "share"), [(0.0, 0.75), (0.9, 0.9), (1.0, 1.0)])
def test_a_judgement_moves_a_checked_point_by_a_quarter_at_most(said: float, share: float) -> None:
    definition = design()
    judged = {"Errors": Judged(said), "Clarity": Judged(said, "So it is.")}

    marked = rubric.mark(definition.rubric, definition.solution, starter="", judged=judged)

    assert marked[1].share == share
    assert (marked[2].share, marked[2].weight, marked[2].message) == (said, 1, "So it is.")


@pytest.mark.parametrize(
    ("check", "text", "holds"),
    [
        ({"any_of": ["409"]}, "answered with 409.", True),
        ({"any_of": ["409"]}, "4090 or x409", False),
        ({"any_of": ["rate limit"]}, "A Rate\n  LIMIT helps", True),
        ({"any_of": ["a", "b", "c"], "at_least": 2}, "a and c", True),
        ({"any_of": ["a", "b", "c"], "at_least": 2}, "a and a", False),
        ({"all_of": ["GET", "/loans"]}, "get /loans/{id}", True),
        ({"heading": "errors"}, "## What errors there are\n", True),
        ({"heading": "errors"}, "no errors\n", False),
        ({"heading": "errors"}, "= Errors =\n", True),
        ({"min_words": 3}, "one two three", True),
        ({"min_words": 4}, "one two three", False),
        ({"code_block": True}, "```\nx\n```\n", True),
        ({"code_block": True}, "```\nx\n", False),
    ],
)
def test_checks(check: dict[str, Any], text: str, holds: bool) -> None:
    assert rubric.holds(Check(**check), text) is holds


def test_lines_of_the_starter_prove_nothing() -> None:
    definition = design()

    assert rubric.without_starter("# Loans API\n\nWrite here.\nMine\n", definition.starter).split() == ["Mine"]


def test_help_and_repetition_lower_what_an_attempt_says() -> None:
    plain: dict[str, Any] = {
        "passed": True,
        "hints": 0,
        "failures_before": 3,
        "passed_before": False,
        "solution_seen": False,
        "by_checks_alone": False,
    }

    assert weight(**plain) == 1
    assert [weight(**plain | {"hints": n}) for n in range(6)] == [1, 0.85, 0.7, 0.5, 0.25, 0.25]
    assert weight(**plain | {"passed": False}) == 0.25
    assert weight(**plain | {"passed_before": True}) == 0.3
    assert weight(**plain | {"by_checks_alone": True}) == 0.5
    assert weight(**plain | {"solution_seen": True}) == 0
