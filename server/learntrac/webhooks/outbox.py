"""Telling the world: an event becomes rows in the transaction of its cause, and is sent from there later.

So nothing is announced that did not happen, and nothing that happened gets lost. Which events somebody wants is read
once in a transaction, so whoever was registered before it began is told. The verbs that learners wait for read it with
a statement that they make anyway: they return the column `WANTED`, and hand it to `note_wanted`.
"""

import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy.ext.asyncio import AsyncSession

from learntrac.kit.clock import to_micros
from learntrac.webhooks import queries
from learntrac.webhooks.events import EVENTS, plain
from learntrac.webhooks.queries import WANTED

__all__ = ["WANTED", "announce", "note_wanted"]

_NOTED = "webhooks.wanted"


async def announce(
    session: AsyncSession, event: str, data: Mapping[str, Any], *, now: datetime, user_id: str | None = None
) -> None:
    """Have everybody who wants this event told of it, once the caller's transaction is committed.

    `event` is one of `events.EVENTS`; `data` becomes JSON, and names only what an instructor may see. `user_id` is whom
    it is about: with that person's data it is exported and erased.
    """
    if event not in await _wanted(session):
        return
    values = {"event": event, "event_id": str(uuid.uuid4()), "now": to_micros(now), "user_id": user_id}
    values["data"] = orjson.dumps(plain(data)).decode()
    await session.execute(queries.ANNOUNCE[session.get_bind().dialect.name], values)


def note_wanted(session: AsyncSession, wanted: int) -> None:
    """Remember for this transaction the value that a statement of it returned for the column `WANTED`."""
    session.info[_NOTED] = frozenset(event for place, event in enumerate(EVENTS) if wanted >> place & 1)


async def _wanted(session: AsyncSession) -> frozenset[str]:
    if _NOTED not in session.info:
        note_wanted(session, (await session.execute(queries.READ_WANTED)).scalar_one())
    wanted: frozenset[str] = session.info[_NOTED]
    return wanted
