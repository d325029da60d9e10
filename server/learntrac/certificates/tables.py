"""What was certified to whom, and the keys that sign it. Times are microseconds since 1970."""

from sqlalchemy import BigInteger, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from learntrac.kit.db import Base, BigKey


class Certificate(Base):
    """What somebody mastered or earned: `kind` is concept or achievement, `subject` its number or name.

    `code` is a secret of 128 bits: whoever has it may see the certificate. `title` and `full_name` are as they were,
    `score`, `threshold` and `answers` the evidence at that time. The id is also its place in the list of revocations.
    """

    __tablename__ = "certificate"

    id: Mapped[int] = mapped_column(BigKey, primary_key=True, autoincrement=True)
    user_id: Mapped[str] = mapped_column(String(255))
    kind: Mapped[str] = mapped_column(String(12))
    subject: Mapped[str] = mapped_column(String(64))
    prefix: Mapped[str] = mapped_column(String(8))
    code: Mapped[str] = mapped_column(String(26))
    title: Mapped[str] = mapped_column(Text)
    description: Mapped[str] = mapped_column(Text)
    full_name: Mapped[str] = mapped_column(Text)
    is_name_shown: Mapped[bool]
    score: Mapped[float | None]
    threshold: Mapped[float | None]
    answers: Mapped[int | None]
    earned_at: Mapped[int] = mapped_column(BigInteger)
    issued_at: Mapped[int] = mapped_column(BigInteger)
    revoked_at: Mapped[int | None] = mapped_column(BigInteger)
    revoked_by: Mapped[str | None] = mapped_column(String(255))
    reason: Mapped[str] = mapped_column(Text)

    __table_args__ = (
        Index("uq_certificate_subject", "user_id", "kind", "subject", unique=True),
        Index("uq_certificate_code", "code", unique=True),
    )


class SigningKey(Base):
    """An Ed25519 key of this installation: `public` in base64url, `private` sealed. The newest signs; all are
    published, so that what older ones signed stays verifiable.
    """

    __tablename__ = "signing_key"

    id: Mapped[int] = mapped_column(BigKey, primary_key=True, autoincrement=True)
    public: Mapped[str] = mapped_column(String(64))
    private: Mapped[str] = mapped_column(Text)
    created_at: Mapped[int] = mapped_column(BigInteger)
