"""What the linter finds, on graphs that can be read at a glance."""

import pytest

from learntrac.knowledge.lint import difference_at_most, doubts, look

KEPT = "kept"


def test_a_tidy_graph_has_nothing_to_report() -> None:
    report = look({1, 2, 3}, [(1, 2, KEPT), (2, 3, KEPT)], [])

    assert (report.cycles, report.dangling, report.orphans, report.redundant, report.no_way_in) == ([], [], [], [], [])


def test_a_cycle_is_shown_as_the_circle_it_is() -> None:
    report = look({1, 2, 3}, [(1, 2, KEPT), (2, 3, KEPT), (3, 1, "cyclic")], [])

    assert report.cycles == [[1, 3, 2, 1]]
    assert report.no_way_in == [1], "everything that 1 asked for was left out"


def test_a_ticket_that_is_gone_is_named() -> None:
    report = look({1, 2}, [(9, 2, "dangling"), (1, 2, KEPT)], [])

    assert (report.dangling, report.no_way_in) == ([(9, 2)], [])


def test_an_orphan_has_no_edge_of_any_kind() -> None:
    assert look({1, 2, 3, 4}, [(1, 2, KEPT)], [(3, 1)]).orphans == [4]


def test_an_edge_that_says_nothing_new_is_redundant() -> None:
    report = look({1, 2, 3, 4}, [(1, 2, KEPT), (2, 3, KEPT), (3, 4, KEPT), (1, 4, KEPT), (2, 4, KEPT)], [])

    assert report.redundant == [((1, 4), [2]), ((2, 4), [3])]


def test_an_edge_is_doubtful_where_knowing_the_prerequisite_was_no_help() -> None:
    [doubt] = doubts([(1, 2, 200, 100, 400, 210)])

    assert (doubt.edge, doubt.learners_with, doubt.right_with) == ((1, 2), 200, 0.5)
    assert (doubt.learners_without, doubt.right_without) == (200, 0.55)
    assert doubt.at_most == pytest.approx(difference_at_most(100, 200, 110, 200))


@pytest.mark.parametrize(
    "count", [(1, 2, 200, 180, 400, 280), (1, 2, 19, 0, 400, 380), (1, 2, 400, 0, 410, 10), (1, 2, 25, 12, 50, 26)]
)
def test_an_edge_that_helps_or_of_which_too_little_is_known_is_left_alone(count: tuple[int, ...]) -> None:
    assert doubts([count]) == []  # type: ignore[list-item] # six numbers


def test_the_interval_is_newcombes() -> None:
    # His example (1998, table II, row a): 56 of 70 less 48 of 80, method 10: 0.0524 to 0.3339.
    assert difference_at_most(56, 70, 48, 80) == pytest.approx(0.3339, abs=1e-4)
