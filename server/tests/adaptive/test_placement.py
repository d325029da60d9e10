"""The placement test's model: what an answer moves, what is asked, when it ends."""

import random

from learntrac.adaptive.placement import (
    SHARE_ASKED,
    believe,
    frontier,
    make_course,
    most_questions,
    next_step,
    path_from,
)

LAYERS, WIDTH = 8, 5


def chain(length: int) -> list[tuple[int, int]]:
    return [(number, number + 1) for number in range(1, length)]


LINE = make_course([(number, 3.0) for number in range(1, 13)], chain(12))


def layered() -> list[tuple[int, int]]:
    dice = random.Random(3)
    return [
        (other, number)
        for number in range(WIDTH, LAYERS * WIDTH)
        for other in dice.sample(range((number // WIDTH - 1) * WIDTH, number // WIDTH * WIDTH), k=2)
    ]


LATTICE = make_course([(number, 1 + number / 10) for number in range(LAYERS * WIDTH)], layered())


def test_knowing_a_concept_is_knowing_what_it_needs() -> None:
    before, after = believe(LINE, []), believe(LINE, [(6, True)])

    assert all(after[number] > before[number] for number in range(1, 7))
    assert after[1] > 0.9


def test_not_knowing_a_concept_is_not_knowing_what_builds_on_it() -> None:
    before, after = believe(LINE, []), believe(LINE, [(6, False)])

    assert all(after[number] < before[number] for number in range(6, 13))
    assert after[12] < 0.1


def test_it_asks_in_the_middle_first() -> None:
    assert next_step(believe(LINE, []), []).question in range(5, 9)


def test_it_never_asks_twice_and_no_more_than_a_quarter() -> None:
    answers: list[tuple[int, bool]] = []
    while (step := next_step(believe(LATTICE, answers), answers)).question is not None:
        assert step.remaining <= most_questions(LATTICE) - len(answers)
        answers.append((step.question, len(answers) % 2 == 0))

    asked = [concept for concept, _ in answers]
    assert len(set(asked)) == len(asked)
    assert 0 < len(asked) <= SHARE_ASKED * len(LATTICE)


def test_learners_who_answer_truly_are_placed_right() -> None:
    for last in range(0, LAYERS + 1, 2):
        answers: list[tuple[int, bool]] = []
        known = set(range(last * WIDTH))
        while (step := next_step(believe(LATTICE, answers), answers)).question is not None:
            answers.append((step.question, step.question in known))
        found = believe(LATTICE, answers).everything()

        right = sum((found[concept] >= 0.5) == (concept in known) for concept in found)
        assert right >= 0.9 * len(LATTICE), last


def test_where_to_begin_is_where_knowledge_ends() -> None:
    beliefs = believe(LINE, [(4, True), (5, False)])

    assert frontier(beliefs) == [5]
    assert path_from(beliefs, [5], most=3) == [5, 6, 7]


def test_the_path_respects_the_graph() -> None:
    beliefs = believe(LATTICE, [(37, False), (0, False), (1, False), (2, False), (3, False), (4, False)])
    path = path_from(beliefs, frontier(beliefs))

    done = {concept for concept in LATTICE.place if beliefs[concept] >= 0.5}
    for concept in path:
        assert set(LATTICE.needs[concept]) <= done
        done.add(concept)


def test_a_course_of_nothing_asks_nothing() -> None:
    assert next_step(believe(make_course([], []), []), []).question is None


def test_what_has_left_the_course_is_passed_over() -> None:
    known = believe(LINE, [(99, True), (6, True)])

    assert known.everything() == believe(LINE, [(6, True)]).everything()


def test_without_a_graph_difficulty_gives_the_order() -> None:
    flat = make_course([(1, 1.0), (2, 3.0), (3, 5.0)], [])
    beliefs = believe(flat, [(2, True)])

    assert beliefs[1] > beliefs[3]


def test_a_cycle_does_not_hang_it() -> None:
    odd = make_course([(1, 1.0), (2, 2.0), (3, 3.0)], [(1, 2), (2, 1), (2, 3)])

    assert believe(odd, [(3, True)])[1] > 0.5
