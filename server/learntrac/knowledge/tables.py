"""Relationships between concepts that were added here and not in Trac. Times are microseconds since 1970."""

from sqlalchemy import BigInteger, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from learntrac.kit.db import Base, BigKey


class Relationship(Base):
    """`kind` is prerequisite_for, related_to or alternative_to; `weight` 0 to 1. One of a kind for two concepts."""

    __tablename__ = "relationship"

    id: Mapped[int] = mapped_column(BigKey, primary_key=True, autoincrement=True)
    source_concept: Mapped[int]
    target_concept: Mapped[int]
    kind: Mapped[str] = mapped_column(String(20))
    weight: Mapped[float]
    is_bidirectional: Mapped[bool]
    notes: Mapped[str] = mapped_column(Text)
    created_by: Mapped[str] = mapped_column(String(255))
    created_at: Mapped[int] = mapped_column(BigInteger)

    __table_args__ = (
        Index("uq_relationship", "source_concept", "target_concept", "kind", unique=True),
        Index("ix_relationship_target", "target_concept"),
    )
