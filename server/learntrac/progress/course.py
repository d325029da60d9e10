"""What of a course is the same for every learner, kept for each generation of the catalog.

Looked for at every request it would cost as much as the course is long.
"""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Collection, Iterable, Iterator, Mapping, Sequence
from heapq import merge
from itertools import chain, groupby, islice
from typing import Any, NamedTuple, TypeVar

from learntrac.kit.readers import HotReader
from learntrac.progress import queries
from learntrac.progress.choices import Choices

_Kept = TypeVar("_Kept")


class Start(NamedTuple):
    """A concept that needs no other: whoever has not mastered it may begin there."""

    id: int
    milestone: str
    difficulty: float
    minutes: int


class Starts:
    """The starts of a course, to be asked for those that are nearest."""

    def __init__(self, starts: Iterable[Start]) -> None:
        self._all: defaultdict[float, list[Start]] = defaultdict(list)
        self._of: defaultdict[str, defaultdict[float, list[Start]]] = defaultdict(lambda: defaultdict(list))
        in_order = sorted(starts)
        for start in in_order:
            self._all[start.difficulty].append(start)
            self._of[start.milestone][start.difficulty].append(start)
        self._ids = frozenset(start.id for start in in_order)

    def among(self, concepts: Collection[int]) -> set[int]:
        """Those of these concepts that are starts."""
        return {concept for concept in concepts if concept in self._ids}

    def nearest(
        self, most: int, *, milestone: str, wanted: float, only: str | None = None, minutes: int | None = None
    ) -> list[int]:
        """At most so many: those of `milestone` first, then by how far they are from the `wanted` difficulty, then by
        number. `only` of one milestone, and none that takes more than these minutes.
        """
        if only is not None:
            found = _outwards(self._of.get(only, {}), wanted)
        else:
            others = (start for start in _outwards(self._all, wanted) if start.milestone != milestone)
            found = chain(_outwards(self._of.get(milestone, {}), wanted), others)
        return [start.id for start in islice(_short(found, minutes), most)]


def _outwards(by_difficulty: Mapping[float, Sequence[Start]], wanted: float) -> Iterator[Start]:
    def away(difficulty: float) -> float:
        return abs(difficulty - wanted)

    for _, difficulties in groupby(sorted(by_difficulty, key=away), key=away):
        yield from merge(*(by_difficulty[difficulty] for difficulty in difficulties), key=lambda start: start.id)


def _short(starts: Iterable[Start], minutes: int | None) -> Iterator[Start]:
    return (start for start in starts if minutes is None or start.minutes <= minutes)


class KnownCourse:
    """The course as it is now. Each answer is of the generation that is asked for, or of a later one.

    `choices` are what its learners could do next.
    """

    def __init__(self) -> None:
        self._generation = -1
        self._kept: dict[object, Any] = {}
        self._one_at_a_time = asyncio.Lock()
        self.choices = Choices()

    async def milestones(self, reader: HotReader, generation: int) -> Counter[str]:
        """{milestone: its concepts}."""

        async def read() -> Counter[str]:
            return Counter({row[0]: row[1] for row in await reader.slow_rows(queries.MILESTONES)})

        return await self._keep("milestones", generation, read)

    async def first_milestones(self, reader: HotReader, generation: int) -> Sequence[tuple[int, str]]:
        """The first fifty concepts that are in a milestone, and which."""

        async def read() -> Sequence[tuple[int, str]]:
            return [(row[0], row[1]) for row in await reader.slow_rows(queries.FIRST_MILESTONES)]

        return await self._keep("first_milestones", generation, read)

    async def starts(self, reader: HotReader, generation: int) -> Starts:
        """The concepts that need no other."""

        async def read() -> Starts:
            rows = await reader.slow_rows(queries.STARTS)
            return await asyncio.to_thread(lambda: Starts(Start(*row) for row in rows))

        return await self._keep("starts", generation, read)

    async def needed_by(self, reader: HotReader, generation: int, milestone: str) -> Mapping[int, Sequence[int]]:
        """{prerequisite: the concepts of this milestone that need it}."""

        async def read() -> Mapping[int, Sequence[int]]:
            needed: defaultdict[int, list[int]] = defaultdict(list)
            for prerequisite, concept in await reader.slow_rows(queries.NEEDED_IN, milestone):
                needed[prerequisite].append(concept)
            return dict(needed)

        return await self._keep(("needed_by", milestone), generation, read)

    async def _keep(self, name: object, generation: int, read: Callable[[], Awaitable[_Kept]]) -> _Kept:
        async with self._one_at_a_time:
            if self._generation < generation:
                self._generation, self._kept = generation, {}
            if name not in self._kept:
                self._kept[name] = await read()
            kept: _Kept = self._kept[name]
            return kept
