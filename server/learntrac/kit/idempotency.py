"""`Idempotency-Key`: a POST that is sent again within a day gets the reply of the first, and has no second effect.

The reply is stored in the transaction of the effect, so the two cannot part. It is encrypted under a key made from the
client's own key, which is not stored: a login's reply holds tokens, and a database must not give them away.
"""

import base64
import hashlib
import hmac
from dataclasses import dataclass
from datetime import datetime, timedelta

from cryptography.fernet import Fernet
from sqlalchemy import BigInteger, LargeBinary, String, text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from learntrac.kit.clock import to_micros
from learntrac.kit.db import Base
from learntrac.kit.errors import Conflict

KEPT = timedelta(hours=24)


class IdempotentReply(Base):
    """A reply kept for a day. `digest` names caller, route and key; `request` is the digest of the body."""

    __tablename__ = "idempotent_reply"

    digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    request: Mapped[str] = mapped_column(String(64))
    status: Mapped[int]
    body: Mapped[bytes] = mapped_column(LargeBinary)
    created_at: Mapped[int] = mapped_column(BigInteger, index=True)


class KeyConflict(Conflict):
    """409 about the key itself, not about what was asked: never stored as the reply."""


@dataclass(frozen=True)
class Reply:
    """What was answered: status and the JSON body's bytes."""

    status: int
    body: bytes


@dataclass(frozen=True)
class Once:
    """One keyed request: `digest` is where its reply lives, `request` what was asked, `cipher` what reads the reply."""

    digest: str
    request: str
    cipher: Fernet

    @classmethod
    def of(cls, secret: bytes, *, caller: str, route: str, key: str, body: bytes) -> "Once":
        """The keyed request of `caller` (a user id, or empty) at `route` (method and path)."""
        place = f"{caller}\0{route}\0{key}".encode()
        return cls(
            digest=_mac(secret, b"place", place).hex(),
            # Keyed as well: the plain hash of a login's body would let its password be guessed offline.
            request=_mac(secret, b"request", body).hex(),
            cipher=Fernet(base64.urlsafe_b64encode(_mac(secret, b"cipher", place))),
        )


def _mac(secret: bytes, purpose: bytes, message: bytes) -> bytes:
    return hmac.digest(secret, hashlib.sha256(purpose + b"\0" + message).digest(), "sha256")


_FIND = text("SELECT request, status, body, created_at FROM idempotent_reply WHERE digest = :digest")
_KEEP = text(
    "INSERT INTO idempotent_reply (digest, request, status, body, created_at)"
    " VALUES (:digest, :request, :status, :body, :now)"
    " ON CONFLICT (digest) DO UPDATE SET request = excluded.request, status = excluded.status,"
    " body = excluded.body, created_at = excluded.created_at"
)
_FORGET = text("DELETE FROM idempotent_reply WHERE created_at < :before")
_TRY_LOCK = text("SELECT pg_try_advisory_xact_lock(:number)")


async def claim(session: AsyncSession, once: Once, *, now: datetime) -> Reply | None:
    """The stored reply of this request, or None where it is new and now ours until the transaction ends.

    Raises KeyConflict when the key was used for another request, or the first one is still running.
    """
    await _claim_or_conflict(session, once)
    return await find(session, once, now=now)


async def find(session: AsyncSession, once: Once, *, now: datetime) -> Reply | None:
    """The stored reply of this request. Raises KeyConflict when the key was used for another one."""
    found = (await session.execute(_FIND, {"digest": once.digest})).one_or_none()
    if found is None or found.created_at < to_micros(now - KEPT):
        return None
    if not hmac.compare_digest(found.request, once.request):
        raise KeyConflict("This Idempotency-Key was used for another request.")
    return Reply(found.status, once.cipher.decrypt(bytes(found.body)))


async def _claim_or_conflict(session: AsyncSession, once: Once) -> None:
    # SQLite has one writer at a time, so there the first request is always over.
    if session.get_bind().dialect.name == "postgresql":
        number = int(once.digest[:15], 16)
        if not (await session.execute(_TRY_LOCK, {"number": number})).scalar_one():
            raise KeyConflict("A request with this Idempotency-Key is still running.", retry_after_seconds=1)


async def keep(session: AsyncSession, once: Once, reply: Reply, *, now: datetime) -> None:
    """Store the reply in the caller's transaction."""
    values = {
        "digest": once.digest,
        "request": once.request,
        "status": reply.status,
        "body": once.cipher.encrypt(reply.body),
        "now": to_micros(now),
    }
    await session.execute(_KEEP, values)


async def forget_old(session: AsyncSession, *, now: datetime) -> None:
    """Delete the replies that are older than a day."""
    await session.execute(_FORGET, {"before": to_micros(now - KEPT)})
