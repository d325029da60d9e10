"""The prerequisite graph: what is kept of what was written, and that small changes agree with a rebuild."""

from collections.abc import Mapping

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from learntrac.trac.prerequisites import PrerequisiteGraph

Edges = dict[int, str]
Step = tuple[str, dict[int, Edges]]

numbers = st.integers(1, 6)
edges = st.dictionaries(numbers, st.sampled_from(["prerequisites", "blockedby"]), max_size=4)
tickets = st.dictionaries(numbers, edges, max_size=6)
steps = st.lists(st.tuples(st.sampled_from(["put", "remove"]), tickets), max_size=8)


def loaded(written: Mapping[int, Edges]) -> PrerequisiteGraph:
    graph = PrerequisiteGraph()
    graph.load(written)
    return graph


def apply(graph: PrerequisiteGraph, written: dict[int, Edges], step: Step) -> set[int]:
    """Make one change in the graph and in the plain copy of what is written; what the graph says changed."""
    what, given_tickets = step
    if what == "put":
        written.update(given_tickets)
        return graph.put(given_tickets)
    for number in given_tickets:
        written.pop(number, None)
    return graph.remove(given_tickets)


def reaches(kept: Mapping[int, list[int]], start: int, goal: int) -> bool:
    seen, waiting = set[int](), [start]
    while waiting:
        number = waiting.pop()
        if number == goal:
            return True
        if number not in seen:
            seen.add(number)
            waiting += kept.get(number, [])
    return False


@given(steps)
@example([("put", {1: {2: "prerequisites"}, 2: {1: "prerequisites"}}), ("put", {1: {}})])
@example([("put", {1: {2: "prerequisites"}, 2: {1: "prerequisites"}}), ("remove", {1: {}}), ("put", {1: {}})])
def test_changes_one_by_one_lead_where_a_rebuild_does(changes: list[Step]) -> None:
    graph, written = PrerequisiteGraph(), dict[int, Edges]()
    for step in changes:
        apply(graph, written, step)

        rebuilt = loaded(written)
        assert {n: graph.edges(n) for n in range(1, 7)} == {n: rebuilt.edges(n) for n in range(1, 7)}


@given(tickets, steps)
def test_after_any_change_a_prerequisite_stands_before_what_needs_it(
    first: dict[int, Edges], changes: list[Step]
) -> None:
    graph, written = loaded(first), dict(first)
    for step in changes:
        apply(graph, written, step)
        places = graph._order._places
        assert places.keys() == written.keys()
        assert all(places[other] < places[number] for number in written for other in graph.kept(number))
        assert not graph._loose


@given(tickets, steps)
def test_no_concept_whose_edges_changed_goes_unnamed(first: dict[int, Edges], changes: list[Step]) -> None:
    graph, written = loaded(first), dict(first)
    for step in changes:
        before = {number: graph.edges(number) for number in written}
        named = apply(graph, written, step)

        differing = {number for number in written if graph.edges(number) != before.get(number, [])}
        assert differing <= named
        assert named <= written.keys()


@given(tickets)
def test_what_is_kept_has_no_cycle_and_lacks_no_edge_without_a_reason(written: dict[int, Edges]) -> None:
    graph = loaded(written)
    kept = {number: graph.kept(number) for number in written}

    for number in written:
        assert not any(reaches(kept, other, number) for other in kept[number])
        for other, _, state in graph.edges(number):
            assert (state == "dangling") == (other not in written)
            if state == "cyclic":
                assert reaches(kept, other, number)


@given(tickets)
def test_every_written_edge_is_told_by_number_with_its_source(written: dict[int, Edges]) -> None:
    graph = loaded(written)

    for number, named in written.items():
        assert [(other, source) for other, source, _ in graph.edges(number)] == sorted(named.items())


def test_of_a_cycle_the_edge_that_closes_it_is_left_out() -> None:
    graph = loaded({1: {3: "f"}, 2: {1: "f"}, 3: {2: "f"}})

    assert (graph.kept(1), graph.kept(2), graph.kept(3)) == ([3], [1], [])
    assert graph.edges(3) == [(2, "f", "cyclic")]


def test_breaking_a_cycle_brings_its_edge_back_and_names_whose_it_is() -> None:
    graph = loaded({1: {2: "f"}, 2: {1: "f"}, 3: {2: "f"}})
    assert graph.kept(2) == []

    assert graph.put({1: {}}) == {1, 2}
    assert graph.kept(2) == [1]


def test_a_dangling_edge_counts_once_its_ticket_is_there() -> None:
    graph = loaded({1: {7: "f"}})
    assert graph.edges(1) == [(7, "f", "dangling")]

    assert graph.put({7: {}}) == {1, 7}
    assert graph.kept(1) == [7]
    assert graph.remove({7}) == {1}
    assert graph.kept(1) == []


def test_what_did_not_change_is_not_named() -> None:
    graph = loaded({1: {2: "f"}, 2: {}})

    assert graph.put({1: {2: "f"}, 2: {}}) == set()
    assert graph.put({1: {2: "g"}}) == {1}
    assert graph.remove({9}) == set()


def test_a_ticket_cannot_need_itself() -> None:
    assert loaded({1: {1: "f"}}).edges(1) == [(1, "f", "cyclic")]


@pytest.mark.parametrize("length", [3, 20_000])
def test_a_long_chain_and_its_closing_are_quick(length: int) -> None:
    graph = loaded({number: {number + 1: "f"} for number in range(1, length)} | {length: {}})
    assert graph.kept(length - 1) == [length]

    assert graph.put({length: {1: "f"}}) == {length}
    assert graph.edges(length) == [(1, "f", "cyclic")]
