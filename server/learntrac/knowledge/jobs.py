"""What the knowledge graph does later: bringing its copy in Neo4j up to the catalog."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from learntrac.backends.graph import GraphDown
from learntrac.backends.queue import Task
from learntrac.kit.db import Database
from learntrac.kit.leases import make_lease
from learntrac.kit.logs import get_logger
from learntrac.knowledge.service import FOLLOW

if TYPE_CHECKING:
    from learntrac.backends.graph.copying import Neo4jCopy

FOLLOW_EVERY_SECONDS = 30
"""How often the copy is compared though nothing is known to have changed: it may have been away, or lost data."""

_log = get_logger("learntrac.graph")


def tasks(database: Database, copy: "Neo4jCopy | None") -> tuple[Task, ...]:
    """The tasks of this feature: none where there is no copy."""
    if copy is None:
        return ()

    async def follow(_payload: dict[str, Any]) -> None:
        try:
            async with alone_with_copy(database):
                written = await copy.follow()
        except GraphDown as error:
            # Not a failed try: it is asked again soon by itself, for as long as it takes.
            _log.info("the copy of the graph has to wait", error=str(error))
        else:
            _log.info("the copy of the graph is in step", written=written)

    return (Task(FOLLOW, follow, every_seconds=FOLLOW_EVERY_SECONDS),)


@asynccontextmanager
async def alone_with_copy(database: Database) -> AsyncIterator[None]:
    """The block runs while nobody else writes the copy: two who write it at once may leave it between two states."""
    lease = make_lease(database, "graph")
    try:
        while True:
            if await lease.holds():
                break
            await asyncio.sleep(0.1)
        yield
    finally:
        await lease.release()
