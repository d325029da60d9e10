"""What an instructor may want to look at in the prerequisite graph. Pure.

An edge is doubtful where learners who had mastered the prerequisite did no better on their first answer to the concept
than those who had not: the upper end of the 95 % interval of the difference of the two shares (Newcombe 1998, method
10, from Wilson's intervals) is below 5 points, with at least 20 learners on either side.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from math import sqrt

LEAST_LEARNERS = 20
LITTLE_HELP = 0.05
LOOK_AHEAD = 2000
"""So many concepts are looked at in search of another way to the same place."""
_Z = 1.959964

Pair = tuple[int, int]
"""(prerequisite, concept)"""


@dataclass(frozen=True)
class Doubt:
    """An edge that the data speaks against, with its figures."""

    edge: Pair
    learners_with: int
    right_with: float
    learners_without: int
    right_without: float
    at_most: float


@dataclass(frozen=True)
class Report:
    """What was found; lists in ascending order."""

    cycles: list[list[int]] = field(default_factory=list)
    dangling: list[Pair] = field(default_factory=list)
    orphans: list[int] = field(default_factory=list)
    redundant: list[tuple[Pair, list[int]]] = field(default_factory=list)
    no_way_in: list[int] = field(default_factory=list)


def look(concepts: Collection[int], edges: Iterable[tuple[int, int, str]], related: Iterable[Pair]) -> Report:
    """What is odd about the graph; `edges` are (prerequisite, concept, state) as the catalog holds them."""
    by_state: defaultdict[str, list[Pair]] = defaultdict(list)
    for prerequisite, concept, state in sorted(edges):
        by_state[state].append((prerequisite, concept))
    kept = by_state["kept"]
    touched = {end for pairs in (*by_state.values(), list(related)) for pair in pairs for end in pair}
    needs = _needs(kept)
    broken = {concept for state in ("dangling", "cyclic") for _, concept in by_state[state]}
    return Report(
        cycles=_cycles(kept, by_state["cyclic"]),
        dangling=by_state["dangling"],
        orphans=sorted(set(concepts) - touched),
        redundant=_redundant(needs),
        no_way_in=sorted(broken - needs.keys()),
    )


def _needs(kept: Iterable[Pair]) -> dict[int, list[int]]:
    needs: defaultdict[int, list[int]] = defaultdict(list)
    for prerequisite, concept in kept:
        needs[concept].append(prerequisite)
    return dict(needs)


def _cycles(kept: Iterable[Pair], cyclic: Iterable[Pair]) -> list[list[int]]:
    """For each edge that was left out: the circle that it would have closed, beginning at its concept."""
    needs = _needs(kept)
    return [way for prerequisite, concept in cyclic if (way := _way(needs, prerequisite, concept))]


def _way(needs: Mapping[int, Sequence[int]], start: int, end: int) -> list[int]:
    """The shortest way from `end` back to itself over the edge to `start`."""
    came_from, waiting = {start: start}, [start]
    for concept in waiting:
        if concept == end:
            break
        for other in needs.get(concept, ()):
            if other not in came_from:
                came_from[other] = concept
                waiting.append(other)
    if end not in came_from:
        return []
    way = [end]
    while way[-1] != start:
        way.append(came_from[way[-1]])
    return [end, *way[::-1]]


def _redundant(needs: Mapping[int, Sequence[int]]) -> list[tuple[Pair, list[int]]]:
    """Edges between which and the concept another way leads, with the concepts on it."""
    found = []
    for concept, direct in sorted(needs.items()):
        if len(direct) < 2:
            continue
        for prerequisite in direct:
            others = [other for other in direct if other != prerequisite]
            between = _between(needs, others, prerequisite)
            if between:
                found.append(((prerequisite, concept), between))
    return found


def _between(needs: Mapping[int, Sequence[int]], starts: Sequence[int], end: int) -> list[int]:
    came_from: dict[int, int | None] = dict.fromkeys(starts)
    waiting = list(starts)
    for concept in waiting:
        if end in needs.get(concept, ()):
            way = [concept]
            while (before := came_from[way[-1]]) is not None:
                way.append(before)
            return way
        if len(waiting) > LOOK_AHEAD:
            break
        for other in needs.get(concept, ()):
            if other not in came_from:
                came_from[other] = concept
                waiting.append(other)
    return []


def doubts(counts: Iterable[tuple[int, int, int, int, int, int]]) -> list[Doubt]:
    """The edges that the data speaks against, worst first.

    Each count is (prerequisite, concept, learners who had mastered it, right of these, all learners, right of all).
    """
    found = []
    for prerequisite, concept, knew, knew_right, everybody, everybody_right in counts:
        others, others_right = everybody - knew, everybody_right - knew_right
        if min(knew, others) < LEAST_LEARNERS:
            continue
        at_most = difference_at_most(knew_right, knew, others_right, others)
        if at_most < LITTLE_HELP:
            edge = (prerequisite, concept)
            found.append(Doubt(edge, knew, knew_right / knew, others, others_right / others, at_most))
    return sorted(found, key=lambda doubt: (doubt.at_most, doubt.edge))


def difference_at_most(right_1: int, of_1: int, right_2: int, of_2: int) -> float:
    """The upper end of the 95 % interval of the first share less the second (Newcombe 1998, method 10)."""
    share_1, share_2 = right_1 / of_1, right_2 / of_2
    upper_1, lower_2 = _wilson(right_1, of_1)[1], _wilson(right_2, of_2)[0]
    return share_1 - share_2 + sqrt((upper_1 - share_1) ** 2 + (share_2 - lower_2) ** 2)


def _wilson(right: int, of: int) -> tuple[float, float]:
    """Wilson's 95 % interval of a share (1927)."""
    share, square = right / of, _Z * _Z
    middle = share + square / (2 * of)
    width = _Z * sqrt(share * (1 - share) / of + square / (4 * of * of))
    return (middle - width) / (1 + square / of), (middle + width) / (1 + square / of)
