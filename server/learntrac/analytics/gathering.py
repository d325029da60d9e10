"""What a report says, gathered learner by learner from their days: no more of them are in memory than a batch.

Figures are those of dashboard and progress, over the days of the report (`activity.days.total_until`).
"""

import asyncio
import pickle
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import IO, NamedTuple

from learntrac.activity.days import Figures, LearnerDay, active_days, date_of, total_until, within
from learntrac.activity.totals import LEAST_ANSWERS, STRUGGLING_FROM
from learntrac.analytics import queries
from learntrac.analytics.report import Row
from learntrac.concepts.viewing import Viewer
from learntrac.kit.db import Database

LEARNERS_AT_ONCE = 200

Tell = Callable[[int, int], Awaitable[None]]
"""Told how many learners are read, of how many. It raises where nobody wants the report any more."""


class Concept(NamedTuple):
    """What a report says of a concept beside figures."""

    id: int
    title: str
    milestone: str
    component: str
    difficulty: float


@dataclass(frozen=True)
class Scope:
    """The days from `first` to `last`, and whom and what of the course the report is about; None: all."""

    first: int
    last: int
    user_ids: tuple[str, ...] | None = None
    milestones: tuple[str, ...] | None = None


class Spool:
    """Rows that wait in a file, batch by batch."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file

    def add(self, rows: list[Row]) -> None:
        """Put a batch behind the others."""
        pickle.dump(rows, self._file)

    def batches(self) -> Iterator[list[Row]]:
        """All of them, in order."""
        self._file.seek(0)
        while True:
            try:
                yield pickle.load(self._file)  # noqa: S301 - written above, by nobody else
            except EOFError:
                return


@dataclass
class OfMilestone:
    """What happened in a milestone up to the last day: who worked there, pairs completed, who completed everything."""

    learners: int = 0
    completed: int = 0
    finished: int = 0


@dataclass
class OfLearner:
    """One learner in the report's days: sums, the days they were active, and their last one ever up to the end."""

    user_id: str
    figures: Figures
    active: int
    last_day: int | None


@dataclass
class Gathered:
    """Everything that any report says."""

    scope: Scope
    concepts: Mapping[int, Concept]
    whole: Figures = field(default_factory=Figures)
    learners: int = 0
    active: int = 0
    first_active: int | None = None
    by_concept: defaultdict[int, Figures] = field(default_factory=lambda: defaultdict(Figures))
    by_milestone: defaultdict[str, OfMilestone] = field(default_factory=lambda: defaultdict(OfMilestone))
    completed_by_day: Counter[int] = field(default_factory=Counter)

    def struggling(self) -> list[tuple[Concept, Figures]]:
        """Concepts in which many graded answers fail, the worst first."""
        found = [
            (self.concepts[number], figures)
            for number, figures in self.by_concept.items()
            if figures.answers >= LEAST_ANSWERS and figures.failures >= STRUGGLING_FROM * figures.answers
        ]
        return sorted(found, key=lambda one: (-one[1].failure_rate, one[0].id))

    def take(self, user_id: str, days: Sequence[LearnerDay]) -> OfLearner:
        """Count one learner, whose days go from the first ever to the scope's last."""
        inside = list(within(days, self.scope.first, self.scope.last))
        figures = Figures()
        for concept_id, of_concept in _by_concept(inside).items():
            sums = total_until(of_concept)
            figures.add(sums)
            self.by_concept[concept_id].add(sums)
        active = active_days(inside)
        self.whole.add(figures)
        self.learners += 1
        self.active += bool(active)
        for day in inside:
            self.completed_by_day[day.day] += day.figures.completed
        self._take_milestones(days)
        if active:
            self.first_active = min(active | ({self.first_active} if self.first_active else set()))
        ever = active_days(days)
        return OfLearner(user_id, figures, len(active), max(ever) if ever else None)

    def _take_milestones(self, days: Iterable[LearnerDay]) -> None:
        worked, completed = set(), defaultdict(set)
        for day in days:
            milestone = self.concepts[day.concept_id].milestone
            worked.add(milestone)
            if day.figures.completed:
                completed[milestone].add(day.concept_id)
        for milestone in worked:
            found = self.by_milestone[milestone]
            found.learners += 1
            found.completed += len(completed[milestone])
            found.finished += len(completed[milestone]) == self._size[milestone]

    def __post_init__(self) -> None:
        self._size = Counter(concept.milestone for concept in self.concepts.values())

    @property
    def sizes(self) -> Counter[str]:
        """{milestone: its concepts}"""
        return self._size


def _by_concept(days: Iterable[LearnerDay]) -> dict[int, list[LearnerDay]]:
    found: defaultdict[int, list[LearnerDay]] = defaultdict(list)
    for day in days:
        found[day.concept_id].append(day)
    return found


async def gather(
    database: Database,
    *,
    scope: Scope,
    viewer: Viewer,
    tell: Tell,
    on_learners: Callable[[list[OfLearner], Gathered], Awaitable[None]],
) -> Gathered:
    """Go through all learners of the scope, in the concepts that `viewer` may know of; `on_learners` gets a batch."""
    concepts = await _read_concepts(database, scope, viewer)
    gathered = Gathered(scope, concepts)
    total = await count_learners(database, scope)
    async for batch in _batches(database, scope):
        # In a thread: requests go on meanwhile where jobs run in the server.
        found = await asyncio.to_thread(_take_batch, gathered, batch)
        await on_learners(found, gathered)
        await tell(gathered.learners, total)
    return gathered


def _take_batch(gathered: Gathered, batch: Mapping[str, list[LearnerDay]]) -> list[OfLearner]:
    return [
        gathered.take(user_id, [day for day in days if day.concept_id in gathered.concepts])
        for user_id, days in batch.items()
    ]


async def _read_concepts(database: Database, scope: Scope, viewer: Viewer) -> dict[int, Concept]:
    rows = map(tuple, await database.hot.slow_rows(queries.CONCEPTS))
    return {
        row[0]: Concept(*row)
        for row in rows
        if viewer.visibility.allows(row[0]) and (scope.milestones is None or row[2] in scope.milestones)
    }


async def count_learners(database: Database, scope: Scope) -> int:
    """How many learners the report will go through."""
    if scope.user_ids is not None:
        return len(scope.user_ids)
    return int((await database.hot.slow_rows(queries.COUNT_LEARNERS))[0][0])


async def _batches(database: Database, scope: Scope) -> AsyncIterator[dict[str, list[LearnerDay]]]:
    async for names in _names(database, scope):
        batch: dict[str, list[LearnerDay]] = {name: [] for name in names}
        values = {"users": names, "first": 0, "last": scope.last}
        async with database.read() as session:
            rows = await session.execute(queries.DAYS_BETWEEN, values)
            for user_id, day, concept_id, score, *figures in rows:
                batch[user_id].append(LearnerDay(concept_id, day, Figures(*figures), score))
        yield batch


async def _names(database: Database, scope: Scope) -> AsyncIterator[list[str]]:
    if scope.user_ids is not None:
        names = sorted(scope.user_ids)
        for place in range(0, len(names), LEARNERS_AT_ONCE):
            yield names[place : place + LEARNERS_AT_ONCE]
        return
    after = ""
    while True:
        async with database.read() as session:
            values = {"after": after, "most": LEARNERS_AT_ONCE}
            names = list((await session.execute(queries.LEARNERS_AFTER, values)).scalars())
        if not names:
            return
        yield names
        after = names[-1]


MOST_MONTHS = 24
"""Months that a chart shows, the last ones."""


def bars_by_time(counts: Mapping[int, int], first: int, last: int) -> tuple[str, tuple[tuple[str, float], ...]]:
    """The bars and, before them, how they go, in words: by day up to two weeks, by week up to sixteen, by month beyond,
    with the empty ones between. A week is named by its first day.
    """
    length = last - first + 1
    if length <= 14:
        return "by day", tuple((_short(date_of(day)), counts.get(day, 0)) for day in range(first, last + 1))
    if length <= 7 * 16:
        sums = dict.fromkeys(range(first, last + 1, 7), 0)
        for day, count in counts.items():
            sums[first + (day - first) // 7 * 7] += count
        return "by week", tuple((_short(date_of(day)), count) for day, count in sums.items())
    months = {_month(date_of(day)): 0 for day in range(first, last + 1)}
    for day, count in counts.items():
        months[_month(date_of(day))] += count
    words = "by month" if len(months) <= MOST_MONTHS else f"in {MOST_MONTHS} months"
    return words, tuple(months.items())[-MOST_MONTHS:]


def _short(day: date) -> str:
    return f"{day.day} {day:%b}"


def _month(day: date) -> str:
    return f"{day:%b %y}"
