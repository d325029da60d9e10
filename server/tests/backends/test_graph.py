"""The graph's backends: one suite, every twin, over the same rows."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from sqlalchemy import text

from learntrac.backends.graph import ALTERNATIVE, PREREQUISITE, RELATED, Edge, Graph, steps_down
from learntrac.backends.graph.copying import Neo4jCopy
from learntrac.backends.graph.embedded import EmbeddedGraph
from learntrac.backends.graph.neo4j import Neo4jClient, Neo4jGraph
from learntrac.backends.graph.rows import GraphRows
from tests.backends.neo4j_server import PASSWORD, USER, Neo4jServer
from tests.conftest import Api

# 1 ← 2 ← 3 ← 4, and 3 needs 5 too; 6 stands for 5 and needs 1; 4 is related to 6, whichever way one looks.
RELATIONS: tuple[dict[str, Any], ...] = (
    {"source": 5, "target": 6, "kind": ALTERNATIVE, "weight": 0.8, "both": False},
    {"source": 4, "target": 6, "kind": RELATED, "weight": 0.5, "both": True},
    {"source": 1, "target": 6, "kind": PREREQUISITE, "weight": 0.3, "both": False},
)
PREREQUISITES = ((1, 2), (2, 3), (3, 4), (5, 3), (1, 6))


@pytest.fixture(params=["embedded", pytest.param("neo4j", marks=pytest.mark.service("neo4j"))])
async def graph(request: pytest.FixtureRequest, api: Api) -> AsyncIterator[Graph]:
    """Each twin in turn over six concepts of our own drawing; Neo4j holds a copy of them."""
    await draw(api)
    if request.param == "embedded":
        yield EmbeddedGraph(GraphRows(api.parts.database.hot))
        return
    server: Neo4jServer = request.getfixturevalue("neo4j")
    client = Neo4jClient(server.url, user=USER, password=PASSWORD)
    await Neo4jCopy(client, GraphRows(api.parts.database.hot)).rebuild()
    graph = Neo4jGraph(client)
    yield graph
    await graph.close()


async def draw(api: Api) -> None:
    """Write the edges, in place of the course's own."""
    async with api.parts.database.begin() as session:
        await session.execute(text("DELETE FROM prerequisite"))
        for source, target in PREREQUISITES:
            await session.execute(
                text("INSERT INTO prerequisite VALUES (:target, :source, 'test', 'kept')"),
                {"source": source, "target": target},
            )
        for relation in RELATIONS:
            await session.execute(
                text(
                    "INSERT INTO relationship (source_concept, target_concept, kind, weight, is_bidirectional, notes,"
                    " created_by, created_at) VALUES (:source, :target, :kind, :weight, :both, '', 'ivan', 0)"
                ),
                relation,
            )


def drawn(edges: tuple[Edge, ...]) -> set[str]:
    arrows = {PREREQUISITE: "→", RELATED: "~", ALTERNATIVE: "|"}
    return {f"{edge.source}{arrows[edge.relationship]}{edge.target}" for edge in edges}


async def test_a_neighbourhood_reaches_both_ways(graph: Graph) -> None:
    near = await graph.neighbourhood(3, depth=1, limit=100)

    assert near.distance == {3: 0, 2: 1, 4: 1, 5: 1}
    assert drawn(near.edges) == {"2→3", "3→4", "5→3"}
    assert not near.truncated


async def test_a_neighbourhood_grows_with_its_depth_by_any_relationship(graph: Graph) -> None:
    near = await graph.neighbourhood(3, depth=2, limit=100)

    assert near.distance == {3: 0, 2: 1, 4: 1, 5: 1, 1: 2, 6: 2}
    assert drawn(near.edges) == {"1→2", "2→3", "3→4", "5→3", "5|6", "4~6", "6~4", "1→6"}
    weights = {(edge.source, edge.target): edge.weight for edge in near.edges}
    assert (weights[1, 2], weights[1, 6], weights[5, 6]) == (1.0, 0.3, 0.8)


async def test_the_nearest_come_first_where_there_is_not_room_for_all(graph: Graph) -> None:
    near = await graph.neighbourhood(3, depth=5, limit=3)

    assert near.distance == {3: 0, 2: 1, 4: 1}
    assert drawn(near.edges) == {"2→3", "3→4"}
    assert near.truncated


async def test_without_a_centre_the_lowest_numbers_come(graph: Graph) -> None:
    whole, part = await graph.neighbourhood(None, depth=2, limit=6), await graph.neighbourhood(None, depth=2, limit=3)

    assert (set(whole.distance), whole.truncated) == ({1, 2, 3, 4, 5, 6}, False)
    assert (set(part.distance), drawn(part.edges), part.truncated) == ({1, 2, 3}, {"1→2", "2→3"}, True)


async def test_what_is_needed_includes_what_would_do_instead(graph: Graph) -> None:
    needed = await graph.needed_for(4, limit=100)

    assert needed.distance == {4: 0, 3: 1, 2: 2, 5: 2, 6: 2, 1: 3}
    assert drawn(needed.edges) == {"1→2", "2→3", "3→4", "5→3", "5|6", "1→6"}


async def test_what_is_needed_is_cut_at_the_far_end(graph: Graph) -> None:
    needed = await graph.needed_for(4, limit=2)

    assert (needed.distance, drawn(needed.edges), needed.truncated) == ({4: 0, 3: 1}, {"3→4"}, True)


async def test_an_unknown_concept_has_no_neighbours(graph: Graph) -> None:
    assert (await graph.neighbourhood(99, depth=2, limit=9)).distance == {}
    assert (await graph.needed_for(99, limit=9)).distance == {}


async def test_a_relationship_with_a_ticket_that_is_gone_leads_nowhere(api: Api, graph: Graph) -> None:
    async with api.parts.database.begin() as session:
        await session.execute(text("UPDATE relationship SET target_concept = 99 WHERE source_concept = 5"))
    if isinstance(graph, Neo4jGraph):
        await Neo4jCopy(graph.client, GraphRows(api.parts.database.hot)).rebuild()

    assert 99 not in (await graph.neighbourhood(5, depth=3, limit=100)).distance
    assert 99 not in (await graph.needed_for(3, limit=100)).distance


async def test_it_answers_and_lets_go(graph: Graph) -> None:
    await graph.ping()
    await graph.close()


def test_an_alternative_is_as_near_as_what_it_stands_for() -> None:
    edges = [Edge(1, 2, PREREQUISITE, 1), Edge(3, 1, ALTERNATIVE, 1), Edge(4, 3, PREREQUISITE, 1)]

    assert steps_down(2, edges) == {2: 0, 1: 1, 3: 1, 4: 2}
