"""What the tutor may say, from the graph and what is known."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from learntrac.chat.gate import NOTHING, Decision, Known, decide

#  1 <- 2 <- 4, 1 <- 3 <- 4: four builds on two and three, both on one.
NEEDS = {4: [2, 3], 2: [1], 3: [1]}


def test_whoever_knows_all_gets_an_answer() -> None:
    assert decide([4], Known(NEEDS, mastered={1, 2, 3, 4}, met={1, 2, 3, 4})) == Decision("answer", (4,))


def test_whoever_does_not_is_guided_to_what_they_are_ready_for() -> None:
    nothing = decide([4], Known(NEEDS))
    first = decide([4], Known(NEEDS, mastered={1}, met={1}))
    nearly = decide([4], Known(NEEDS, mastered={1, 2, 3}, met={1, 2, 3}))

    assert (nothing.kind, nothing.aim, nothing.missing) == ("guide", 1, (4, 2, 3, 1))
    assert (first.kind, first.aim, first.missing) == ("guide", 2, (4, 2, 3))
    assert (nearly.kind, nearly.aim, nearly.missing) == ("guide", 4, (4,))


def test_what_was_completed_without_a_graded_answer_is_met_but_not_mastered() -> None:
    assert decide([4], Known(NEEDS, mastered={4}, met={1, 2, 3, 4})).kind == "answer"
    assert decide([4], Known(NEEDS, mastered=set(), met={1, 2, 3, 4})).aim == 4


def test_in_a_graded_exercise_nobody_gets_an_answer() -> None:
    everything = {1, 2, 3, 4}

    about_it = decide([4], Known(NEEDS, everything, everything, open_tasks={4}))
    below_it = decide([4], Known(NEEDS, everything, everything, open_tasks={1}))
    elsewhere = decide([2], Known(NEEDS, everything, everything, open_tasks={3}))

    assert (about_it.kind, about_it.aim, about_it.in_task) == ("guide", 4, True)
    assert (below_it.kind, below_it.in_task) == ("guide", True)
    assert elsewhere.kind == "answer"


def test_of_nothing_there_is_nothing() -> None:
    assert decide([], Known({})) == NOTHING


@pytest.mark.parametrize(
    "decision",
    [
        NOTHING,
        Decision("answer", (1,)),
        Decision("guide", (1,), 1, (1,)),
        Decision("guide", (4,), 1, (4, 1)),
        Decision("guide", (1,), 1, (), in_task=True),
    ],
)
def test_every_decision_says_why(decision: Decision) -> None:
    assert decision.reason.endswith(".")


graphs = st.dictionaries(st.integers(1, 12), st.lists(st.integers(1, 12), max_size=3), max_size=12)


@given(graphs, st.integers(1, 12), st.sets(st.integers(1, 12)), st.sets(st.integers(1, 12), max_size=2))
def test_an_answer_is_given_only_where_nothing_is_missing(
    needs: dict[int, list[int]], target: int, mastered: set[int], open_tasks: set[int]
) -> None:
    # Cycles included: the catalog leaves them out, but what comes of one must end.
    decision = decide([target], Known(needs, mastered, mastered, open_tasks))

    required, waiting = {target}, [target]
    while waiting:
        for below in needs.get(waiting.pop(), ()):
            if below not in required:
                required.add(below)
                waiting.append(below)
    assert set(decision.missing) == required - mastered
    assert (decision.kind == "answer") == (required <= mastered and not required & open_tasks)
    if decision.kind == "guide":
        assert decision.aim in required
