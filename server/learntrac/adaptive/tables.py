"""Feedback and placement tests. Times are microseconds since 1970, JSON is text."""

from sqlalchemy import BigInteger, Index, Integer, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from learntrac.kit.db import Base


class ConceptFeedback(Base):
    """What a learner last said of a concept; a rating that was not given is null."""

    __tablename__ = "concept_feedback"

    user_id: Mapped[str] = mapped_column(String(255), primary_key=True)
    concept_id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    difficulty_rating: Mapped[int | None]
    clarity_rating: Mapped[int | None]
    pace_feedback: Mapped[str | None] = mapped_column(String(12))
    preferred_resources: Mapped[str] = mapped_column(Text)
    is_time_sufficient: Mapped[bool | None]
    comments: Mapped[str] = mapped_column(Text)
    at: Mapped[int] = mapped_column(BigInteger)

    __table_args__ = (Index("ix_concept_feedback_at", "user_id", "at"),)


class Placement(Base):
    """A placement test: `answers` is JSON [[concept, whether it is known], …] in order, all that its state is.

    `status` is active or done; `question` the concept that is asked for now.
    """

    __tablename__ = "placement"

    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    user_id: Mapped[str] = mapped_column(String(255))
    status: Mapped[str] = mapped_column(String(12))
    question: Mapped[int | None]
    answers: Mapped[str] = mapped_column(Text)
    asked: Mapped[int]
    started_at: Mapped[int] = mapped_column(BigInteger)
    updated_at: Mapped[int] = mapped_column(BigInteger)

    __table_args__ = (Index("ix_placement_learner", "user_id", "started_at"),)
