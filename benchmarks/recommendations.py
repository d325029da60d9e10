"""Recommendations in process: their time, and the ratio to the one SQL query that reads the candidates.

    python -m benchmarks.recommendations [CONCEPTS ...]

The course and a learner with 300 standings are invented (SQLite). "Candidates" is one statement that reads id, title,
difficulty, minutes and milestone of every concept that is not mastered and all of whose prerequisites are met.
"""

import asyncio
import statistics
import sys
import time
from collections.abc import Awaitable, Callable

from benchmarks.places import LEARNER, Place, places
from benchmarks.rounds import print_table
from benchmarks.seeding import put_standings
from learntrac.adaptive.schemas import RecommendationsQuery
from learntrac.adaptive.service import recommend
from learntrac.concepts.viewing import viewer_of
from learntrac.config import Settings
from learntrac.main import Parts, opened
from learntrac.progress.choices import Choices
from learntrac.progress.recommending import Asked
from learntrac.progress.record import get_record

SIZES = (1_000, 10_000, 100_000)
ROUNDS = 15
TARGET_MS = 20
_CANDIDATES = (
    "SELECT c.id, c.title, c.difficulty, c.estimated_minutes, c.milestone FROM concept c"
    " LEFT JOIN standing s ON s.user_id = $1 AND s.concept_id = c.id"
    " WHERE coalesce(s.status, '') <> 'mastered' AND NOT EXISTS (SELECT 1 FROM prerequisite p"
    "  LEFT JOIN standing m ON m.user_id = $1 AND m.concept_id = p.prerequisite_id"
    "  WHERE p.concept_id = c.id AND p.state = 'kept'"
    "  AND NOT coalesce(m.status = 'mastered' OR m.completed_at IS NOT NULL, false))"
)


async def timed(work: Callable[[], Awaitable[object]]) -> float:
    """Milliseconds of processor time, of all threads: the machine is never quiet."""
    began = time.process_time()
    await work()
    return 1000 * (time.process_time() - began)


async def measure(place: Place) -> tuple[list[float], list[float], list[float]]:
    """(a list made anew, one remembered, the candidates' query), in turn."""
    async with opened(Settings(trac_env=place.folder)) as parts:
        with place.learntrac_tables() as tables:
            put_standings(tables, LEARNER, concepts=place.tickets)
        taken = []
        for _ in range(ROUNDS + 1):
            parts.course.choices = Choices()
            anew, remembered = await timed(lambda: _recommend(parts)), await timed(lambda: _recommend(parts))
            plain = await timed(lambda: parts.database.hot.slow_rows(_CANDIDATES, LEARNER))
            taken.append((anew, remembered, plain))
    anews, remembereds, plains = zip(*taken[1:], strict=True)
    return list(anews), list(remembereds), list(plains)


async def _recommend(parts: Parts) -> object:
    asked = Asked(
        LEARNER,
        viewer_of(parts.trac.permissions(), LEARNER),
        parts.clock(),
        parts.model,
        parts.course,
    )
    record = await get_record(parts.database.hot, LEARNER)
    return await recommend(parts.database.hot, asked=asked, record=record, query=RecommendationsQuery())


def main(sizes: tuple[int, ...] = SIZES) -> None:
    """Print the figures."""
    rows = []
    with places() as room:
        for size in sizes:
            anew, remembered, theirs = asyncio.run(measure(room.make("sqlite", size)))
            ratio = statistics.median(mine / plain for mine, plain in zip(anew, theirs, strict=True))
            rows.append(
                (
                    f"{size:,}",
                    f"{statistics.median(anew):.1f} ({min(anew):.1f} to {max(anew):.1f})",
                    f"{statistics.median(remembered):.1f}",
                    f"{statistics.median(theirs):.1f}",
                    f"{ratio:.2f}",
                )
            )
    columns = ("concepts", "a list, CPU ms", "remembered, CPU ms", "candidates' query, CPU ms", "ratio")
    print_table(f"Recommendations (aim: {TARGET_MS} ms at 10,000)", columns, rows)


if __name__ == "__main__":
    main(tuple(int(size) for size in sys.argv[1:]) or SIZES)
