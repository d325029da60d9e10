"""Figures of a window, for all learners or for one: the one place where dashboards, pages and metrics read them.

Of all learners they come from the totals, which cost the same however long the log and the window are. Where some
concepts are hidden from whoever looks, the learners' days are added up without these. Of one learner they come from
the log itself.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from learntrac.activity import queries
from learntrac.activity.days import Figures, LearnerDay, active_days, total, within
from learntrac.activity.service import read_days
from learntrac.activity.windows import WINDOWS, engagement, engagement_parts, first_day
from learntrac.kit.readers import WideReader
from learntrac.trac.visibility import Visibility

STRUGGLING_FROM, LEAST_ANSWERS = 0.3, 5
"""Concepts count as struggling from this failure rate up, with at least so many graded answers."""


@dataclass(frozen=True)
class Part:
    """One window: the sums, how many learners were active, and their engagement."""

    figures: Figures = field(default_factory=Figures)
    learners: int = 0
    engagement: float = 0.0

    def shown(self) -> dict[str, float]:
        """The figures that metrics have, by name."""
        sums = self.figures
        return {
            "active_learners": self.learners,
            "concepts_completed": sums.completed_last,
            "hours": sums.hours,
            "completion_rate": sums.completion_rate,
            "mastery": sums.average_mastery,
        }


@dataclass(frozen=True)
class OfConcept:
    """A concept's sums in the window."""

    concept_id: int
    title: str
    figures: Figures


@dataclass(frozen=True)
class WindowTotals:
    """The window that ends today and the one of equal length before it, with the concepts that stand out in the
    first: `top` by how many learners completed them, `struggling` by their failure rate.
    """

    current: Part
    previous: Part
    top: list[OfConcept]
    struggling: list[OfConcept]


async def of_all(
    reader: WideReader, *, window: str, today: int, visibility: Visibility, most: int = 10
) -> WindowTotals:
    """Of all learners, as of the last time that the rollups were brought up to date (`service.keep_up`)."""
    if not (visibility.uniform and visibility.default):
        return await _of_all_seen(reader, window, today, visibility, most)
    before = first_day(window, today) - 1
    return WindowTotals(
        current=await read_part(reader, window, today),
        previous=await read_part(reader, window, before),
        top=_named(await reader.rows(queries.TOP, window, most)),
        struggling=_named(await reader.rows(queries.STRUGGLING, window, LEAST_ANSWERS, STRUGGLING_FROM, most)),
    )


async def of_learner(
    reader: WideReader, *, user_id: str, window: str, today: int, visibility: Visibility, most: int = 10
) -> WindowTotals:
    """Of one learner, up to this moment."""
    first, length = first_day(window, today), WINDOWS[window]
    read = await read_days(reader, user_id=user_id, first=first - length, last=today, with_sessions=True)
    days = [day for day in read if visibility.allows(day.concept_id)]
    recent = list(within(days, first, today))
    concepts: defaultdict[int, Figures] = defaultdict(Figures)
    for day in recent:
        concepts[day.concept_id].add(day.figures)
    return WindowTotals(
        _part_of_one(recent, length),
        _part_of_one(list(within(days, first - length, first - 1)), length),
        *await _outstanding(reader, concepts, most),
    )


def _part_of_one(days: Sequence[LearnerDay], length: int) -> Part:
    active = active_days(days)
    learners = int(bool(active))
    return Part(total(days), learners, engagement(engagement_parts(len(active), length), learners, length))


async def read_part(reader: WideReader, window: str, last: int) -> Part:
    """All learners' window that ends on `last`."""
    sums = (await reader.rows(queries.SUM_OF_DAYS, first_day(window, last), last))[0]
    learners, parts = (await reader.rows(queries.SUM_OF_CHANGES, window, last))[0]
    return Part(Figures(*map(int, sums)), int(learners), engagement(int(parts), int(learners), WINDOWS[window]))


async def _of_all_seen(reader: WideReader, window: str, today: int, visibility: Visibility, most: int) -> WindowTotals:
    numbers = [row[0] for row in await reader.slow_rows(queries.CONCEPTS)]
    seen, length = reader.ids(number for number in numbers if visibility.allows(number)), WINDOWS[window]
    first = first_day(window, today)
    concepts = await sums_by_concept(reader, first=first, last=today, seen=seen)
    return WindowTotals(
        await _part_seen(reader, first, today, seen),
        await _part_seen(reader, first - length, first - 1, seen),
        *await _outstanding(reader, concepts, most),
    )


async def sums_by_concept(reader: WideReader, *, first: int, last: int, seen: object) -> dict[int, Figures]:
    """{concept: sums} of these days, of concepts among `seen` (made by `reader.ids`)."""
    sql = queries.SUM_BY_CONCEPT.format(reader.among("concept_id", 3))
    return {row[0]: Figures(*map(int, row[1:])) for row in map(tuple, await reader.slow_rows(sql, first, last, seen))}


async def _part_seen(reader: WideReader, first: int, last: int, seen: object) -> Part:
    length, among = last - first + 1, reader.among("concept_id", 3)
    sums = (await reader.slow_rows(queries.SUM_SEEN.format(among), first, last, seen))[0]
    rows = await reader.slow_rows(queries.ACTIVE_SEEN.format(among), first, last, seen)
    learners = sum(int(count) for _, count in rows)
    parts = sum(engagement_parts(int(days), length) * int(count) for days, count in rows)
    return Part(Figures(*map(int, sums)), learners, engagement(parts, learners, length))


async def _outstanding(
    reader: WideReader, concepts: Mapping[int, Figures], most: int
) -> tuple[list[OfConcept], list[OfConcept]]:
    titles = await read_titles(reader, concepts)
    known = [OfConcept(number, titles[number], sums) for number, sums in concepts.items() if number in titles]
    top = _best(known, most, lambda one: one.figures.completed_last)
    struggling = [
        one
        for one in known
        if one.figures.answers >= LEAST_ANSWERS and one.figures.failures >= STRUGGLING_FROM * one.figures.answers
    ]
    return top, _best(struggling, most, lambda one: one.figures.failures / one.figures.answers)


def _best(concepts: Iterable[OfConcept], most: int, by: Callable[[OfConcept], float]) -> list[OfConcept]:
    found = [one for one in concepts if by(one) > 0]
    return sorted(found, key=lambda one: (-by(one), one.concept_id))[:most]


async def read_titles(reader: WideReader, concepts: Iterable[int]) -> dict[int, str]:
    """{concept: title} of those that there are still."""
    numbers = list(concepts)
    if not numbers:
        return {}
    rows = await reader.slow_rows(queries.TITLES.format(reader.among("id", 1)), reader.ids(numbers))
    return {row[0]: row[1] for row in rows}


def _named(rows: Sequence[Sequence[Any]]) -> list[OfConcept]:
    return [OfConcept(row[0], row[1], Figures(*row[2:])) for row in map(tuple, rows)]
