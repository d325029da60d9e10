"""Numbers in an order in which a prerequisite stands before what needs it, kept while edges come and go. Pure.

After Pearce and Kelly, "A dynamic topological sort algorithm for directed acyclic graphs" (2006): an edge that goes
with the order costs nothing, and one against it a search among the numbers that stand between its two ends.
"""

from collections.abc import Callable, Iterable
from itertools import chain

Neighbours = Callable[[int], Iterable[int]]


class TopologicalOrder:
    """The order of a graph without cycles. `needs` and `needed_by` give the edges that have been fitted in."""

    def __init__(self, needs: Neighbours, needed_by: Neighbours) -> None:
        self._needs, self._needed_by = needs, needed_by
        self._places: dict[int, int] = {}
        self._end = 0

    def load(self, numbers: Iterable[int]) -> None:
        """Begin anew with numbers that are in order."""
        self._places = {number: place for place, number in enumerate(numbers)}
        self._end = len(self._places)

    def append(self, number: int) -> None:
        """Add a number without edges."""
        self._places[number] = self._end
        self._end += 1

    def remove(self, number: int) -> None:
        """Take a number away; its edges count no longer."""
        del self._places[number]

    def fit(self, number: int, other: int) -> bool:
        """Make room for the edge by which `number` needs `other`; False, and nothing moves, where it closes a cycle."""
        places = self._places
        lowest, highest = places[number], places[other]
        if highest < lowest:
            return True
        before = reach(other, lambda one: (two for two in self._needs(one) if places[two] >= lowest))
        if number in before:
            return False
        after = reach(number, lambda one: (two for two in self._needed_by(one) if places[two] < highest))
        moved = chain(*(sorted(side, key=places.__getitem__) for side in (before, after)))
        free = sorted(places[one] for one in before | after)
        places.update(zip(list(moved), free, strict=True))
        return True

    def where_cycles_run(self, closing: Iterable[tuple[int, int]]) -> Callable[[int], bool]:
        """Tells of a number whether it can be in a cycle that goes through one of these edges, which are not in the
        order. Such a cycle descends by the order from where one of them leads to where one begins.
        """
        places = self._places
        if not places:
            return lambda _number: True
        known = [(places[number], places[other]) for number, other in closing if number in places and other in places]
        lowest = min((begin for begin, _ in known), default=0)
        highest = max((end for _, end in known), default=-1)
        return lambda number: lowest <= places.get(number, -1) <= highest


def reach(start: int, neighbours: Neighbours) -> set[int]:
    """`start` and everything that can be got to from it."""
    seen, waiting = {start}, [start]
    while waiting:
        for other in neighbours(waiting.pop()):
            if other not in seen:
                seen.add(other)
                waiting.append(other)
    return seen
