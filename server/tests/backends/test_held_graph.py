"""The embedded graph follows changes of the catalog without reading everything again: the result is the same."""

from hypothesis import given
from hypothesis import strategies as st

from learntrac.backends.graph import Edge
from learntrac.backends.graph.embedded import Held, _by_end

KINDS = ("prerequisite_for", "related_to", "alternative_to")
Graph = tuple[set[int], set[Edge]]

numbers = st.integers(1, 8)
edges = st.sets(
    st.builds(Edge, numbers, numbers, st.sampled_from(KINDS), st.sampled_from((0.5, 1.0))).filter(
        lambda edge: edge.source != edge.target
    )
)
graphs = st.tuples(st.sets(numbers), edges)


def held(graph: Graph) -> Held:
    there, known = graph
    return Held("one", 1, _by_end(there, known, there))


def changed_between(before: Graph, after: Graph) -> set[int]:
    """What the catalog notes: concepts that came or went, and both ends of edges that did."""
    edited = before[1] ^ after[1]
    return (before[0] ^ after[0]) | {end for edge in edited for end in (edge.source, edge.target)}


def shown(graph: Held) -> dict[int, list[Edge]]:
    return {concept: sorted(at) for concept, at in graph.at.items()}


@given(graphs, graphs)
def test_what_changed_makes_one_generation_out_of_another(before: Graph, after: Graph) -> None:
    changed = changed_between(before, after)
    near = {edge for edge in after[1] if edge.source in changed or edge.target in changed}
    ends = changed | {end for edge in near for end in (edge.source, edge.target)}

    followed = held(before).with_changes(2, changed, after[0] & ends, near)

    assert followed.generation == 2
    assert shown(followed) == shown(held(after))


@given(graphs)
def test_every_edge_is_at_both_its_ends(graph: Graph) -> None:
    for concept, at in held(graph).at.items():
        assert len(set(at)) == len(at)
        assert all(concept in (edge.source, edge.target) for edge in at)
