"""A webhook for the demo, and what was delivered to it: invented answers of an address that is nobody's, so that there
is something to look at. It is paused in the end: a demo sends nothing.
"""

from datetime import datetime

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from learntrac.backends.receivers import Replied
from learntrac.kit.clock import to_micros
from learntrac.kit.db import Database
from learntrac.kit.sealing import Sealer
from learntrac.webhooks import queries, signing
from learntrac.webhooks.schedule import DELAYS_SECONDS
from learntrac.webhooks.schemas import WebhookRequest, WebhookUpdate
from learntrac.webhooks.service import Owner, register, update
from learntrac.webhooks.statements import Told
from learntrac.webhooks.trying import Due, Tried, values_of

INSTRUCTOR = "ivan"
URL = "https://chat.example.org/hooks/learning"
_SECOND = 1_000_000
_BUSY_EVERY = 6
"""So often the receiver was busy the first time."""
_PENDING = text(
    "SELECT d.id, d.event_id, e.event, e.data, e.at FROM webhook_delivery d JOIN webhook_event e ON e.id = d.event_id"
    " WHERE d.webhook_id = :id AND d.status = 'pending' ORDER BY d.id"
)


async def listen(database: Database, sealer: Sealer, *, now: datetime) -> int | None:
    """Register the webhook; its number, or None where it is there."""
    request = WebhookRequest(url=URL, events=["milestone.achieved", "user.struggled", "achievement.unlocked"])
    async with database.begin() as session:
        if (await session.execute(queries.FIND_SAME, {"owner": INSTRUCTOR, "url": URL})).first() is not None:
            return None
        added = await register(session, owner=Owner(INSTRUCTOR), request=request, sealer=sealer, now=now)
    return int(added.webhook_id.removeprefix("webhook-"))


async def settle(database: Database, webhook_id: int, *, now: datetime) -> None:
    """Let everything so far have been delivered, some of it at the second try, and pause."""
    async with database.begin() as session:
        rows = (await session.execute(_PENDING, {"id": webhook_id})).all()
        for number, row in enumerate(rows):
            told = Told(row.event_id, row.event, {}, row.at)
            await _deliver(session, row.id, webhook_id, told, was_busy=number % _BUSY_EVERY == _BUSY_EVERY - 1)
        await session.execute(queries.SUCCEEDED, {"webhook_id": webhook_id, "at": to_micros(now)})
        paused = WebhookUpdate(active=False)
        await update(session, owner=Owner(INSTRUCTOR), webhook_id=webhook_id, request=paused, now=now)


async def _deliver(session: AsyncSession, delivery_id: int, webhook_id: int, told: Told, *, was_busy: bool) -> None:
    at, attempts = told.at + _SECOND, 0
    if was_busy:
        busy = Replied(503, {"retry-after": "2"}, b"Busy, try again.")
        await session.execute(queries.ADD_ATTEMPT, values_of(_tried(delivery_id, webhook_id, told, 0, at, busy)))
        at, attempts = at + DELAYS_SECONDS[0] * _SECOND, 1
    well = Replied(200, {"content-type": "application/json"}, b'{"ok":true}')
    await session.execute(queries.ADD_ATTEMPT, values_of(_tried(delivery_id, webhook_id, told, attempts, at, well)))
    key = {"delivery_id": delivery_id, "number": attempts + 1, "due_at": at, "ended_at": at}
    await session.execute(queries.KEEP_DELIVERY, key | {"status": "delivered"})


def _tried(delivery_id: int, webhook_id: int, told: Told, attempts: int, at: int, reply: Replied) -> Tried:
    headers = signing.headers(["invented"], message_id=told.id, at_seconds=at // _SECOND, raw=b"")
    took_ms = 80 + delivery_id * 37 % 240
    return Tried(Due(delivery_id, attempts, told), webhook_id, at, took_ms, headers, reply, None, reply.status < 300)
