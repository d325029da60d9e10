"""Somebody who listens, and what the outbox holds for them."""

from typing import Any

import orjson
from sqlalchemy import text

from learntrac.webhooks.events import EVENTS
from tests.conftest import Api


async def listen(api: Api, *events: str, webhook_id: int = 900) -> None:
    """Have a webhook that wants these events, without the doors."""
    async with api.parts.database.begin() as session:
        for event in events or EVENTS:
            values = {"event": event, "id": webhook_id}
            await session.execute(text("INSERT INTO webhook_subscription VALUES (:event, :id)"), values)


async def announced(api: Api) -> list[tuple[str, dict[str, Any]]]:
    """(event, data) of all that is in the outbox, in order."""
    rows = await api.parts.database.hot.slow_rows(
        "SELECT e.event, e.data FROM webhook_event e JOIN webhook_delivery d ON d.event_id = e.id ORDER BY d.id"
    )
    return [(event, orjson.loads(data)) for event, data in rows]
