"""Rollups of the log. Days are days since 1970 in UTC; scores and outcomes are millionths; times are microseconds."""

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from learntrac.activity.days import FIGURES
from learntrac.kit.db import Base


def figures() -> list[Column[int]]:
    """A column for each of `days.Figures`."""
    return [Column(name, BigInteger, nullable=False) for name in FIGURES]


class ActivityDay(Base):
    """What a learner did with a concept on a day (`days.LearnerDay`)."""

    __tablename__ = "activity_day"

    user_id: Mapped[str] = mapped_column(String(255), primary_key=True)
    day: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    concept_id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    score: Mapped[int | None]

    __table_args__ = (*figures(), Index("ix_activity_day_day", "day", "concept_id"))


class DayTotal(Base):
    """What all learners did on a day."""

    __tablename__ = "day_total"

    day: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)

    __table_args__ = tuple(figures())


class WindowChange(Base):
    """By how much the active learners of a window, and their engagement, change on a day (`windows.changes`)."""

    __tablename__ = "window_change"

    timeframe: Mapped[str] = mapped_column(String(8), primary_key=True)
    day: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    learners: Mapped[int] = mapped_column(BigInteger)
    engagement: Mapped[int] = mapped_column(BigInteger)


class ConceptWindow(Base):
    """What all learners did with a concept in the window that ends on `activity_state.as_of`."""

    __tablename__ = "concept_window"

    timeframe: Mapped[str] = mapped_column(String(8), primary_key=True)
    concept_id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)

    __table_args__ = (*figures(), Index("ix_concept_window_completed", "timeframe", "completed_last", "concept_id"))


class LearnerTotal(Base):
    """Whether a learner needs help (`trouble.Trouble`). `failing` is JSON, `failing_since` the earliest of them."""

    __tablename__ = "learner_total"

    user_id: Mapped[str] = mapped_column(String(255), primary_key=True)
    last_at: Mapped[int] = mapped_column(BigInteger)
    open_concepts: Mapped[int]
    failing: Mapped[str] = mapped_column(Text)
    failing_since: Mapped[int | None] = mapped_column(BigInteger)

    __table_args__ = (
        Index("ix_learner_total_last", "last_at"),
        Index("ix_learner_total_failing", "failing_since"),
    )


class ActivityState(Base):
    """One row: how far the log is rolled up.

    Events up to `seen_id` were read. A transaction may commit after one whose events have higher numbers, so those
    after `settled_id` are read again, until everything up to `marked_id` is older than any transaction. `as_of` is the
    day on which the windows of concepts end. `is_whole`: false while the tables are made anew. `version` grows with
    each change.
    """

    __tablename__ = "activity_state"

    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    settled_id: Mapped[int] = mapped_column(BigInteger)
    marked_id: Mapped[int] = mapped_column(BigInteger)
    marked_at: Mapped[int] = mapped_column(BigInteger)
    seen_id: Mapped[int] = mapped_column(BigInteger)
    as_of: Mapped[int]
    is_whole: Mapped[bool] = mapped_column(Boolean)
    version: Mapped[int] = mapped_column(BigInteger)
