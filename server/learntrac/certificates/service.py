"""The verbs of certificates: give one for what was mastered or earned, list, show or hide the name, revoke."""

import base64
import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncSession

from learntrac.audit.service import NO_REQUEST, Origin, record
from learntrac.certificates import queries
from learntrac.certificates.schemas import CertificateItem, CertificateList, CertificateQuery, CertificateRequest
from learntrac.kit.clock import from_micros, to_micros
from learntrac.kit.errors import Conflict, NotFound
from learntrac.mastery.achievements import BY_ID

CODE_BYTES = 16
PREFIX_LENGTH = 8


class CertificateNotFound(NotFound):
    """404: no such certificate, or not for this caller."""

    def __init__(self) -> None:
        super().__init__("There is no such certificate.")


class NotEarned(Conflict):
    """409: there is nothing to certify yet."""

    def __init__(self) -> None:
        super().__init__("There is nothing to certify: graded answers of this server have to show it first.")


class AlreadyRevoked(Conflict):
    """409: it is revoked, and stays so."""

    def __init__(self) -> None:
        super().__init__("This certificate is revoked.")


@dataclass(frozen=True)
class _Subject:
    """What is to be certified, with its evidence."""

    kind: str
    subject: str
    title: str
    description: str
    earned_at: int
    score: float | None = None
    threshold: float | None = None
    answers: int | None = None


async def certify_concept(
    session: AsyncSession, *, user_id: str, concept_id: int, session_id: str, now: datetime
) -> str | None:
    """The address of the learner's certificate for a concept, given now where they have none yet.

    None where server-graded answers do not show mastery, or where it was revoked.
    """
    found = await _find_mastered(session, user_id, concept_id)
    if found is None:
        return None
    row = await _give(session, user_id, found, session_id[:PREFIX_LENGTH], now)
    return None if row.revoked_at is not None else pdf_path(row)


async def claim(
    session: AsyncSession, *, user_id: str, request: CertificateRequest, base: str, now: datetime
) -> CertificateItem:
    """A certificate for what the caller has mastered or earned: the one they have, or a new one. Raises NotEarned."""
    if request.concept_id is not None:
        found = await _find_mastered(session, user_id, request.concept_id)
    else:
        found = await _find_earned(session, user_id, str(request.achievement_id))
    if found is None:
        raise NotEarned
    return shown(await _give(session, user_id, found, secrets.token_hex(PREFIX_LENGTH // 2), now), base)


async def list_certificates(
    session: AsyncSession, *, user_id: str, query: CertificateQuery, base: str
) -> CertificateList:
    """A learner's certificates and badges."""
    values = {"user_id": user_id, "limit": query.limit, "offset": query.offset}
    rows = await session.execute(queries.LIST, values)
    total = (await session.execute(queries.COUNT, {"user_id": user_id})).scalar_one()
    items = [shown(row, base) for row in rows]
    return CertificateList(certificates=items, total=total, limit=query.limit, offset=query.offset)


async def show_name(
    session: AsyncSession, *, user_id: str, certificate_id: int, shown_: bool, base: str
) -> CertificateItem:
    """Have the page of verification and the credential name the holder, or not. Raises CertificateNotFound."""
    row = await _get(session, certificate_id)
    if row.user_id != user_id:
        raise CertificateNotFound
    await session.execute(queries.SHOW_NAME, {"id": certificate_id, "shown": shown_})
    return shown(await _get(session, certificate_id), base)


async def revoke(
    session: AsyncSession,
    *,
    certificate_id: int,
    revoked_by: str,
    reason: str,
    base: str,
    now: datetime,
    origin: Origin = NO_REQUEST,
) -> CertificateItem:
    """Take a certificate back, for good. Raises CertificateNotFound, and AlreadyRevoked the second time."""
    row = await _get(session, certificate_id)
    values = {"id": certificate_id, "revoked_by": revoked_by, "reason": reason, "now": to_micros(now)}
    if (await session.execute(queries.REVOKE, values)).one_or_none() is None:
        raise AlreadyRevoked
    details = {"certificate": certificate_id}
    await record(
        session,
        actor=revoked_by,
        action="certificate.revoke",
        subject=row.user_id,
        now=now,
        origin=origin,
        details=details,
    )
    return shown(await _get(session, certificate_id), base)


async def find_by_code(session: AsyncSession, code: str) -> Row[Any] | None:
    """The certificate that this secret opens."""
    return (await session.execute(queries.FIND_BY_CODE, {"code": code})).one_or_none()


async def find_own(session: AsyncSession, *, user_id: str, subject: str, prefix: str) -> Row[Any] | None:
    """A learner's certificate by the name of its file."""
    values = {"user_id": user_id, "subject": subject, "prefix": prefix}
    return (await session.execute(queries.FIND_BY_PATH, values)).one_or_none()


def pdf_path(row: Row[Any]) -> str:
    """The address of the document, secret included, as `complete` tells it."""
    return f"/certificates/{row.subject}-{row.prefix}.pdf?token={row.code}"


def shown(row: Row[Any], base: str) -> CertificateItem:
    """A certificate as its holder sees it; `base` goes before its addresses."""
    page = f"{base}/certificates/{row.code}"
    return CertificateItem(
        certificate_id=f"certificate-{row.id}",
        kind=row.kind,
        concept_id=int(row.subject) if row.kind == "concept" else None,
        achievement_id=row.subject if row.kind == "achievement" else None,
        title=row.title,
        issued_at=from_micros(row.issued_at),
        earned_at=from_micros(row.earned_at),
        show_name=bool(row.is_name_shown),
        revoked=row.revoked_at is not None,
        revoked_at=from_micros(row.revoked_at) if row.revoked_at is not None else None,
        reason=row.reason,
        certificate_url=base + pdf_path(row),
        verify_url=page,
        badge_url=page + ".json",
        badge_jwt_url=page + ".jwt",
    )


async def _get(session: AsyncSession, certificate_id: int) -> Row[Any]:
    row = (await session.execute(queries.FIND, {"id": certificate_id})).one_or_none()
    if row is None:
        raise CertificateNotFound
    return row


async def _find_mastered(session: AsyncSession, user_id: str, concept_id: int) -> _Subject | None:
    values = {"user_id": user_id, "concept_id": concept_id}
    row = (await session.execute(queries.MASTERED, values)).one_or_none()
    if row is None:
        return None
    return _Subject(
        "concept", str(concept_id), row.title, "", row.mastered_at, row.mastery_score, row.threshold, row.answers
    )


async def _find_earned(session: AsyncSession, user_id: str, achievement_id: str) -> _Subject | None:
    values = {"user_id": user_id, "achievement_id": achievement_id}
    at = (await session.execute(queries.EARNED, values)).scalar_one_or_none()
    rule = BY_ID.get(achievement_id)
    if at is None or rule is None:
        return None
    return _Subject("achievement", rule.id, rule.title, rule.description, at)


async def _give(session: AsyncSession, user_id: str, found: _Subject, prefix: str, now: datetime) -> Row[Any]:
    """The certificate that there is, or a new one; of two at once, one."""
    named = (await session.execute(queries.FULL_NAME, {"user_id": user_id})).scalar_one_or_none()
    code = base64.b32encode(secrets.token_bytes(CODE_BYTES)).decode().rstrip("=").lower()
    values = {"user_id": user_id, "prefix": prefix, "code": code, "full_name": named or user_id, "now": to_micros(now)}
    await session.execute(queries.ADD, values | vars(found))
    key = {"user_id": user_id, "kind": found.kind, "subject": found.subject}
    return (await session.execute(queries.FIND_OWN, key)).one()
