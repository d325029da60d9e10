"""Bodies of webhooks. The specification has registering; the rest is added."""

import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from learntrac.kit.fields import ApiTime, Body
from learntrac.kit.paging import Limit, Offset
from learntrac.webhooks.signing import key_of

EventName = Literal[
    "concept.started",
    "concept.completed",
    "concept.mastered",
    "milestone.achieved",
    "user.struggled",
    "exercise.submitted",
    "achievement.unlocked",
    "export.ready",
    "tutor.handover_requested",
]
Status = Literal["active", "paused", "disabled"]
DeliveryStatus = Literal["pending", "delivered", "failed"]
_NUMBER = re.compile(r"(?:webhook|delivery)-([1-9][0-9]{0,17})", re.ASCII)


def _once(events: list[str]) -> list[str]:
    if len(set(events)) < len(events):
        raise ValueError("each event once")
    return events


def _usable(secret: str) -> str:
    if not secret.isprintable() or len(key_of(secret)) < 8:
        raise ValueError("must be printable, and hold at least 8 bytes")
    return secret


def number_of(name: str) -> int:
    """`webhook-12` and `delivery-12` as 12; what is no such name as 0, which nothing has."""
    found = _NUMBER.fullmatch(name)
    return int(found[1]) if found else 0


Events = Annotated[list[EventName], Field(min_length=1, max_length=20), AfterValidator(_once)]
Secret = Annotated[str, Field(min_length=8, max_length=200), AfterValidator(_usable)]
Url = Annotated[str, Field(min_length=1, max_length=2048)]


class WebhookRequest(Body):
    """A webhook to register. Without a `secret` one is made, and told this once."""

    url: Url
    events: Events
    secret: Secret | None = None
    active: bool = True


class WebhookUpdate(Body):
    """What is to change of a webhook; `active` true also brings back one that was disabled."""

    url: Url | None = None
    events: Events | None = None
    active: bool | None = None


class RotateRequest(Body):
    """A new secret, made where none is given; the old one signs beside it for so many hours."""

    secret: Secret | None = None
    overlap_hours: int = Field(24, ge=0, le=168)


class WebhookReply(BaseModel):
    """A webhook. `disabled_reason` says why LearnTrac sends nothing more to it."""

    webhook_id: str
    url: str
    events: list[EventName]
    created_at: ApiTime
    status: Status
    owner: str
    updated_at: ApiTime
    disabled_reason: str | None
    last_success_at: ApiTime | None
    failing_since: ApiTime | None
    failed_attempts: int
    old_secret_until: ApiTime | None


class WebhookAdded(WebhookReply):
    """A webhook that was registered. `secret` is told where it was made here, and never again."""

    secret: str | None


class SecretReply(BaseModel):
    """The new secret where it was made here, and until when the old one signs as well."""

    webhook_id: str
    secret: str | None
    old_secret_until: ApiTime | None


class WebhookQuery(BaseModel):
    """Which page of webhooks."""

    model_config = ConfigDict(extra="ignore")

    limit: Limit = 20
    offset: Offset = 0


class WebhookList(BaseModel):
    """Your own webhooks, or all of them for an administrator."""

    webhooks: list[WebhookReply]
    total: int
    limit: int
    offset: int


class DeliveryAttempt(BaseModel):
    """One try: what was sent and what came back, without secrets; `error` where nothing did."""

    number: int
    at: ApiTime
    duration_ms: int
    request_headers: dict[str, str]
    response_status: int | None
    response_headers: dict[str, str]
    response_body: str
    error: str | None


class DeliveryItem(BaseModel):
    """An event on its way to a webhook. `message_id` is the `webhook-id` of every try."""

    delivery_id: str
    message_id: str
    event: str
    data: dict[str, Any]
    timestamp: ApiTime
    status: DeliveryStatus
    created_at: ApiTime
    next_attempt_at: ApiTime | None
    ended_at: ApiTime | None
    attempts: list[DeliveryAttempt]


class DeliveryQuery(BaseModel):
    """Which deliveries."""

    model_config = ConfigDict(extra="ignore")

    status: DeliveryStatus | None = Field(None, description="Only those of this status")
    event: EventName | Literal["webhook.test"] | None = Field(None, description="Only those of this event")
    limit: Limit = 20
    offset: Offset = 0


class DeliveryList(BaseModel):
    """Deliveries of the last 30 days, newest first."""

    deliveries: list[DeliveryItem]
    total: int
    limit: int
    offset: int


class WebhookRemoved(BaseModel):
    """A webhook that is no more, its deliveries included."""

    webhook_id: str
    removed: Literal[True] = True
