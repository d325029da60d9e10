"""Neo4j while it answers and is in step with the catalog, else the embedded graph. Nobody who asks notices which."""

import time
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import TypeVar

from learntrac.backends.cache.patience import at_most
from learntrac.backends.graph import Graph, GraphBehind, GraphDown, Subgraph
from learntrac.backends.graph.content import State
from learntrac.backends.graph.copying import Neo4jCopy
from learntrac.backends.graph.neo4j import Neo4jGraph
from learntrac.backends.graph.rows import GraphRows
from learntrac.kit.clock import Clock
from learntrac.kit.logs import get_logger

ANSWER_WITHIN_SECONDS = 1.0
"""For an answer as a whole, connecting included."""
TRY_AGAIN_AFTER_SECONDS = 1.0
HELD_KNOWN_FOR_SECONDS = 1.0
LATE_AFTER_SECONDS = 5.0
MEANWHILE = "the graph is answered from SQL meanwhile"

_log = get_logger("learntrac.graph")
_T = TypeVar("_T")


class FallbackGraph:
    """Asks Neo4j first. After a call that failed or hung it is left alone for a second; then one call tries again.

    What Neo4j holds is compared with the catalog's generation at every call, so that no answer is older than the
    catalog; what it holds is asked once a second, or when the catalog has changed.
    """

    name = "neo4j"

    def __init__(self, graph: Neo4jGraph, copy: Neo4jCopy, rows: GraphRows, embedded: Graph, *, clock: Clock) -> None:
        self._graph, self._copy, self._rows, self._embedded, self._clock = graph, copy, rows, embedded, clock
        self._away = False
        self._try_at = 0.0
        self._held: tuple[str, int] | None = None
        self._held_until = 0.0

    async def neighbourhood(self, centre: int | None, *, depth: int, limit: int) -> Subgraph:
        return await self._or(
            lambda: self._graph.neighbourhood(centre, depth=depth, limit=limit),
            lambda: self._embedded.neighbourhood(centre, depth=depth, limit=limit),
        )

    async def needed_for(self, target: int, *, limit: int) -> Subgraph:
        return await self._or(
            lambda: self._graph.needed_for(target, limit=limit),
            lambda: self._embedded.needed_for(target, limit=limit),
        )

    async def ping(self) -> None:
        state = await self._rows.state()
        try:
            async with at_most(ANSWER_WITHIN_SECONDS):
                held = await self._ask_held()
        except Exception as error:
            self._lost(error)
            raise GraphDown(f"{_why(error)}; {MEANWHILE}") from error
        self._found()
        self._raise_if_late(state, held)

    async def close(self) -> None:
        await self._graph.close()

    def _raise_if_late(self, state: State, held: tuple[str, int] | None) -> None:
        if held is None or held[0] != state.identity:
            raise GraphBehind(f"it does not hold this catalog yet; {MEANWHILE}")
        late = self._clock() - state.changed_at > timedelta(seconds=LATE_AFTER_SECONDS)
        if held[1] != state.generation and late:
            raise GraphBehind(f"it holds generation {held[1]} of {state.generation}; {MEANWHILE}")

    async def _or(self, shared: Callable[[], Awaitable[_T]], embedded: Callable[[], Awaitable[_T]]) -> _T:
        if self._may_try():
            state = await self._rows.state()
            try:
                async with at_most(ANSWER_WITHIN_SECONDS):
                    if await self._is_in_step(state):
                        return await shared()
            except Exception as error:  # noqa: BLE001 - whatever Neo4j does, a request is not the one to suffer
                self._lost(error)
        return await embedded()

    def _may_try(self) -> bool:
        if not self._away:
            return True
        if time.monotonic() < self._try_at:
            return False
        # One call tries; nobody else waits to see what comes of it.
        self._try_at = time.monotonic() + TRY_AGAIN_AFTER_SECONDS
        return True

    async def _is_in_step(self, state: State) -> bool:
        wanted = (state.identity, state.generation)
        if self._away or self._held != wanted or time.monotonic() >= self._held_until:
            await self._ask_held()
            self._found()
        return self._held == wanted

    async def _ask_held(self) -> tuple[str, int] | None:
        self._held = await self._copy.held()
        self._held_until = time.monotonic() + HELD_KNOWN_FOR_SECONDS
        return self._held

    def _found(self) -> None:
        if self._away:
            self._away = False
            _log.info("neo4j answers again")

    def _lost(self, error: Exception) -> None:
        self._try_at = time.monotonic() + TRY_AGAIN_AFTER_SECONDS
        if not self._away:
            self._away = True
            _log.warning("neo4j does not answer: the graph is answered from SQL", error=_why(error))


def _why(error: Exception) -> str:
    return str(error) or "no answer in time"
