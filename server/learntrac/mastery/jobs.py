"""What mastery does later: reading the answers that no model has read yet."""

from typing import Any

from learntrac.backends.queue import Task
from learntrac.kit.clock import Clock
from learntrac.kit.db import Database
from learntrac.mastery import own_log
from learntrac.mastery.parameter_file import Model

HOUR = 3600


def tasks(database: Database, model: Model, *, clock: Clock) -> tuple[Task, ...]:
    """The tasks of this feature."""

    async def replay_unread(_payload: dict[str, Any]) -> None:
        await own_log.replay_unread(database, model.current, now=clock())

    return (Task("mastery.replay_unread", replay_unread, every_seconds=HOUR),)
