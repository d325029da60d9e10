"""The embedded twin: every edge held in this process, brought up to the catalog's generation before each answer."""

import asyncio
from collections import defaultdict, deque
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from math import inf

from learntrac.backends.graph import ALTERNATIVE, NOTHING, PREREQUISITE, Edge, Subgraph
from learntrac.backends.graph.rows import GraphRows

READ_ANEW_FROM = 2_000
"""So many changed concepts are not read one by one: everything is."""
_NEEDED = (PREREQUISITE, ALTERNATIVE)


@dataclass(frozen=True)
class Held:
    """The graph as it was at one generation of one catalog; never changed. `at` has each concept's edges, sorted."""

    identity: str
    generation: int
    at: Mapping[int, tuple[Edge, ...]]

    def with_changes(self, generation: int, changed: Collection[int], there: set[int], edges: Iterable[Edge]) -> "Held":
        """The same at a later generation: `edges` are all that are at the `changed` concepts, `there` are those of
        them, and of the other ends, that exist.
        """
        gone, at = set(changed), dict(self.at)
        touched = {_other(edge, concept) for concept in gone for edge in at.get(concept, ())} - gone
        for concept in touched:
            at[concept] = tuple(edge for edge in at[concept] if _other(edge, concept) not in gone)
        for concept in gone:
            at.pop(concept, None)
        added = _by_end(there & gone, edges, there)
        at |= {one: tuple(sorted(at.get(one, ()) + new)) for one, new in added.items()}
        return Held(self.identity, generation, at)

    def beside(self, concept: int) -> Iterator[int]:
        """Every concept one step away, perhaps more than once."""
        return (_other(edge, concept) for edge in self.at[concept])

    def neighbourhood(self, centre: int | None, *, depth: int, limit: int) -> Subgraph:
        """As Graph.neighbourhood."""
        if centre is None:
            first = sorted(self.at)
            return Subgraph(dict.fromkeys(first[:limit], 0), self._among(first[:limit]), truncated=len(first) > limit)
        if centre not in self.at:
            return NOTHING
        distance, frontier, truncated = {centre: 0}, [centre], False
        for step in range(1, depth + 1):
            reached = sorted({other for one in frontier for other in self.beside(one)} - distance.keys())
            room = limit - len(distance)
            frontier, truncated = reached[:room], len(reached) > room
            distance |= dict.fromkeys(frontier, step)
            if truncated or not frontier:
                break
        return Subgraph(distance, self._among(distance), truncated)

    def needed_for(self, target: int, *, limit: int) -> Subgraph:
        """As Graph.needed_for."""
        if target not in self.at:
            return NOTHING
        distance = self._steps_down(target)
        nearest = dict(sorted(distance.items(), key=lambda pair: (pair[1], pair[0]))[:limit])
        edges = tuple(edge for edge in self._among(nearest) if edge.relationship in _NEEDED)
        return Subgraph(nearest, edges, truncated=len(distance) > limit)

    def _steps_down(self, target: int) -> dict[int, int]:
        """{concept: fewest steps} from `target` to what it needs; an alternative is as near as what it stands for."""
        distance, waiting = {target: 0}, deque([target])
        while waiting:
            concept = waiting.popleft()
            here = distance[concept]
            for edge in self.at[concept]:
                other = _other(edge, concept)
                if edge.relationship == PREREQUISITE and other != edge.target and distance.get(other, inf) > here + 1:
                    distance[other] = here + 1
                    waiting.append(other)
                elif edge.relationship == ALTERNATIVE and distance.get(other, inf) > here:
                    distance[other] = here
                    waiting.appendleft(other)
        return distance

    def _among(self, concepts: Collection[int]) -> tuple[Edge, ...]:
        known = set(concepts)
        here = (edge for one in sorted(known) for edge in self.at[one] if edge.source == one)
        return tuple(edge for edge in here if edge.target in known)


def _other(edge: Edge, concept: int) -> int:
    return edge.source if edge.target == concept else edge.target


def _by_end(concepts: Iterable[int], edges: Iterable[Edge], there: Collection[int]) -> dict[int, tuple[Edge, ...]]:
    """The edges at each end, where both ends exist: a relationship outlives a ticket that was deleted."""
    at: defaultdict[int, list[Edge]] = defaultdict(list, {concept: [] for concept in concepts})
    for edge in set(edges):
        if edge.source in there and edge.target in there:
            at[edge.source].append(edge)
            at[edge.target].append(edge)
    return {concept: tuple(sorted(found)) for concept, found in at.items()}


class EmbeddedGraph:
    """Never out of date: each answer begins by asking for the catalog's generation, which costs a short read."""

    name = "embedded"

    def __init__(self, rows: GraphRows) -> None:
        self._rows = rows
        self._held: Held | None = None
        self._one_at_a_time = asyncio.Lock()

    async def neighbourhood(self, centre: int | None, *, depth: int, limit: int) -> Subgraph:
        held = await self._current()
        return await asyncio.to_thread(held.neighbourhood, centre, depth=depth, limit=limit)

    async def needed_for(self, target: int, *, limit: int) -> Subgraph:
        held = await self._current()
        return await asyncio.to_thread(held.needed_for, target, limit=limit)

    async def ping(self) -> None:
        return None

    async def close(self) -> None:
        return None

    async def _current(self) -> Held:
        async with self._one_at_a_time:
            # The generation first: rows that are newer than it are read once more the next time, which is no harm.
            state = await self._rows.state()
            held = self._held
            if held is None or held.identity != state.identity or held.generation > state.generation:
                self._held = held = await self._read(state.identity, state.generation)
            elif held.generation < state.generation:
                changed = await self._rows.changed_since(held.generation)
                if len(changed) < READ_ANEW_FROM:
                    there, edges = await self._rows.edges(changed)
                    held = await asyncio.to_thread(held.with_changes, state.generation, changed, there, edges)
                else:
                    held = await self._read(state.identity, state.generation)
                self._held = held
            return held

    async def _read(self, identity: str, generation: int) -> Held:
        there, edges = await self._rows.edges()
        return Held(identity, generation, await asyncio.to_thread(_by_end, there, edges, there))
