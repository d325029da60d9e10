"""The knowledge graph's backend: who is near whom, and what is needed for what. Ids and edges only.

SQL is the truth (the tables `prerequisite` and `relationship`); a graph database is a copy that can be lost.
"""

from collections import defaultdict, deque
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple, Protocol

PREREQUISITE, RELATED, ALTERNATIVE = "prerequisite_for", "related_to", "alternative_to"


class Edge(NamedTuple):
    """`source` is `relationship` `target`: 3 prerequisite_for 5 means that 5 needs 3. `weight` is 0 to 1.

    A tuple, not a dataclass: a picture has thousands, and they are compared and put into sets.
    """

    source: int
    target: int
    relationship: str
    weight: float


@dataclass(frozen=True)
class Subgraph:
    """A part of the graph: {concept: steps from the centre}, the edges among these, and whether there was more."""

    distance: dict[int, int]
    edges: tuple[Edge, ...] = ()
    truncated: bool = False


NOTHING = Subgraph({})


class Graph(Protocol):
    """What a graph backend answers; every twin passes one suite. An unknown concept gives an empty Subgraph."""

    name: str

    async def neighbourhood(self, centre: int | None, *, depth: int, limit: int) -> Subgraph:
        """Everything within `depth` steps, in either direction and by any relationship, nearest first.

        At most `limit` concepts; among equally near ones the lower number comes first. Without a centre: the `limit`
        concepts with the lowest numbers, each at distance 0.
        """
        ...

    async def needed_for(self, target: int, *, limit: int) -> Subgraph:
        """`target`, all its prerequisites, direct or not, and the alternatives to these with what they need.

        Its edges are of the kinds prerequisite_for and alternative_to. Distances are the fewest steps to the target.
        """
        ...

    async def ping(self) -> None:
        """Return when the graph answers; raises GraphDown where it does not, GraphBehind where it is out of date."""
        ...

    async def close(self) -> None:
        """Give back the connections."""
        ...


def steps_down(target: int, edges: Iterable[Edge]) -> dict[int, int]:
    """{concept: fewest steps} from `target` to what it needs; an alternative is as near as what it stands for."""
    needs: defaultdict[int, list[tuple[int, int]]] = defaultdict(list)
    for edge in edges:
        if edge.relationship == PREREQUISITE:
            needs[edge.target].append((edge.source, 1))
        else:
            needs[edge.target].append((edge.source, 0))
            needs[edge.source].append((edge.target, 0))
    distance, waiting = {target: 0}, deque([target])
    while waiting:
        concept = waiting.popleft()
        for other, step in needs[concept]:
            if other not in distance or distance[concept] + step < distance[other]:
                distance[other] = distance[concept] + step
                waiting.append(other) if step else waiting.appendleft(other)
    return distance


class GraphDown(Exception):
    """The graph database does not answer; callers are served from SQL."""


class GraphRefuses(GraphDown):
    """It answers, but refuses who asks: to ask again soon would lock others out who use the same name."""


class GraphBehind(GraphDown):
    """It answers, but what it holds is out of date."""


def among(edges: Iterable[Edge], concepts: Iterable[int]) -> tuple[Edge, ...]:
    """Those edges both ends of which are among the concepts, each once, in a fixed order."""
    known = set(concepts)
    kept = {edge for edge in edges if edge.source in known and edge.target in known}
    return tuple(sorted(kept))
