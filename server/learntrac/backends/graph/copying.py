"""Writing the copy in Neo4j: bringing it up to the catalog, comparing it, making it anew.

The copy itself says which catalog it is of and which generation of that it holds. Whoever reads it compares, so a copy
that is half written is not used.
"""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from typing import Any, LiteralString, TypeVar

from learntrac.backends.graph.content import Content, Difference, Node, State
from learntrac.backends.graph.neo4j import COPY_WITHIN_SECONDS, KINDS, TYPES, Neo4jClient
from learntrac.backends.graph.rows import GraphRows

BATCH = 1000
LEAST = -(2**63)
MOST_ONE_BY_ONE = 5000
"""Where more concepts changed, it is cheaper to compare everything."""

Progress = Callable[[int, int], None]
_T = TypeVar("_T")

_NAME: LiteralString = "CREATE CONSTRAINT learntrac_concept IF NOT EXISTS FOR (c:Concept) REQUIRE c.id IS UNIQUE"
_HELD: LiteralString = "MATCH (s:LearnTracSync) RETURN s.catalog AS catalog, s.generation AS generation"
_SETTLE: LiteralString = (
    "OPTIONAL MATCH (old:LearnTracSync) DETACH DELETE old WITH count(*) AS gone"
    " CREATE (:LearnTracSync {catalog: $catalog, generation: $generation})"
)
_UNSETTLE: LiteralString = "MATCH (s:LearnTracSync) DETACH DELETE s"
_NODE: LiteralString = (
    "RETURN c.id AS id, c.title AS title, c.difficulty AS difficulty, c.estimated_minutes AS estimated_minutes,"
    " c.component AS component, c.milestone AS milestone, c.type AS type"
)
_ALL_NODES: LiteralString = "MATCH (c:Concept) WHERE c.id > $after WITH c ORDER BY c.id LIMIT $limit " + _NODE
_SOME_NODES: LiteralString = "MATCH (c:Concept) WHERE c.id IN $ids " + _NODE
_EDGE: LiteralString = (
    "RETURN DISTINCT startNode(r).id AS source, endNode(r).id AS target, type(r) AS type, r.weight AS weight"
)
_TYPES: LiteralString = "PREREQUISITE_FOR|RELATED_TO|ALTERNATIVE_TO"
_EDGES_FROM: LiteralString = "MATCH (c:Concept)-[r:" + _TYPES + "]->(:Concept) WHERE c.id IN $ids " + _EDGE
_EDGES_AT: LiteralString = "MATCH (c:Concept)-[r:" + _TYPES + "]-(:Concept) WHERE c.id IN $ids " + _EDGE
_PUT: LiteralString = "UNWIND $rows AS row MERGE (c:Concept {id: row.id}) SET c += row"
_GONE: LiteralString = "MATCH (c:Concept) WHERE c.id IN $rows DETACH DELETE c"
# Comparing what is no number gives null.
_NAMELESS: LiteralString = "MATCH (c:Concept) WHERE NOT coalesce(c.id > $after, false) DETACH DELETE c"
_PUT_EDGES: LiteralString = (
    "UNWIND $rows AS row MATCH (a:Concept {id: row[0]}) MATCH (b:Concept {id: row[1]})"
    " MERGE (a)-[r:TYPE]->(b) SET r.weight = row[2]"
)
_GONE_EDGES: LiteralString = (
    "UNWIND $rows AS row MATCH (:Concept {id: row[0]})-[r:TYPE]->(:Concept {id: row[1]}) DELETE r"
)
_WIPE: LiteralString = "MATCH (c:Concept) WITH c LIMIT 5000 DETACH DELETE c RETURN count(*) AS gone"
_COUNT: LiteralString = (
    "MATCH (c:Concept) WITH count(c) AS concepts"
    " OPTIONAL MATCH (:Concept)-[r:PREREQUISITE_FOR]->() RETURN concepts, count(r) AS prerequisites"
)


def _silent(_done: int, _total: int) -> None:
    """Nobody watches."""


class Neo4jCopy:
    """The one writer of LearnTrac's labels in a Neo4j. One at a time: see `knowledge/jobs.py`.

    Every method raises GraphDown where Neo4j does not answer.
    """

    def __init__(self, client: Neo4jClient, rows: GraphRows) -> None:
        self._client, self._rows = client, rows

    async def held(self) -> tuple[str, int] | None:
        """(catalog, generation) that the copy says it holds; None: none, or it is being made."""
        found = await self._all(_HELD)
        return (found[0]["catalog"], found[0]["generation"]) if len(found) == 1 else None

    async def follow(self) -> int:
        """Bring the copy up to the catalog; how many concepts and edges were written or removed.

        May be repeated and interrupted: the generation is written last, and what it is read before.
        """
        state, held = await self._rows.state(), await self.held()
        if held is None or held[0] != state.identity or held[1] > state.generation:
            return await self._compare_all(state)
        if held[1] == state.generation:
            return 0 if await self._counts_agree() else await self._compare_all(state)
        changed = await self._rows.changed_since(held[1])
        if len(changed) > MOST_ONE_BY_ONE:
            return await self._compare_all(state)
        done = 0
        for begin in range(0, len(changed), BATCH):
            done += await self._compare_some(changed[begin : begin + BATCH])
        await self._settle(state)
        return done

    async def rebuild(self, progress: Progress = _silent) -> tuple[int, int]:
        """Remove what is LearnTrac's and write everything anew; (concepts, edges)."""
        await self._write(_UNSETTLE)
        while (await self._write(_WIPE))[0]["gone"]:
            pass
        state, wanted = await self._rows.state(), await self._rows.read()
        await self._prepare()
        await self._apply(await asyncio.to_thread(Difference.between, wanted, Content({}, {})), progress)
        await self._settle(state)
        return len(wanted.nodes), len(wanted.edges)

    async def differences(self) -> Difference:
        """What the copy holds otherwise than the catalog."""
        wanted = await self._rows.read()
        return await asyncio.to_thread(Difference.between, wanted, await self._everything())

    async def _counts_agree(self) -> bool:
        found = (await self._all(_COUNT))[0]
        return (found["concepts"], found["prerequisites"]) == await self._rows.count()

    async def _compare_all(self, state: State) -> int:
        await self._write(_UNSETTLE)
        await self._prepare()
        await self._write(_NAMELESS, after=LEAST)
        difference = await self.differences()
        await self._apply(difference)
        await self._settle(state)
        return difference.node_count + difference.edge_count

    async def _compare_some(self, ids: Sequence[int]) -> int:
        wanted = await self._rows.read(ids)
        nodes, edges = await self._all(_SOME_NODES, ids=ids), await self._all(_EDGES_AT, ids=ids)
        difference = Difference.between(wanted, _content(nodes, edges))
        await self._apply(difference)
        return difference.node_count + difference.edge_count

    async def _everything(self) -> Content:
        nodes: list[Any] = []
        edges: list[Any] = []
        last = LEAST
        while found := await self._all(_ALL_NODES, after=last, limit=BATCH):
            nodes += found
            last = found[-1]["id"]
            edges += await self._all(_EDGES_FROM, ids=[row["id"] for row in found])
        return await asyncio.to_thread(_content, nodes, edges)

    async def _prepare(self) -> None:
        await self._write(_NAME)

    async def _settle(self, state: State) -> None:
        await self._write(_SETTLE, catalog=state.identity, generation=state.generation)

    async def _apply(self, difference: Difference, progress: Progress = _silent) -> None:
        total, done = difference.node_count + difference.edge_count, 0
        for query, rows in _steps(difference):
            for begin in range(0, len(rows), BATCH):
                batch = rows[begin : begin + BATCH]
                await self._write(query, rows=batch)
                done += len(batch)
                progress(done, total)

    async def _all(self, query: LiteralString, **parameters: Any) -> list[Any]:
        async with self._client.reading(within_seconds=COPY_WITHIN_SECONDS) as transaction:
            return [row async for row in await transaction.run(query, parameters)]

    async def _write(self, query: LiteralString, **parameters: Any) -> list[Any]:
        async with self._client.writing() as transaction:
            return [row async for row in await transaction.run(query, parameters)]


def _content(nodes: Iterable[Any], edges: Iterable[Any]) -> Content:
    return Content(
        {row["id"]: Node(**row) for row in nodes},
        {(row["source"], row["target"], KINDS[row["type"]]): row["weight"] for row in edges},
    )


def _steps(difference: Difference) -> list[tuple[LiteralString, Sequence[Any]]]:
    """Statements with their rows, in the order in which they can be executed."""
    steps: list[tuple[LiteralString, Sequence[Any]]] = [
        (_GONE, difference.gone_nodes),
        (_PUT, [vars(node) for node in difference.nodes]),
    ]
    for kind, written in TYPES.items():
        gone = [key[:2] for key in difference.gone_edges if key[2] == kind]
        put = [(edge.source, edge.target, edge.weight) for edge in difference.edges if edge.relationship == kind]
        steps += [(_GONE_EDGES.replace("TYPE", written), gone), (_PUT_EDGES.replace("TYPE", written), put)]
    return steps
