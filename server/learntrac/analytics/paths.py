"""Orders in which learners worked: which are common, and which of these went well."""

from collections.abc import Iterable
from dataclasses import dataclass

import orjson
from sqlalchemy.ext.asyncio import AsyncSession

from learntrac.activity.days import DAY_MICROSECONDS
from learntrac.activity.windows import WINDOWS, first_day
from learntrac.analytics import queries
from learntrac.kit.readers import HotReader

LENGTHS = (5, 4, 3)
COMMONEST = 20
"""So many orders of each length are looked at."""
SHOWN = 5
AT_LEAST_LEARNERS = 2
COUNTED_AT_ONCE = 2_000
"""In a log of so many events, orders are counted when they are asked for; in a longer one, now and then."""


@dataclass(frozen=True)
class Path:
    """An order in which so many learners worked; of whom so many mastered the last, and their time in all."""

    concepts: tuple[int, ...]
    learners: int
    mastered: int
    seconds: int

    @property
    def success_rate(self) -> float:
        """The share that mastered the last concept."""
        return round(self.mastered / self.learners, 4)

    @property
    def average_seconds(self) -> int:
        """The mean time over all its concepts."""
        return round(self.seconds / self.learners)


def most_successful(paths: Iterable[Path]) -> list[Path]:
    """The best of the common ones: by success, then by learners, longer ones first."""
    return sorted(paths, key=lambda path: (-path.success_rate, -path.learners, -len(path.concepts), path.concepts))


async def read_paths(reader: HotReader, *, window: str, today: int, user_id: str | None = None) -> list[Path]:
    """The commonest orders of the window that ends today; one learner's own, where one is named."""
    last = (await reader.rows(queries.LAST_EVENT))[0][0]
    if user_id is None and last > COUNTED_AT_ONCE:
        rows = await reader.rows(queries.COMMON_PATHS, window)
        return [Path(tuple(orjson.loads(row[0])), *map(int, row[1:])) for row in map(tuple, rows)]
    return await count_paths(reader, window=window, today=today, user_id=user_id)


async def count_paths(reader: HotReader, *, window: str, today: int, user_id: str | None = None) -> list[Path]:
    """The same, counted in the log."""
    since, until = first_day(window, today) * DAY_MICROSECONDS, (today + 1) * DAY_MICROSECONDS - 1
    least, whose = (1, (user_id,)) if user_id else (AT_LEAST_LEARNERS, ())
    found: list[Path] = []
    for length in LENGTHS:
        sql = queries.paths(length, of_one=bool(user_id))
        rows = await reader.slow_rows(sql, since, until, least, COMMONEST, *whose)
        found += [Path(tuple(row[:length]), *(int(value or 0) for value in row[length:])) for row in map(tuple, rows)]
    return most_successful(found)


async def count_all(reader: HotReader, *, today: int) -> list[dict[str, object]]:
    """The rows of `common_path`, for every window."""
    rows: list[dict[str, object]] = []
    for window in WINDOWS:
        for place, path in enumerate(await count_paths(reader, window=window, today=today)):
            key = {"timeframe": window, "place": place, "path": orjson.dumps(path.concepts).decode()}
            rows.append(key | {"learners": path.learners, "mastered": path.mastered, "seconds": path.seconds})
    return rows


async def keep_paths(session: AsyncSession, rows: list[dict[str, object]]) -> None:
    """Put these in place of what was counted before."""
    await session.execute(queries.CLEAR_PATHS)
    if rows:
        await session.execute(queries.PUT_PATH, rows)
