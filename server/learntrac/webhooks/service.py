"""The verbs of webhooks: register, list, change, remove; rotate the secret; test, list deliveries, deliver again."""

import hmac
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import orjson
from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncSession

from learntrac.audit.service import NO_REQUEST, Origin, record
from learntrac.kit.clock import from_micros, to_micros
from learntrac.kit.errors import Conflict, NotFound
from learntrac.kit.sealing import Sealer, Unsealable
from learntrac.webhooks import queries
from learntrac.webhooks.events import TEST
from learntrac.webhooks.schedule import KEPT_DAYS
from learntrac.webhooks.schemas import (
    DeliveryAttempt,
    DeliveryItem,
    DeliveryList,
    DeliveryQuery,
    RotateRequest,
    SecretReply,
    WebhookAdded,
    WebhookList,
    WebhookQuery,
    WebhookRemoved,
    WebhookReply,
    WebhookRequest,
    WebhookUpdate,
)
from learntrac.webhooks.signing import make_secret
from learntrac.webhooks.statements import TOLD

MOST_WEBHOOKS = 2000
"""Of one owner."""


class WebhookNotFound(NotFound):
    """404: no such webhook, or none of the caller's."""

    def __init__(self) -> None:
        super().__init__("There is no such webhook.")


class DeliveryNotFound(NotFound):
    """404: no such delivery of this webhook in the last 30 days."""

    def __init__(self) -> None:
        super().__init__("There is no such delivery.")


class WebhookExists(Conflict):
    """409: the caller has a webhook with this URL."""

    def __init__(self) -> None:
        super().__init__("You have a webhook with this URL.")


class TooManyWebhooks(Conflict):
    """409: more than anybody needs."""

    def __init__(self) -> None:
        super().__init__(f"You have {MOST_WEBHOOKS} webhooks: remove some first.")


class NotActive(Conflict):
    """409: nothing is sent to a webhook that is paused or disabled."""

    def __init__(self) -> None:
        super().__init__("This webhook is not active: nothing is sent to it.")


@dataclass(frozen=True)
class Owner:
    """Whoever manages webhooks: their own, or as an administrator everybody's."""

    user_id: str
    sees_all: bool = False
    origin: Origin = NO_REQUEST


async def register(
    session: AsyncSession, *, owner: Owner, request: WebhookRequest, sealer: Sealer, now: datetime
) -> WebhookAdded:
    """Add a webhook. Its URL has been checked. Raises WebhookExists and TooManyWebhooks.

    Sent again with the same secret, as a script does that sets things up, it is brought to what is asked: a second one
    with this URL would have everything told twice.
    """
    if known := await _find_same(session, owner.user_id, request.url):
        return await _register_again(session, known, owner=owner, request=request, sealer=sealer, now=now)
    held = (await session.execute(queries.COUNT, {"owner": owner.user_id})).scalar_one()
    if held >= MOST_WEBHOOKS:
        raise TooManyWebhooks
    values = {
        "kind": "webhook",
        "owner": owner.user_id,
        "url": request.url,
        "events": _written(request.events),
        "status": "active" if request.active else "paused",
        "now": to_micros(now),
    }
    number = (await session.execute(queries.ADD, values)).scalar_one_or_none()
    if number is None:
        raise WebhookExists
    secret = request.secret or make_secret()
    await _keep_secret(session, number, secret, sealer, now)
    await _subscribe(session, number, request.events if request.active else ())
    await record(session, action="webhook.add", **_act(owner, number, now))
    shown = _shown(await _get(session, owner, number))
    return WebhookAdded(**shown.model_dump(), secret=None if request.secret else secret)


async def _find_same(session: AsyncSession, owner: str, url: str) -> Row[Any] | None:
    return (await session.execute(queries.FIND_SAME, {"owner": owner, "url": url})).one_or_none()


async def _register_again(
    session: AsyncSession, known: Row[Any], *, owner: Owner, request: WebhookRequest, sealer: Sealer, now: datetime
) -> WebhookAdded:
    if request.secret is None or not _is_its_secret(sealer, known, request.secret):
        raise WebhookExists
    asked = WebhookUpdate(events=request.events, active=request.active)
    shown = await update(session, owner=owner, webhook_id=known.id, request=asked, now=now)
    return WebhookAdded(**shown.model_dump(), secret=None)


def _is_its_secret(sealer: Sealer, known: Row[Any], secret: str) -> bool:
    try:
        kept = sealer.open(known.secret, about=_about(known.id))
    except Unsealable:
        return False
    return hmac.compare_digest(kept.encode(), secret.encode())


async def list_webhooks(session: AsyncSession, *, owner: Owner, query: WebhookQuery) -> WebhookList:
    """The caller's webhooks, oldest first."""
    whose = {"owner": None if owner.sees_all else owner.user_id}
    rows = await session.execute(queries.LIST, whose | {"limit": query.limit, "offset": query.offset})
    total = (await session.execute(queries.COUNT, whose)).scalar_one()
    return WebhookList(webhooks=[_shown(row) for row in rows], total=total, limit=query.limit, offset=query.offset)


async def get_webhook(session: AsyncSession, *, owner: Owner, webhook_id: int) -> WebhookReply:
    """One of them. Raises WebhookNotFound."""
    return _shown(await _get(session, owner, webhook_id))


async def update(
    session: AsyncSession, *, owner: Owner, webhook_id: int, request: WebhookUpdate, now: datetime
) -> WebhookReply:
    """Change a webhook; a new URL has been checked. Raises WebhookNotFound and WebhookExists."""
    row = await _get(session, owner, webhook_id, kind="webhook")
    url = request.url or row.url
    same = await _find_same(session, row.owner, url)
    if same is not None and same.id != webhook_id:
        raise WebhookExists
    events = request.events or orjson.loads(row.events)
    status = row.status if request.active is None else "active" if request.active else "paused"
    # Another address, or one that was brought back, is nobody we know anything of.
    is_known = url == row.url and (status != "active" or row.status == "active")
    values = {
        "url": url,
        "events": _written(events),
        "status": status,
        "reason": row.disabled_reason if status == "disabled" else None,
        "failures": row.failures if is_known else 0,
        "succeeded_at": row.succeeded_at if is_known else None,
        "now": to_micros(now),
    }
    await session.execute(queries.UPDATE, values | {"id": webhook_id})
    await _subscribe(session, webhook_id, events if status == "active" else ())
    await record(session, action="webhook.update", **_act(owner, webhook_id, now))
    return _shown(await _get(session, owner, webhook_id))


async def remove(session: AsyncSession, *, owner: Owner, webhook_id: int, now: datetime) -> WebhookRemoved:
    """Take a webhook away with all its deliveries. Raises WebhookNotFound."""
    await _get(session, owner, webhook_id, kind="webhook")
    for statement in queries.REMOVE:
        await session.execute(statement, {"id": webhook_id})
    await record(session, action="webhook.remove", **_act(owner, webhook_id, now))
    return WebhookRemoved(webhook_id=f"webhook-{webhook_id}")


async def rotate_secret(
    session: AsyncSession, *, owner: Owner, webhook_id: int, request: RotateRequest, sealer: Sealer, now: datetime
) -> SecretReply:
    """Have another secret sign; the old one signs beside it for a while. Raises WebhookNotFound."""
    await _get(session, owner, webhook_id, kind="webhook")
    secret, until = request.secret or make_secret(), now + timedelta(hours=request.overlap_hours)
    values = {"id": webhook_id, "secret": _sealed(sealer, webhook_id, secret), "until": to_micros(until)}
    await session.execute(queries.ROTATE, values | {"now": to_micros(now)})
    await record(session, action="webhook.rotate", **_act(owner, webhook_id, now))
    return SecretReply(
        webhook_id=f"webhook-{webhook_id}", secret=None if request.secret else secret, old_secret_until=until
    )


async def send_test(session: AsyncSession, *, owner: Owner, webhook_id: int, now: datetime) -> DeliveryItem:
    """Send `webhook.test` to this webhook alone. Raises WebhookNotFound and NotActive."""
    row = await _get(session, owner, webhook_id, kind="webhook")
    _insist_on_active(row)
    event = {"event_id": str(uuid.uuid4()), "event": TEST, "user_id": None, "now": to_micros(now)}
    data = {"webhook_id": f"webhook-{webhook_id}", "message": "Well received."}
    await session.execute(queries.ADD_EVENT, event | {"data": orjson.dumps(data).decode()})
    return await _deliver(session, webhook_id, str(event["event_id"]), now)


async def list_deliveries(
    session: AsyncSession, *, owner: Owner, webhook_id: int, query: DeliveryQuery
) -> DeliveryList:
    """What was sent to a webhook and what came back, newest first. Raises WebhookNotFound."""
    await _get(session, owner, webhook_id)
    values = {"id": webhook_id, "status": query.status, "event": query.event}
    page = {"limit": query.limit, "offset": query.offset}
    rows = (await session.execute(queries.DELIVERIES, values | page)).all()
    total = (await session.execute(queries.COUNT_DELIVERIES, values)).scalar_one()
    return DeliveryList(deliveries=await _items(session, rows), total=total, limit=query.limit, offset=query.offset)


async def redeliver(
    session: AsyncSession, *, owner: Owner, webhook_id: int, delivery_id: int, now: datetime
) -> DeliveryItem:
    """Send an event of the last 30 days again, under the same id. Raises DeliveryNotFound and NotActive."""
    row = await _get(session, owner, webhook_id)
    old = (await session.execute(queries.FIND_DELIVERY, {"id": webhook_id, "delivery_id": delivery_id})).one_or_none()
    if old is None or old.at < to_micros(now - timedelta(days=KEPT_DAYS)):
        raise DeliveryNotFound
    _insist_on_active(row)
    return await _deliver(session, webhook_id, old.event_id, now)


async def keep_store(session: AsyncSession, *, url: str | None, now: datetime) -> None:
    """Have the learning record store of the settings listen, and no other one."""
    wanted = _written(TOLD)
    stores = (await session.execute(queries.FIND_STORES)).all()
    for row in stores:
        status = "active" if row.url == url else "paused"
        if (row.status, row.events) != (status, wanted):
            values = {"id": row.id, "url": row.url, "events": wanted, "status": status, "now": to_micros(now)}
            await session.execute(queries.UPDATE, values | {"failures": 0, "succeeded_at": None, "reason": None})
            await _subscribe(session, row.id, TOLD if row.url == url else ())
    if url is not None and url not in {row.url for row in stores}:
        values = {"kind": "xapi", "owner": "", "url": url, "events": wanted, "status": "active", "now": to_micros(now)}
        number = (await session.execute(queries.ADD, values)).scalar_one_or_none()
        if number is not None:
            await _subscribe(session, number, TOLD)


async def forget_old(session: AsyncSession, *, now: datetime) -> None:
    """Delete deliveries and events that are older than 30 days."""
    for statement in queries.FORGET:
        await session.execute(statement, {"before": to_micros(now - timedelta(days=KEPT_DAYS))})


async def _get(session: AsyncSession, owner: Owner, webhook_id: int, *, kind: str | None = None) -> Row[Any]:
    row = (await session.execute(queries.FIND, {"id": webhook_id})).one_or_none()
    if row is None or not (owner.sees_all or row.owner == owner.user_id) or (kind and row.kind != kind):
        raise WebhookNotFound
    return row


def _insist_on_active(row: Row[Any]) -> None:
    if row.status != "active":
        raise NotActive


async def _subscribe(session: AsyncSession, webhook_id: int, events: Iterable[str]) -> None:
    await session.execute(queries.UNSUBSCRIBE, {"id": webhook_id})
    for event in events:
        await session.execute(queries.SUBSCRIBE, {"id": webhook_id, "event": event})


async def _keep_secret(session: AsyncSession, webhook_id: int, secret: str, sealer: Sealer, now: datetime) -> None:
    values = {"id": webhook_id, "secret": _sealed(sealer, webhook_id, secret), "now": to_micros(now)}
    await session.execute(queries.SET_SECRET, values)


def _about(webhook_id: int) -> str:
    return f"webhook {webhook_id}"


def _sealed(sealer: Sealer, webhook_id: int, secret: str) -> str:
    return sealer.seal(secret, about=_about(webhook_id))


def _act(owner: Owner, webhook_id: int, now: datetime) -> dict[str, Any]:
    """Who does something to which webhook, for the audit log."""
    return {"actor": owner.user_id, "now": now, "origin": owner.origin, "details": {"webhook": webhook_id}}


async def _deliver(session: AsyncSession, webhook_id: int, event_id: str, now: datetime) -> DeliveryItem:
    values = {"id": webhook_id, "event_id": event_id, "now": to_micros(now)}
    number = (await session.execute(queries.ADD_DELIVERY, values)).scalar_one()
    row = (await session.execute(queries.FIND_DELIVERY, {"id": webhook_id, "delivery_id": number})).one()
    return _delivery(row, [])


async def _items(session: AsyncSession, rows: Sequence[Row[Any]]) -> list[DeliveryItem]:
    attempts: dict[int, list[DeliveryAttempt]] = {row.id: [] for row in rows}
    for row in await session.execute(queries.ATTEMPTS, {"delivery_ids": list(attempts)}):
        attempts[row.delivery_id].append(_attempt(row))
    return [_delivery(row, attempts[row.id]) for row in rows]


def _written(events: Iterable[str]) -> str:
    return orjson.dumps(list(events)).decode()


def _time(micros: int | None) -> datetime | None:
    return None if micros is None else from_micros(micros)


def _shown(row: Row[Any]) -> WebhookReply:
    return WebhookReply(
        webhook_id=f"webhook-{row.id}",
        url=row.url,
        events=orjson.loads(row.events),
        created_at=from_micros(row.created_at),
        status=row.status,
        owner=row.owner,
        updated_at=from_micros(row.updated_at),
        disabled_reason=row.disabled_reason,
        last_success_at=_time(row.succeeded_at),
        failing_since=_time(row.failing_since),
        failed_attempts=row.failures,
        old_secret_until=_time(row.old_secret_until),
    )


def _attempt(row: Row[Any]) -> DeliveryAttempt:
    return DeliveryAttempt(
        number=row.number,
        at=from_micros(row.at),
        duration_ms=row.duration_ms,
        request_headers=orjson.loads(row.request_headers),
        response_status=row.response_status,
        response_headers=orjson.loads(row.response_headers),
        response_body=row.response_body,
        error=row.error,
    )


def _delivery(row: Row[Any], attempts: list[DeliveryAttempt]) -> DeliveryItem:
    return DeliveryItem(
        delivery_id=f"delivery-{row.id}",
        message_id=row.event_id,
        event=row.event,
        data=orjson.loads(row.data),
        timestamp=from_micros(row.at),
        status=row.status,
        created_at=from_micros(row.created_at),
        next_attempt_at=from_micros(row.due_at) if row.status == "pending" else None,
        ended_at=_time(row.ended_at),
        attempts=attempts,
    )
