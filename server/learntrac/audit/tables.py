"""Who did what, and to whose data."""

from sqlalchemy import BigInteger, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from learntrac.kit.db import Base, BigKey


class AuditEntry(Base):
    """One act, never changed but to take an erased person's name out. `at` is microseconds since 1970.

    `actor` is a user id, or `cli` or `system`; `subject` the user whose data it was about. `details` is JSON that holds
    no secret and names nobody.
    """

    __tablename__ = "audit_entry"

    id: Mapped[int] = mapped_column(BigKey, primary_key=True, autoincrement=True)
    at: Mapped[int] = mapped_column(BigInteger)
    actor: Mapped[str] = mapped_column(String(255))
    action: Mapped[str] = mapped_column(String(60))
    subject: Mapped[str | None] = mapped_column(String(255))
    request_id: Mapped[str] = mapped_column(String(64))
    address: Mapped[str] = mapped_column(String(64))
    details: Mapped[str] = mapped_column(Text)

    __table_args__ = (
        Index("ix_audit_entry_at", "at"),
        Index("ix_audit_entry_actor", "actor", "at"),
        Index("ix_audit_entry_subject", "subject", "at"),
    )
