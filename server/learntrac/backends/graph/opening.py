"""Which graph answers: Neo4j with the embedded one behind it where there is a URL, else the embedded one alone."""

from typing import TYPE_CHECKING

from learntrac.backends.graph import Graph
from learntrac.backends.graph.embedded import EmbeddedGraph
from learntrac.backends.graph.rows import GraphRows
from learntrac.kit.clock import Clock
from learntrac.kit.readers import WideReader

if TYPE_CHECKING:
    from learntrac.backends.graph.copying import Neo4jCopy


def open_graph(
    url: str | None, *, user: str | None, password: str | None, reader: WideReader, clock: Clock
) -> "tuple[Graph, Neo4jCopy | None]":
    """The graph, and the copy to be kept in step with the catalog, if there is one. Connects at the first call.

    Raises ValueError for a URL that is none of a Neo4j.
    """
    rows = GraphRows(reader)
    embedded = EmbeddedGraph(rows)
    if url is None:
        return embedded, None
    # Neo4j's driver takes 30 MB of a process: of those only that have one.
    from learntrac.backends.graph.copying import Neo4jCopy  # noqa: PLC0415
    from learntrac.backends.graph.fallback import FallbackGraph  # noqa: PLC0415
    from learntrac.backends.graph.neo4j import Neo4jClient, Neo4jGraph  # noqa: PLC0415

    client = Neo4jClient(url, user=user, password=password)
    copy = Neo4jCopy(client, rows)
    return FallbackGraph(Neo4jGraph(client), copy, rows, embedded, clock=clock), copy
