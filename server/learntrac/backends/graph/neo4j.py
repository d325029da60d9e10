"""The graph in Neo4j: how LearnTrac speaks to it, and how it answers what the embedded twin answers.

`(:Concept {id, title, difficulty, estimated_minutes, component, milestone, type})`, with `PREREQUISITE_FOR`,
`RELATED_TO` and `ALTERNATIVE_TO` between them, each with a `weight`; what is so in both directions is a relationship in
each. Anybody may read it; it is a copy (docs/decisions/0020-neo4j.md).
"""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Any, LiteralString
from urllib.parse import unquote, urlsplit

from neo4j import READ_ACCESS, WRITE_ACCESS, AsyncDriver, AsyncGraphDatabase, AsyncTransaction
from neo4j.exceptions import AuthError, DriverError, Neo4jError

from learntrac.backends.graph import (
    ALTERNATIVE,
    NOTHING,
    PREREQUISITE,
    RELATED,
    Edge,
    GraphDown,
    GraphRefuses,
    Subgraph,
    among,
    steps_down,
)

TYPES: Mapping[str, LiteralString] = {
    PREREQUISITE: "PREREQUISITE_FOR",
    RELATED: "RELATED_TO",
    ALTERNATIVE: "ALTERNATIVE_TO",
}
KINDS = {written: kind for kind, written in TYPES.items()}
CONNECTIONS = 20
CONNECT_WITHIN_SECONDS = 3.0
READ_WITHIN_SECONDS = 5.0
"""Neo4j itself ends what takes longer, so that nothing goes on there which nobody waits for."""
COPY_WITHIN_SECONDS = 60.0
"""For one step of bringing the copy up to date."""
_CLOSE_WITHIN_SECONDS = 2.0
AFTER_REFUSAL_SECONDS = 30.0
"""Neo4j locks a name after three wrong passwords: other processes may have the right one."""
_REFUSED = "it refuses the user or the password"
DEEPEST = 10

_SCHEMES = ("bolt", "bolt+s", "bolt+ssc", "neo4j", "neo4j+s", "neo4j+ssc")
_WANTED = "a Neo4j URL is bolt://host:7687 or neo4j://host:7687, with +s after the scheme for TLS"

# Distances without paths: Neo4j then looks at each concept once, nearest first.
_SPREAD: LiteralString = (
    "MATCH way = (:Concept {id: $centre})-[:PREREQUISITE_FOR|RELATED_TO|ALTERNATIVE_TO*0..DEPTH]-(near:Concept)"
    " WITH near, min(length(way)) AS steps ORDER BY steps, near.id LIMIT $limit"
    " RETURN collect(near.id) AS ids, collect(steps) AS steps"
)
_FIRST: LiteralString = (
    "MATCH (near:Concept) WHERE near.id >= 0 WITH near.id AS id ORDER BY id LIMIT $limit"
    " RETURN collect(id) AS ids, collect(0) AS steps"
)
# With every edge that leads down from there or aside: to ask for them by number would cost as much again.
_NEEDED: LiteralString = (
    "MATCH (asked:Concept) WHERE asked.id IN $asked"
    " MATCH (asked)<-[:PREREQUISITE_FOR*0..]-(need:Concept)"
    " WITH DISTINCT need WHERE NOT need.id IN $known WITH collect(need) AS found"
    " CALL { WITH found UNWIND found AS need MATCH (need)<-[r:PREREQUISITE_FOR]-(below:Concept)"
    "  RETURN collect(below.id) AS below, collect(need.id) AS above, collect(r.weight) AS weights }"
    " CALL { WITH found UNWIND found AS need MATCH (need)-[r:ALTERNATIVE_TO]-(:Concept) WITH DISTINCT r"
    "  RETURN collect(startNode(r).id) AS ones, collect(endNode(r).id) AS others, collect(r.weight) AS strengths }"
    " RETURN [need IN found | need.id] AS needs, below, above, weights, ones, others, strengths"
)
_AMONG: LiteralString = (
    "MATCH (a:Concept)-[r:PREREQUISITE_FOR|RELATED_TO|ALTERNATIVE_TO]->(b:Concept)"
    " WHERE a.id IN $ids AND b.id IN $ids"
    " RETURN type(r) AS type, r.weight AS weight, collect(a.id) AS sources, collect(b.id) AS targets"
)


class Neo4jClient:
    """A bounded pool of connections to one database of a Neo4j; nothing is sent before it is needed."""

    def __init__(self, url: str, *, user: str | None = None, password: str | None = None) -> None:
        """Raises ValueError, without a word of the URL, for one that is none of a Neo4j."""
        address, found, database = _parts(url)
        user, password = user or found[0], password or found[1]
        self._database, self._refused_until = database, 0.0
        # What goes wrong is told by whoever asks, once; the driver tells it each time.
        logging.getLogger("neo4j").setLevel(logging.CRITICAL)
        self._driver: AsyncDriver = AsyncGraphDatabase.driver(
            address,
            auth=(user, password or "") if user else None,
            max_connection_pool_size=CONNECTIONS,
            connection_timeout=CONNECT_WITHIN_SECONDS,
            connection_acquisition_timeout=CONNECT_WITHIN_SECONDS,
            keep_alive=True,
            telemetry_disabled=True,
            notifications_min_severity="OFF",
        )

    @asynccontextmanager
    async def reading(self, *, within_seconds: float = READ_WITHIN_SECONDS) -> AsyncIterator[AsyncTransaction]:
        """A transaction that reads. Raises GraphDown, also for what goes wrong in the block at Neo4j."""
        async with self._transaction(READ_ACCESS, within_seconds) as transaction:
            yield transaction

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[AsyncTransaction]:
        """A transaction that is committed at the end of the block. Raises GraphDown."""
        async with self._transaction(WRITE_ACCESS, COPY_WITHIN_SECONDS) as transaction:
            yield transaction
            await transaction.commit()

    @asynccontextmanager
    async def _transaction(self, mode: str, seconds: float) -> AsyncIterator[AsyncTransaction]:
        if time.monotonic() < self._refused_until:
            raise GraphRefuses(_REFUSED)
        try:
            async with (
                self._driver.session(database=self._database, default_access_mode=mode, fetch_size=-1) as session,
                await session.begin_transaction(timeout=seconds) as transaction,
            ):
                yield transaction
        except AuthError as error:
            self._refused_until = time.monotonic() + AFTER_REFUSAL_SECONDS
            raise GraphRefuses(_REFUSED) from error
        except (DriverError, Neo4jError, OSError) as error:
            raise GraphDown(_why(error)) from error

    async def close(self) -> None:
        """Give back the connections, without waiting long for a farewell."""
        with suppress(Exception):
            async with asyncio.timeout(_CLOSE_WITHIN_SECONDS):
                await self._driver.close()


def _parts(url: str) -> tuple[str, tuple[str | None, str | None], str | None]:
    """(address without secrets, (user, password), database)."""
    try:
        split = urlsplit(url)
        port = f":{split.port}" if split.port else ""
    except ValueError as error:
        raise ValueError(_WANTED) from error
    if split.scheme not in _SCHEMES or not split.hostname or split.query or split.fragment:
        raise ValueError(_WANTED)
    host = f"[{split.hostname}]" if ":" in split.hostname else split.hostname
    user, password = (None if part is None else unquote(part) for part in (split.username, split.password))
    return f"{split.scheme}://{host}{port}", (user, password), unquote(split.path.strip("/")) or None


def _why(error: Exception) -> str:
    return (str(error) or type(error).__name__).partition("\n")[0]


class Neo4jGraph:
    """Asks Neo4j. Raises GraphDown where it does not answer; it does not know whether the copy is in step."""

    name = "neo4j"

    def __init__(self, client: Neo4jClient) -> None:
        self.client = client

    async def neighbourhood(self, centre: int | None, *, depth: int, limit: int) -> Subgraph:
        spread: Any = _FIRST if centre is None else _SPREAD.replace("DEPTH", str(min(depth, DEEPEST)))
        async with self.client.reading() as transaction:
            found = await _single(transaction, spread, centre=centre, limit=limit + 1)
            distance = dict(zip(found["ids"][:limit], found["steps"], strict=False))
            if not distance:
                return NOTHING
            return Subgraph(distance, await _edges_among(transaction, list(distance)), len(found["ids"]) > limit)

    async def needed_for(self, target: int, *, limit: int) -> Subgraph:
        needed, asked, edges = set[int](), {target}, set[Edge]()
        async with self.client.reading() as transaction:
            while asked:  # once for the target, and again for alternatives that bring needs of their own
                found = await _single(transaction, _NEEDED, asked=list(asked), known=list(needed))
                needed.update(found["needs"])
                aside = set(_edges(ALTERNATIVE, found["ones"], found["others"], found["strengths"]))
                edges |= aside | set(_edges(PREREQUISITE, found["below"], found["above"], found["weights"]))
                asked = {end for edge in aside for end in (edge.source, edge.target)} - needed
        distance = steps_down(target, edges) if needed else {}
        nearest = dict(sorted(distance.items(), key=lambda pair: (pair[1], pair[0]))[:limit])
        return Subgraph(nearest, among(edges, nearest), truncated=len(distance) > limit)

    async def ping(self) -> None:
        async with self.client.reading() as transaction:
            await _single(transaction, "RETURN 1 AS one")

    async def close(self) -> None:
        await self.client.close()


async def _single(transaction: AsyncTransaction, query: LiteralString, **parameters: Any) -> Any:
    """The one row of a result."""
    return await (await transaction.run(query, parameters)).single(strict=True)


def _edges(kind: str, sources: Iterable[int], targets: Iterable[int], weights: Iterable[float]) -> Iterator[Edge]:
    return (
        Edge(source, target, kind, weight) for source, target, weight in zip(sources, targets, weights, strict=True)
    )


async def _edges_among(transaction: AsyncTransaction, ids: list[int]) -> tuple[Edge, ...]:
    result = await transaction.run(_AMONG, {"ids": ids})
    edges = [
        Edge(source, target, KINDS[row["type"]], row["weight"])
        for row in [row async for row in result]
        for source, target in zip(row["sources"], row["targets"], strict=True)
    ]
    return among(edges, ids)
