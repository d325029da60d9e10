"""Sessions of learning. Times are microseconds since 1970."""

from sqlalchemy import BigInteger, Index, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from learntrac.kit.db import Base


class LearningSession(Base):
    """A learner at work on a concept, from start to complete. `status`: active, completed, mastered or abandoned.

    `reported` is JSON of what the client said at the end (time, quiz score, exercises, feedback): kept, believed in
    nothing.
    """

    __tablename__ = "learning_session"

    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    user_id: Mapped[str] = mapped_column(String(255))
    concept_id: Mapped[int]
    mode: Mapped[str] = mapped_column(String(12))
    status: Mapped[str] = mapped_column(String(12))
    preferred_resources: Mapped[str] = mapped_column(Text)
    time_spent_seconds: Mapped[int]
    reported: Mapped[str] = mapped_column(Text)
    started_at: Mapped[int] = mapped_column(BigInteger)
    ended_at: Mapped[int | None] = mapped_column(BigInteger)

    __table_args__ = (
        # One at a time for each learner and concept, whoever races whom.
        Index(
            "uq_learning_session_active",
            "user_id",
            "concept_id",
            unique=True,
            sqlite_where=text("status = 'active'"),
            postgresql_where=text("status = 'active'"),
        ),
        Index("ix_learning_session_learner", "user_id", "started_at"),
    )
