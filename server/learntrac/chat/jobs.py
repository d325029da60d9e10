"""What the tutor does later: bringing the index of passages up to the catalog, and their vectors up to the index."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from learntrac.backends.llm import LanguageModel
from learntrac.backends.queue import Queue, Task
from learntrac.chat import indexing, vectors
from learntrac.kit.clock import Clock
from learntrac.kit.db import Database
from learntrac.kit.leases import make_lease
from learntrac.kit.logs import get_logger

INDEX, EMBED = "chat.index", "chat.embed"
INDEX_EVERY_SECONDS = 10
"""How often the index is compared though nothing is known to have changed: it may have been cut off, or be new."""
EMBED_EVERY_SECONDS = 600
"""The same for vectors: a provider may have been down for longer than a job is tried, or a budget spent."""

AFTER_ANOTHER = timedelta(seconds=5)
"""What waits for another job of the kind looks again so much later."""

_log = get_logger("learntrac.chat")


def tasks(database: Database, *, queue: Queue, language_model: LanguageModel | None, clock: Clock) -> tuple[Task, ...]:
    """The tasks of this feature. Passages get vectors where the model offers them."""
    embedding = language_model if language_model is not None and language_model.embedding_model else None

    async def tell_vectors(session: AsyncSession, at: datetime | None = None) -> None:
        if embedding is not None:
            await queue.put(session, EMBED, key=EMBED, at=at)

    async def index(_payload: dict[str, Any]) -> None:
        if done := await indexing.follow(database, then=tell_vectors):
            _log.info("the index of passages is in step", indexed=done)

    async def embed(_payload: dict[str, Any]) -> None:
        if embedding is None:
            return
        async with _alone(database) as is_alone:
            is_more = not is_alone or await vectors.follow(database, embedding)
        if is_more:
            async with database.begin() as session:
                await tell_vectors(session, None if is_alone else clock() + AFTER_ANOTHER)

    # A server that offers no vectors still works off what another put.
    every_seconds = EMBED_EVERY_SECONDS if embedding is not None else None
    return (Task(INDEX, index, every_seconds=INDEX_EVERY_SECONDS), Task(EMBED, embed, every_seconds=every_seconds))


@asynccontextmanager
async def _alone(database: Database) -> AsyncIterator[bool]:
    """Whether nobody else makes vectors during the block: two would pay for the same."""
    lease = make_lease(database, "vectors")
    try:
        yield await lease.holds()
    finally:
        await lease.release()


async def tell_index(session: AsyncSession, *, queue: Queue) -> None:
    """Have the index follow what is written in this transaction."""
    await queue.put(session, INDEX, key=INDEX)
