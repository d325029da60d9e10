"""Evidence, standings and the learner's log. Times are microseconds since 1970.

Concepts are named by ticket number without a foreign key: the catalog can be rebuilt, and these rows outlive a ticket.
"""

from sqlalchemy import BigInteger, Index, Integer, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from learntrac.kit.db import Base

BigKey = BigInteger().with_variant(Integer, "sqlite")
"""SQLite numbers rows by itself only in a column of plain INTEGER."""


class Evidence(Base):
    """One graded answer: `outcome` 0 to 1, `weight` 0 to 1, `source` quiz, exercise or reported (by the client)."""

    __tablename__ = "evidence"

    id: Mapped[int] = mapped_column(BigKey, primary_key=True, autoincrement=True)
    user_id: Mapped[str] = mapped_column(String(255))
    concept_id: Mapped[int]
    item_id: Mapped[str] = mapped_column(String(120))
    outcome: Mapped[float]
    weight: Mapped[float]
    source: Mapped[str] = mapped_column(String(20))
    at: Mapped[int] = mapped_column(BigInteger)

    __table_args__ = (Index("ix_evidence_learner", "user_id", "concept_id", "at"),)


class Standing(Base):
    """Where a learner stands with a concept. Made from evidence and sessions, kept because every list shows it.

    `successes` and `weight` are the model's two numbers; `mastered_at` stays once it is set, until a failure clears it.
    """

    __tablename__ = "standing"

    user_id: Mapped[str] = mapped_column(String(255), primary_key=True)
    concept_id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    status: Mapped[str] = mapped_column(String(12))
    mastery_score: Mapped[float]
    successes: Mapped[float]
    weight: Mapped[float]
    begun_at: Mapped[int] = mapped_column(BigInteger)
    completed_at: Mapped[int | None] = mapped_column(BigInteger)
    mastered_at: Mapped[int | None] = mapped_column(BigInteger)
    updated_at: Mapped[int] = mapped_column(BigInteger)

    __table_args__ = (Index("ix_standing_status", "user_id", "status", "concept_id"),)


class LearningEvent(Base):
    """What a learner did, never changed: `kind` is started, completed, mastered, abandoned or answered.

    `seconds` is the time spent that ended with it; `score` the outcome of an answer; `data` further JSON.
    """

    __tablename__ = "learning_event"

    id: Mapped[int] = mapped_column(BigKey, primary_key=True, autoincrement=True)
    user_id: Mapped[str] = mapped_column(String(255))
    concept_id: Mapped[int]
    kind: Mapped[str] = mapped_column(String(12))
    seconds: Mapped[int]
    score: Mapped[float | None]
    data: Mapped[str] = mapped_column(Text)
    at: Mapped[int] = mapped_column(BigInteger)

    __table_args__ = (Index("ix_learning_event_learner", "user_id", "at"),)
