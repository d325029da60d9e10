"""The graph's rows in SQL, where the truth is: concepts and edges, all of them or those about some concepts."""

from collections.abc import Collection, Iterable

from learntrac.backends.graph import Edge
from learntrac.backends.graph.content import Content, Node, State
from learntrac.kit.clock import from_micros
from learntrac.kit.readers import Row, WideReader

PREREQUISITES = (
    "SELECT p.prerequisite_id, p.concept_id, 'prerequisite_for', coalesce(r.weight, 1.0) FROM prerequisite p"
    " LEFT JOIN relationship r ON r.kind = 'prerequisite_for'"
    " AND r.source_concept = p.prerequisite_id AND r.target_concept = p.concept_id"
    " WHERE p.state = 'kept' AND {}"
)
CUSTOM = (
    "SELECT source_concept, target_concept, kind, weight FROM relationship WHERE kind <> 'prerequisite_for' AND {0}"
    " UNION ALL SELECT target_concept, source_concept, kind, weight FROM relationship"
    " WHERE is_bidirectional AND kind <> 'prerequisite_for' AND {0}"
)
_NODES = "SELECT id, title, difficulty, estimated_minutes, component, milestone, type FROM concept WHERE {}"
_KNOWN = "SELECT id FROM concept WHERE {}"
_STATE = "SELECT identity, generation, changed_at FROM catalog_state"
_CHANGED = "SELECT concept_id FROM catalog_change WHERE generation > $1"
_COUNT = "SELECT (SELECT count(*) FROM concept), (SELECT count(*) FROM prerequisite WHERE state = 'kept')"
_EVERY = "0 = 0"


class GraphRows:
    """What a copy of the graph must hold, and when that changed."""

    def __init__(self, reader: WideReader) -> None:
        self._reader = reader

    async def state(self) -> State:
        """Which catalog this is, and its generation."""
        identity, generation, changed_at = (await self._reader.rows(_STATE))[0]
        return State(identity, generation, from_micros(changed_at))

    async def changed_since(self, generation: int) -> list[int]:
        """The concepts that were written or removed, or an edge of theirs, after this generation."""
        return sorted(row[0] for row in await self._reader.slow_rows(_CHANGED, generation))

    async def count(self) -> tuple[int, int]:
        """How many concepts there are, and how many prerequisites."""
        concepts, prerequisites = (await self._reader.slow_rows(_COUNT))[0]
        return concepts, prerequisites

    async def read(self, concepts: Collection[int] | None = None) -> Content:
        """These concepts and every edge at one of them; without `concepts`, everything."""
        if concepts is None:
            nodes = await self._nodes(_EVERY)
            edges = await self._edges((PREREQUISITES.format(_EVERY), CUSTOM.format(_EVERY)))
            return Content.of(nodes, edges, there=nodes.keys())
        ids = self._reader.ids(concepts)
        nodes = await self._nodes(self._reader.among("id", 1), ids)
        edges = await self._edges(self._near(), ids)
        others = self._reader.ids({end for edge in edges for end in (edge.source, edge.target)})
        there = await self._reader.slow_rows(_KNOWN.format(self._reader.among("id", 1)), others)
        return Content.of(nodes, edges, there={row[0] for row in there})

    async def edges(self, concepts: Collection[int] | None = None) -> tuple[set[int], list[Edge]]:
        """Every edge at one of these concepts, and which of the concepts and the other ends exist; without
        `concepts`, of everything. An edge may lead to what does not exist.
        """
        if concepts is None:
            there = await self._reader.slow_rows(_KNOWN.format(_EVERY))
            edges = await self._edges((PREREQUISITES.format(_EVERY), CUSTOM.format(_EVERY)))
        else:
            edges = await self._edges(self._near(), self._reader.ids(concepts))
            ends = {*concepts, *(end for edge in edges for end in (edge.source, edge.target))}
            there = await self._reader.slow_rows(_KNOWN.format(self._reader.among("id", 1)), self._reader.ids(ends))
        return {row[0] for row in there}, edges

    def _near(self) -> tuple[str, ...]:
        ends = " OR ".join(self._reader.among(column, 1) for column in ("source_concept", "target_concept"))
        columns = ("p.concept_id", "p.prerequisite_id")
        prerequisites = (PREREQUISITES.format(self._reader.among(column, 1)) for column in columns)
        return (*prerequisites, CUSTOM.format(f"({ends})"))

    async def _nodes(self, condition: str, *args: object) -> dict[int, Node]:
        rows = await self._reader.slow_rows(_NODES.format(condition), *args)
        return {row[0]: _node(row) for row in rows}

    async def _edges(self, statements: Iterable[str], *args: object) -> list[Edge]:
        return [Edge(*row) for sql in statements for row in await self._reader.slow_rows(sql, *args)]


def _node(row: Row) -> Node:
    return Node(*row)
