"""What analytics does later: counting the common orders of a long log, making reports, removing old ones."""

from typing import Any

from learntrac.activity.days import day_number
from learntrac.analytics import exports, paths
from learntrac.backends.queue import Task

HOUR = 3600
TEND_EVERY_SECONDS = 600


def tasks(maker: exports.Maker) -> tuple[Task, ...]:
    """The tasks of this feature."""
    database, clock = maker.database, maker.clock

    async def find_paths(_payload: dict[str, Any]) -> None:
        rows = await paths.count_all(database.hot, today=day_number(clock()))
        async with database.begin() as session:
            await paths.keep_paths(session, rows)

    async def make_export(payload: dict[str, Any]) -> None:
        await maker.make(payload["export_id"])

    async def tend_exports(_payload: dict[str, Any]) -> None:
        async with database.begin() as session:
            await exports.tend(session, now=clock())

    return (
        Task("analytics.find_paths", find_paths, every_seconds=HOUR),
        Task(exports.TASK, make_export),
        Task("analytics.tend_exports", tend_exports, every_seconds=TEND_EVERY_SECONDS),
    )
