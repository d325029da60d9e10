"""Telling the world: an event becomes rows in the transaction of its cause, and is sent from there later.

So nothing is announced that did not happen, and nothing that happened gets lost. Where nobody listens, the first event
of a transaction costs one read of an index, and the others nothing.
"""

import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy.ext.asyncio import AsyncSession

from learntrac.kit.clock import to_micros
from learntrac.webhooks import queries
from learntrac.webhooks.events import plain

_WANTED = "webhooks.wanted"


async def announce(
    session: AsyncSession, event: str, data: Mapping[str, Any], *, now: datetime, user_id: str | None = None
) -> None:
    """Have everybody who wants this event told of it, once the caller's transaction is committed.

    `event` is one of `events.EVENTS`; `data` becomes JSON, and names only what an instructor may see. `user_id` is whom
    it is about: with that person's data it is exported and erased.
    """
    if event not in await _wanted(session):
        return
    values = {"event": event, "event_id": str(uuid.uuid4()), "now": to_micros(now)}
    content = orjson.dumps(plain(data)).decode()
    await session.execute(queries.ADD_EVENT, values | {"data": content, "user_id": user_id})
    await session.execute(queries.ADD_DELIVERIES, values)


async def _wanted(session: AsyncSession) -> frozenset[str]:
    """The events that somebody wants, read once in a transaction."""
    if _WANTED not in session.info:
        session.info[_WANTED] = frozenset((await session.execute(queries.WANTED)).scalars())
    wanted: frozenset[str] = session.info[_WANTED]
    return wanted
