"""A worker for the fault tests: `python -m tests.contract.rows_worker DATABASE_URL` runs jobs that write rows.

It says `ready` once it works.
"""

import asyncio
import sys
from typing import Any

from sqlalchemy import text

from learntrac.backends.queue import Queue, Task, Tasks
from learntrac.backends.queue.embedded import EmbeddedQueue
from learntrac.backends.queue.procrastinate import ProcrastinateQueue
from learntrac.kit.clock import utc_now
from learntrac.kit.db import Database

TASK = "rows.write"
TIMEOUT_SECONDS = 2
_ONCE = text("INSERT INTO rows_done (n) VALUES (:n) ON CONFLICT (n) DO NOTHING RETURNING n")
_COUNT = text("UPDATE rows_total SET total = total + 1")
_BEGAN = text("INSERT INTO rows_begun (n) VALUES (:n)")


def open_queue(database: Database) -> Queue:
    """The queue of this database, whose workers count as dead soon."""
    if database.is_sqlite:
        return EmbeddedQueue(database, clock=utc_now)
    return ProcrastinateQueue(database, clock=utc_now, worker_timeout_seconds=TIMEOUT_SECONDS)


def tasks(database: Database) -> Tasks:
    """One task, whose effect is counted once however often it runs."""

    async def write(payload: dict[str, Any]) -> None:
        async with database.begin() as session:
            await session.execute(_BEGAN, payload)
        await asyncio.sleep(0.05)
        async with database.begin() as session:
            if (await session.execute(_ONCE, payload)).first() is not None:
                await session.execute(_COUNT)
        await asyncio.sleep(0.05)

    return Tasks(Task(TASK, write))


async def main(url: str) -> None:
    """Work until killed."""
    database = Database(url)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    await open_queue(database).work(tasks(database))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
