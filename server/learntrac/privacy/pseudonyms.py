"""Taking a person's name out of the audit log, where entries about others' data must stay."""

import hmac

from sqlalchemy import ColumnElement, and_, delete, or_, update
from sqlalchemy.ext.asyncio import AsyncSession

from learntrac.audit.service import SYSTEM
from learntrac.audit.tables import AuditEntry

PREFIX = "erased-"


def pseudonym(secret: bytes, user_id: str) -> str:
    """The name that stands for an erased person: the same for the same person, and nobody's without the key.

    HMAC-SHA256 of the user id, cut to 96 bits. Whoever holds the key can check a name they suspect, and nothing else.
    """
    return PREFIX + hmac.digest(secret, b"erased\0" + user_id.encode(), "sha256").hex()[:24]


async def part_with(session: AsyncSession, user_id: str, name: str) -> None:
    """Take `user_id` out of the audit log.

    What concerned nobody else goes: their sign-ins, and what the system noted about them. What somebody else did to
    their data, and they to somebody else's, stays under the pseudonym `name`. Request ids go too, as the server's log
    holds names beside them; so does an address that was theirs.
    """
    log = AuditEntry
    await session.execute(delete(log).where(_concerns_nobody_else(user_id)))
    await session.execute(update(log).where(log.subject == user_id).values(subject=name, request_id=""))
    await session.execute(update(log).where(log.actor == user_id).values(actor=name, request_id="", address=""))


def _concerns_nobody_else(user_id: str) -> ColumnElement[bool]:
    log = AuditEntry
    theirs = and_(log.actor == user_id, or_(log.subject == user_id, log.subject.is_(None)))
    return or_(theirs, and_(log.actor == SYSTEM, log.subject == user_id))
