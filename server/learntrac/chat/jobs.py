"""What the tutor does later: bringing the index of passages up to the catalog."""

from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from learntrac.backends.queue import Queue, Task
from learntrac.chat.indexing import follow
from learntrac.kit.db import Database
from learntrac.kit.logs import get_logger

INDEX = "chat.index"
INDEX_EVERY_SECONDS = 10
"""How often the index is compared though nothing is known to have changed: it may have been cut off, or be new."""

_log = get_logger("learntrac.chat")


def tasks(database: Database) -> tuple[Task, ...]:
    """The tasks of this feature."""

    async def index(_payload: dict[str, Any]) -> None:
        if done := await follow(database):
            _log.info("the index of passages is in step", indexed=done)

    return (Task(INDEX, index, every_seconds=INDEX_EVERY_SECONDS),)


async def tell_index(session: AsyncSession, *, queue: Queue) -> None:
    """Have the index follow what is written in this transaction."""
    await queue.put(session, INDEX, key=INDEX)
