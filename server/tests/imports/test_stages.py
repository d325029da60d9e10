from graphlib import TopologicalSorter
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from learntrac.imports.stages import find_circles, stages

KEYS = "abcdef"
GRAPHS = st.fixed_dictionaries({key: st.lists(st.sampled_from(KEYS), unique=True) for key in KEYS})


def test_a_key_is_one_stage_after_the_latest_of_its_needs() -> None:
    graph = {"classes": ["dicts", "basics"], "basics": [], "dicts": ["basics"], "none": ["elsewhere"]}
    assert stages(graph) == {"basics": 1, "none": 1, "dicts": 2, "classes": 3}


def test_a_circle_and_what_needs_it_come_last() -> None:
    graph = {"a": ["b"], "b": ["a"], "c": ["a"], "d": [], "e": ["d"]}
    assert stages(graph) == {"d": 1, "e": 2, "a": 3, "b": 3, "c": 3}


def test_circles_are_told_from_need_to_needing() -> None:
    assert find_circles({"a": ["b"], "b": ["c"], "c": ["a"], "d": ["a"]}) == [["a", "c", "b", "a"]]
    assert find_circles({"a": ["a"], "b": ["c"], "c": ["b"]}) == [["a", "a"], ["b", "c", "b"]]
    assert find_circles({"a": [], "b": ["a"]}) == []


@given(GRAPHS)
def test_every_key_has_a_stage_and_every_circle_is_one(graph: dict[str, list[str]]) -> None:
    placed = stages(graph)
    circles = find_circles(graph)
    assert placed.keys() == graph.keys()
    assert all(before in graph[after] for circle in circles for before, after in pairwise(circle))
    if not circles:
        TopologicalSorter(graph).prepare()
        assert all(placed[need] < placed[key] for key in graph for need in graph[key])
