"""What of a course is the same for every learner, kept for each generation of the catalog.

Counted for every request it would cost as much as the course is long.
"""

import asyncio
from collections import Counter

from learntrac.kit.readers import HotReader
from learntrac.progress import queries


class KnownCourse:
    """The concepts of the course by milestone, as it is now."""

    def __init__(self) -> None:
        self._known: tuple[int, Counter[str]] | None = None
        self._one_at_a_time = asyncio.Lock()

    async def get(self, reader: HotReader, generation: int) -> Counter[str]:
        """{milestone: its concepts} of this generation, or of a later one."""
        async with self._one_at_a_time:
            if self._known is None or self._known[0] < generation:
                rows = await reader.slow_rows(queries.MILESTONES)
                self._known = generation, Counter({row[0]: row[1] for row in rows})
            return self._known[1]
