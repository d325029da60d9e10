"""The way to a concept, on graphs that can be read at a glance."""

from itertools import pairwise, permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from learntrac.knowledge.paths import Aim, Needs, Step, ways


def steps(*known: int, **named: tuple[int, float]) -> dict[int, Step]:
    """c3=(60, 2.5) is concept 3 of sixty minutes and difficulty 2.5; `known` are those that the learner has met."""
    return {
        int(name[1:]): Step(minutes, difficulty, int(name[1:]) in known)
        for name, (minutes, difficulty) in named.items()
    }


FOUR = {"c1": (30, 1.0), "c2": (60, 2.0), "c3": (90, 3.0), "c4": (60, 4.0)}
CHAIN = Needs([(1, 2), (2, 3), (3, 4)], [])


def test_everything_that_is_not_known_comes_before_the_target() -> None:
    [way] = ways(4, steps(1, **FOUR), CHAIN, aim="time")

    assert (way.order, way.minutes, way.rise) == ((2, 3, 4), 210, 2.0)


def test_below_what_is_known_nothing_is_needed() -> None:
    [way] = ways(4, steps(3, **FOUR), CHAIN, aim="time")

    assert way.order == (4,)


def test_a_target_that_is_known_needs_nothing() -> None:
    [way] = ways(4, steps(4, **FOUR), CHAIN, aim="prerequisites")

    assert (way.order, way.minutes) == ((), 0)


def test_a_hidden_prerequisite_is_passed_over() -> None:
    seen = {name: step for name, step in steps(**FOUR).items() if name != 3}
    [way] = ways(4, seen, CHAIN, aim="time")

    assert way.order == (4,)


# 4 needs 2, for which 3 will do too: 3 takes longer, but 2 needs 1 as well.
EITHER = Needs([(2, 4), (1, 2)], [(3, 2)])


@pytest.mark.parametrize(
    ("aim", "first", "second"),
    [
        ("prerequisites", (3, 4), (1, 2, 4)),
        ("time", (3, 4), (1, 2, 4)),
        ("difficulty", (3, 4), (1, 2, 4)),
    ],
)
def test_of_two_that_will_do_the_aim_decides(aim: Aim, first: tuple[int, ...], second: tuple[int, ...]) -> None:
    best, other = ways(4, steps(**FOUR | {"c2": (70, 2.0)}), EITHER, aim=aim)

    assert (best.order, other.order) == (first, second)


def test_least_time_may_take_more_concepts() -> None:
    best, other = ways(4, steps(**FOUR | {"c3": (500, 3.0)}), EITHER, aim="time")

    assert (best.order, best.minutes) == ((1, 2, 4), 150)
    assert (other.order, other.minutes) == ((3, 4), 560)


def test_what_stands_for_a_prerequisite_and_is_known_is_enough() -> None:
    [way] = ways(4, steps(3, **FOUR), EITHER, aim="time")

    assert way.order == (4,)


def test_an_alternative_that_needs_the_target_is_none() -> None:
    circle = Needs([(2, 4), (4, 3)], [(2, 3)])

    assert [way.order for way in ways(4, steps(**FOUR), circle, aim="time")] == [(2, 4)]


def test_an_alternative_that_needs_what_it_stands_for_replaces_nothing() -> None:
    behind = Needs([(2, 4), (2, 3)], [(2, 3)])

    assert (2, 3, 4) not in [way.order for way in ways(4, steps(**FOUR), behind, aim="time")]


def test_alternatives_differ_in_at_least_one_concept() -> None:
    both = Needs([(1, 4), (2, 4)], [(1, 3), (2, 3)])
    found = ways(4, steps(**FOUR), both, aim="time")

    assert len({frozenset(way.order) for way in found}) == len(found)


@given(st.lists(st.sampled_from([1.0, 1.5, 2.0, 3.0, 4.5, 5.0]), min_size=2, max_size=6), st.data())
def test_up_to_eight_concepts_no_order_is_smoother(levels: list[float], data: st.DataObject) -> None:
    count = len(levels)
    pairs = [(a, b) for b in range(count) for a in range(b)]
    edges = {*data.draw(st.lists(st.sampled_from(pairs), max_size=6)), *((a, count - 1) for a in range(count - 1))}
    known = {number: Step(10, level, met=False) for number, level in enumerate(levels)}

    [way] = ways(count - 1, known, Needs(edges, []), aim="difficulty")

    allowed = [order for order in permutations(range(count)) if all(order.index(a) < order.index(b) for a, b in edges)]
    rises = [sum(max(0.0, levels[b] - levels[a]) for a, b in pairwise(order)) for order in allowed]
    assert way.order in allowed
    assert way.rise == pytest.approx(min(rises))


@given(st.integers(2, 40), st.data())
def test_the_order_respects_the_graph(count: int, data: st.DataObject) -> None:
    pairs = st.tuples(st.integers(0, count - 1), st.integers(0, count - 1)).filter(lambda pair: pair[0] < pair[1])
    edges = data.draw(st.lists(pairs, max_size=80))
    known = {number: Step(10, float(number % 5), met=number % 7 == 3) for number in range(count)}

    [way] = ways(count - 1, known, Needs(edges, []), aim="time")

    place = {concept: number for number, concept in enumerate(way.order)}
    for before, after in edges:
        if after in place and not known[before].met:
            assert place[before] < place[after]


numbers = st.integers(0, 9)
graphs = st.tuples(
    st.lists(st.tuples(numbers, numbers).filter(lambda pair: pair[0] < pair[1]), max_size=14),
    st.lists(st.tuples(numbers, numbers).filter(lambda pair: pair[0] < pair[1]), max_size=5, unique=True),
    st.sets(st.integers(0, 8), max_size=2),
)


@given(graphs, st.sampled_from(["time", "difficulty", "prerequisites"]))
def test_every_way_can_be_gone(graph: tuple[list[tuple[int, int]], list[tuple[int, int]], set[int]], aim: Aim) -> None:
    prerequisites, alternatives, met = graph
    known = {number: Step(10 + number, float(number % 4), met=number in met) for number in range(10)}
    found = ways(9, known, Needs(prerequisites, alternatives), aim=aim)

    assert found
    for way in found:
        done = set(met)
        for concept in way.order:
            for name in (before for before, after in prerequisites if after == concept):
                stands_for_it = {*(b for a, b in alternatives if a == name), *(a for a, b in alternatives if b == name)}
                assert done & {name, *stands_for_it}, f"{concept} needs {name}, which is not learned by then"
            done.add(concept)
        assert way.order[-1] == 9
        assert not met & set(way.order)


def test_what_stands_for_a_prerequisite_may_have_alternatives_of_its_own() -> None:
    # 4 needs 2; 3 will do for 2, and so will 4 itself, which is no help.
    found = ways(4, steps(**FOUR), Needs([(2, 4)], [(2, 3), (2, 4)]), aim="prerequisites")

    assert {way.order for way in found} == {(2, 4), (3, 4)}
