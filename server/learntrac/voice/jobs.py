"""What voice does later: forgetting spoken answers, old days' minutes, and connections that were not closed."""

from contextlib import suppress
from typing import Any

from learntrac.backends.objects import ObjectsDown, ObjectStorage
from learntrac.backends.queue import Task
from learntrac.kit.clock import Clock
from learntrac.kit.db import Database
from learntrac.voice import service

EVERY_SECONDS = 600


def tasks(database: Database, objects: ObjectStorage | None, *, clock: Clock) -> tuple[Task, ...]:
    """The tasks of this feature."""

    async def forget_old(_payload: dict[str, Any]) -> None:
        async with database.begin() as session:
            gone = await service.forget_old(session, now=clock())
        if objects is not None:
            await _delete(objects, gone)

    return (Task("voice.forget_old", forget_old, every_seconds=EVERY_SECONDS),)


async def _delete(objects: ObjectStorage, names: list[str]) -> None:
    for name in names:
        # A bucket's own rule deletes what is left over; the guide says how to set it.
        with suppress(ObjectsDown):
            await objects.delete(name)
