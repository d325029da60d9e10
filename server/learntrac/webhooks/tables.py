"""Who wants to be told, what there is to tell, and what became of telling it. Times are microseconds since 1970."""

from sqlalchemy import BigInteger, Index, Integer, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from learntrac.kit.db import Base, BigKey


class Webhook(Base):
    """A receiver. `kind` is webhook, or xapi for the learning record store of the settings; `status` active, paused by
    its owner, or disabled by LearnTrac for `disabled_reason`.

    `secret` is sealed; `old_secret` signs beside it until `old_secret_until`. `failures` are failed attempts since
    `succeeded_at`, the first of them at `failing_since`.
    """

    __tablename__ = "webhook"

    id: Mapped[int] = mapped_column(BigKey, primary_key=True, autoincrement=True)
    kind: Mapped[str] = mapped_column(String(10))
    owner: Mapped[str] = mapped_column(String(255))
    url: Mapped[str] = mapped_column(Text)
    events: Mapped[str] = mapped_column(Text)
    secret: Mapped[str] = mapped_column(Text)
    old_secret: Mapped[str | None] = mapped_column(Text)
    old_secret_until: Mapped[int | None] = mapped_column(BigInteger)
    status: Mapped[str] = mapped_column(String(10))
    disabled_reason: Mapped[str | None] = mapped_column(Text)
    failures: Mapped[int]
    failing_since: Mapped[int | None] = mapped_column(BigInteger)
    succeeded_at: Mapped[int | None] = mapped_column(BigInteger)
    created_at: Mapped[int] = mapped_column(BigInteger)
    updated_at: Mapped[int] = mapped_column(BigInteger)

    __table_args__ = (Index("uq_webhook_owner_url", "owner", "url", unique=True),)


class WebhookSubscription(Base):
    """An active webhook and an event it wants: what `announce` looks at, in the order it looks."""

    __tablename__ = "webhook_subscription"

    event: Mapped[str] = mapped_column(String(40), primary_key=True)
    webhook_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)

    __table_args__ = (Index("ix_webhook_subscription_webhook", "webhook_id"),)


class WebhookEvent(Base):
    """What happened while somebody wanted to know. `id` is a UUID, `data` JSON, `user_id` whom it is about.

    On SQLite a trigger, which stands in the migrations, makes a delivery for each subscription to a new one.
    """

    __tablename__ = "webhook_event"

    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    event: Mapped[str] = mapped_column(String(40))
    data: Mapped[str] = mapped_column(Text)
    user_id: Mapped[str | None] = mapped_column(String(255))
    at: Mapped[int] = mapped_column(BigInteger)

    __table_args__ = (Index("ix_webhook_event_user", "user_id", "at"), Index("ix_webhook_event_at", "at"))


class WebhookDelivery(Base):
    """An event on its way to a webhook: `status` is pending, delivered or failed; `due_at` when it is tried next."""

    __tablename__ = "webhook_delivery"

    id: Mapped[int] = mapped_column(BigKey, primary_key=True, autoincrement=True)
    webhook_id: Mapped[int] = mapped_column(BigInteger)
    event_id: Mapped[str] = mapped_column(String(36))
    status: Mapped[str] = mapped_column(String(10))
    attempts: Mapped[int]
    due_at: Mapped[int] = mapped_column(BigInteger)
    created_at: Mapped[int] = mapped_column(BigInteger)
    ended_at: Mapped[int | None] = mapped_column(BigInteger)

    __table_args__ = (
        Index("ix_webhook_delivery_due", "webhook_id", "status", "due_at", "id"),
        Index("ix_webhook_delivery_status", "status", "due_at"),
        Index("ix_webhook_delivery_event", "event_id"),
    )


class WebhookAttempt(Base):
    """One try: the headers that were sent, and what came back, its body cut; or the error where nothing did."""

    __tablename__ = "webhook_attempt"

    delivery_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    number: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    at: Mapped[int] = mapped_column(BigInteger)
    duration_ms: Mapped[int]
    request_headers: Mapped[str] = mapped_column(Text)
    response_status: Mapped[int | None]
    response_headers: Mapped[str] = mapped_column(Text)
    response_body: Mapped[str] = mapped_column(Text)
    error: Mapped[str | None] = mapped_column(Text)
