"""The prerequisite graph as it was written, and the part of it that can be followed: no dangling edge, no cycle. Pure.

Which edge of a cycle is left out depends only on the edges of that cycle's strongly connected component: they are
taken in order of (concept, prerequisite), and one that would close a cycle is left out. So an incremental update and
a rebuild from nothing agree.
"""

import heapq
from collections import defaultdict
from collections.abc import Iterable, Mapping

from learntrac.trac.ordering import TopologicalOrder, reach

KEPT, DANGLING, CYCLIC = "kept", "dangling", "cyclic"

Written = Mapping[int, str]
"""{prerequisite: the source that names it}, as one ticket writes it."""


class PrerequisiteGraph:
    """Written edges by concept, with the state of each. A change costs as much as the neighbourhood it can affect:
    hardly more than the ticket itself, unless it stands within the reach of a cycle.
    """

    def __init__(self) -> None:
        self._known: set[int] = set()
        self._written: dict[int, Written] = {}
        self._dependents: defaultdict[int, set[int]] = defaultdict(set)
        self._cyclic: set[tuple[int, int]] = set()
        self._loose: set[tuple[int, int]] = set()  # new, and not known yet to be kept or cyclic
        self._order = TopologicalOrder(self._needs, self._needed_by)

    def edges(self, concept_id: int) -> list[tuple[int, str, str]]:
        """(prerequisite, source, state) of every edge written at this concept, by number."""
        return [
            (other, source, self._state(concept_id, other))
            for other, source in sorted(self._written.get(concept_id, {}).items())
        ]

    def kept(self, concept_id: int) -> list[int]:
        """The prerequisites that count, by number."""
        return [other for other, _, state in self.edges(concept_id) if state == KEPT]

    def load(self, written: Mapping[int, Written]) -> None:
        """Begin anew with all tickets and the edges written at each."""
        self._known = set(written)
        self._written, self._cyclic = {}, set()
        self._dependents = defaultdict(set)
        self._order.load(())
        for concept_id, edges in written.items():
            self._write(concept_id, edges)
        peeled = self._peeled()
        if rest := self._known - set(peeled):
            self._loose = self._followed_edges(rest)
            self._resettle(rest)
            peeled = self._peeled()
        self._loose = set()
        self._order.load(peeled)

    def put(self, changed: Mapping[int, Written]) -> set[int]:
        """Add or rewrite tickets; returns every concept one of whose edges came, went or changed its state."""
        changed = {
            number: edges
            for number, edges in changed.items()
            if number not in self._known or self._written.get(number, {}) != edges
        }
        added = changed.keys() - self._known
        cyclic_before, around = set(self._cyclic), self._around(changed)
        for concept_id, edges in changed.items():
            self._know(concept_id)
            self._write(concept_id, edges)
        self._fit(self._followed_edges(changed.keys() | self._named_by(added)))
        self._resettle(around | self._around(changed))
        self._fit(self._followed_edges({concept_id for concept_id, _ in cyclic_before}) | self._loose)
        return set(changed) | self._named_by(added) | {concept_id for concept_id, _ in cyclic_before ^ self._cyclic}

    def remove(self, gone: Iterable[int]) -> set[int]:
        """Take tickets away; returns the concepts left one of whose edges changed its state."""
        gone = set(gone) & self._known
        cyclic_before, around = set(self._cyclic), self._around(gone)
        self._known -= gone
        for concept_id in gone:
            self._write(concept_id, {})
            self._order.remove(concept_id)
        self._resettle(around - gone)
        self._fit(self._followed_edges({concept_id for concept_id, _ in cyclic_before}))
        changed = self._named_by(gone) | {concept_id for concept_id, _ in cyclic_before ^ self._cyclic}
        return changed - gone

    def _state(self, concept_id: int, other: int) -> str:
        if other not in self._known:
            return DANGLING
        return CYCLIC if (concept_id, other) in self._cyclic else KEPT

    def _know(self, concept_id: int) -> None:
        if concept_id not in self._known:
            self._known.add(concept_id)
            self._order.append(concept_id)

    def _followed_edges(self, concept_ids: Iterable[int]) -> set[tuple[int, int]]:
        return {(concept_id, other) for concept_id in concept_ids for other in self._followed(concept_id)}

    def _fit(self, edges: set[tuple[int, int]]) -> None:
        """Bring these edges into the order. One that closes a cycle stays loose until it is settled which edge is
        left out.
        """
        self._loose = edges - self._cyclic
        for edge in sorted(self._loose):
            if self._order.fit(*edge):
                self._loose.discard(edge)

    def _write(self, concept_id: int, edges: Written) -> None:
        for other in self._written.pop(concept_id, {}):
            self._cyclic.discard((concept_id, other))
            self._dependents[other].discard(concept_id)
            if not self._dependents[other]:
                del self._dependents[other]
        if edges:
            self._written[concept_id] = dict(edges)
            for other in edges:
                self._dependents[other].add(concept_id)

    def _named_by(self, numbers: Iterable[int]) -> set[int]:
        """The concepts that name one of these tickets as a prerequisite."""
        named: set[int] = set()
        return named.union(*(self._dependents.get(number, set()) for number in numbers))

    def _around(self, changed: Iterable[int]) -> set[int]:
        """Everyone an edge of whom may change its state with these tickets."""
        around = set(changed) | self._named_by(changed)
        return around.union(*(self._cycle_of(number) for number in changed))

    def _cycle_of(self, concept_id: int) -> set[int]:
        """The strongly connected component of a ticket: what it needs and what needs it, both at once."""
        closing = self._cyclic | self._loose
        if not closing or not self._written.get(concept_id) or concept_id not in self._dependents:
            return {concept_id}
        possible = self._order.where_cycles_run(closing)
        if not possible(concept_id):
            return {concept_id}
        needs = reach(concept_id, lambda number: filter(possible, self._followed(number)))
        if needs.isdisjoint(self._dependents[concept_id]):
            return {concept_id}
        return needs & reach(concept_id, lambda number: filter(possible, self._followed_by(number)))

    def _followed(self, concept_id: int) -> Iterable[int]:
        return (other for other in self._written.get(concept_id, ()) if other in self._known)

    def _followed_by(self, concept_id: int) -> Iterable[int]:
        return self._dependents.get(concept_id, ())

    def _needs(self, concept_id: int) -> Iterable[int]:
        return (other for other in self._followed(concept_id) if self._is_fitted((concept_id, other)))

    def _needed_by(self, concept_id: int) -> Iterable[int]:
        return (other for other in self._followed_by(concept_id) if self._is_fitted((other, concept_id)))

    def _is_fitted(self, edge: tuple[int, int]) -> bool:
        return edge not in self._cyclic and edge not in self._loose

    def _peeled(self) -> list[int]:
        """The tickets in an order of learning, low numbers early, as courses are written: an edit then moves few. Those
        that are in a cycle not yet cut, or need one that is, are missing (Kahn, 1962).
        """
        waiting_for = {number: len(self.kept(number)) for number in self._known}
        free = [number for number, count in waiting_for.items() if count == 0]
        heapq.heapify(free)
        peeled: list[int] = []
        while free:
            peeled.append(heapq.heappop(free))
            for dependent in self._followed_by(peeled[-1]):
                if (dependent, peeled[-1]) not in self._cyclic:
                    waiting_for[dependent] -= 1
                    if waiting_for[dependent] == 0:
                        heapq.heappush(free, dependent)
        return peeled

    def _resettle(self, concept_ids: set[int]) -> None:
        left = set(concept_ids)
        while left:
            component = self._cycle_of(left.pop())
            left -= component
            self._settle(component)

    def _settle(self, component: set[int]) -> None:
        """Decide which edges inside a strongly connected component are kept."""
        edges = [(a, b) for a in component for b in self._written.get(a, ())]
        # Those that lead out of the component as well: the cycle that they closed may be broken by now.
        self._cyclic.difference_update(edges)
        kept: defaultdict[int, list[int]] = defaultdict(list)
        for concept_id, other in sorted(edge for edge in edges if edge[1] in component):
            if concept_id in reach(other, lambda number: kept.get(number, ())):
                self._cyclic.add((concept_id, other))
            else:
                kept[concept_id].append(other)
