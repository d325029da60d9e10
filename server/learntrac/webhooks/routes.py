"""The doors of webhooks, for instructors; an administrator sees everybody's."""

from fastapi import APIRouter, Request, Response

from learntrac.accounts.callers import Caller, GuardedRoute, SignedIn
from learntrac.audit.requests import origin_of
from learntrac.backends.receivers import AddressRefused
from learntrac.kit.errors import Detail, ValidationFailed
from learntrac.kit.http.doors import API
from learntrac.kit.http.query import describes, read_query
from learntrac.kit.http.writing import Write
from learntrac.webhooks import service
from learntrac.webhooks.schemas import (
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
    number_of,
)
from learntrac.webhooks.service import Owner

router = APIRouter(prefix=f"{API}/webhooks", tags=["Webhooks"], route_class=GuardedRoute)


@router.post("", response_model=WebhookAdded, status_code=201)
async def register_webhook(request: Request, body: WebhookRequest, caller: SignedIn, write: Write) -> Response:
    """Register a webhook"""
    owner, state = _owner(request, caller), request.app.state
    await _insist_on_url(request, body.url)
    return await write.run(
        lambda session: service.register(
            session, owner=owner, request=body, sealer=state.webhook_sealer, now=state.clock()
        ),
        status=201,
    )


@router.get("", response_model=WebhookList, openapi_extra=describes(WebhookQuery))
async def list_webhooks(request: Request, caller: SignedIn) -> WebhookList:
    """List your webhooks; an administrator's list has everybody's"""
    owner, query = _owner(request, caller), read_query(request, WebhookQuery)
    async with request.app.state.database.read() as session:
        return await service.list_webhooks(session, owner=owner, query=query)


@router.get("/{webhook_id}", response_model=WebhookReply)
async def get_webhook(request: Request, webhook_id: str, caller: SignedIn) -> WebhookReply:
    """Get a webhook: whether it is active, and how its receiver does"""
    owner = _owner(request, caller)
    async with request.app.state.database.read() as session:
        return await service.get_webhook(session, owner=owner, webhook_id=number_of(webhook_id))


@router.put("/{webhook_id}", response_model=WebhookReply)
async def update_webhook(
    request: Request, webhook_id: str, body: WebhookUpdate, caller: SignedIn, write: Write
) -> Response:
    """Change a webhook: address, events, paused or active"""
    owner, state = _owner(request, caller), request.app.state
    if body.url is not None:
        await _insist_on_url(request, body.url)
    number = number_of(webhook_id)
    return await write.run(
        lambda session: service.update(session, owner=owner, webhook_id=number, request=body, now=state.clock())
    )


@router.delete("/{webhook_id}", response_model=WebhookRemoved)
async def remove_webhook(request: Request, webhook_id: str, caller: SignedIn, write: Write) -> Response:
    """Remove a webhook with its deliveries"""
    owner, state = _owner(request, caller), request.app.state
    number = number_of(webhook_id)
    return await write.run(lambda session: service.remove(session, owner=owner, webhook_id=number, now=state.clock()))


@router.post("/{webhook_id}/rotate-secret", response_model=SecretReply)
async def rotate_secret(
    request: Request, webhook_id: str, body: RotateRequest, caller: SignedIn, write: Write
) -> Response:
    """Sign with another secret; the old one signs beside it for a while"""
    owner, state = _owner(request, caller), request.app.state
    number = number_of(webhook_id)
    return await write.run(
        lambda session: service.rotate_secret(
            session, owner=owner, webhook_id=number, request=body, sealer=state.webhook_sealer, now=state.clock()
        )
    )


@router.post("/{webhook_id}/test", response_model=DeliveryItem, status_code=201)
async def send_test(request: Request, webhook_id: str, caller: SignedIn, write: Write) -> Response:
    """Send the event `webhook.test` to this webhook; see its delivery for what came back"""
    owner, state = _owner(request, caller), request.app.state
    number = number_of(webhook_id)
    return await write.run(
        lambda session: service.send_test(session, owner=owner, webhook_id=number, now=state.clock()), status=201
    )


@router.get(
    "/{webhook_id}/deliveries", response_model=DeliveryList, openapi_extra=describes(DeliveryQuery, may_miss=True)
)
async def list_deliveries(request: Request, webhook_id: str, caller: SignedIn) -> DeliveryList:
    """List what was sent to a webhook in the last 30 days, each try with its request and response"""
    owner, query = _owner(request, caller), read_query(request, DeliveryQuery)
    async with request.app.state.database.read() as session:
        return await service.list_deliveries(session, owner=owner, webhook_id=number_of(webhook_id), query=query)


@router.post("/{webhook_id}/deliveries/{delivery_id}/redeliver", response_model=DeliveryItem, status_code=201)
async def redeliver(request: Request, webhook_id: str, delivery_id: str, caller: SignedIn, write: Write) -> Response:
    """Send an event again, under the same id"""
    owner, state = _owner(request, caller), request.app.state
    number, which = number_of(webhook_id), number_of(delivery_id)
    return await write.run(
        lambda session: service.redeliver(
            session, owner=owner, webhook_id=number, delivery_id=which, now=state.clock()
        ),
        status=201,
    )


def _owner(request: Request, caller: Caller) -> Owner:
    caller.must_be("instructor")
    return Owner(caller.user_id, "admin" in caller.roles, origin_of(request))


async def _insist_on_url(request: Request, url: str) -> None:
    try:
        await request.app.state.receivers.check(url)
    except AddressRefused as refusal:
        raise ValidationFailed("Invalid request parameters", details=[Detail("url", str(refusal))]) from refusal
