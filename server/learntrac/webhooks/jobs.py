"""What webhooks do later beside delivering: forgetting what is old."""

from typing import Any

from learntrac.backends.queue import Task
from learntrac.kit.clock import Clock
from learntrac.kit.db import Database
from learntrac.webhooks import service

HOUR = 3600


def tasks(database: Database, *, clock: Clock) -> tuple[Task, ...]:
    """The tasks of this feature."""

    async def forget_old(_payload: dict[str, Any]) -> None:
        async with database.begin() as session:
            await service.forget_old(session, now=clock())

    return (Task("webhooks.forget_old", forget_old, every_seconds=HOUR),)
