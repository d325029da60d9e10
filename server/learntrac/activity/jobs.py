"""What activity does later: bringing the rollups up to date with the log, each minute."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from learntrac.activity import service
from learntrac.backends.queue import Task
from learntrac.kit.clock import Clock
from learntrac.kit.db import Database
from learntrac.kit.leases import make_lease

EVERY_SECONDS = 60
LEASE = "activity"


def tasks(database: Database, *, clock: Clock) -> tuple[Task, ...]:
    """The tasks of this feature."""

    async def roll_up(_payload: dict[str, Any]) -> None:
        lease = make_lease(database, LEASE)
        try:
            if await lease.holds():  # else somebody is at it already
                await service.roll_up(database, now=clock())
        finally:
            await lease.release()

    return (Task("activity.roll_up", roll_up, every_seconds=EVERY_SECONDS),)


@asynccontextmanager
async def alone_with_rollups(database: Database) -> AsyncIterator[None]:
    """The block runs while no job brings the rollups up to date."""
    lease = make_lease(database, LEASE)
    try:
        while True:
            if await lease.holds():
                break
            await asyncio.sleep(0.1)
        yield
    finally:
        await lease.release()
