"""What accounts do later: forgetting sign-ins that no token can belong to any more."""

from typing import Any

from learntrac.accounts import service
from learntrac.backends.queue import Task
from learntrac.kit.clock import Clock
from learntrac.kit.db import Database

HOUR = 3600


def tasks(database: Database, *, clock: Clock) -> tuple[Task, ...]:
    """The tasks of this feature."""

    async def forget_old_sessions(_payload: dict[str, Any]) -> None:
        async with database.begin() as session:
            await service.forget_old_sessions(session, now=clock())

    return (Task("accounts.forget_old_sessions", forget_old_sessions, every_seconds=HOUR),)
