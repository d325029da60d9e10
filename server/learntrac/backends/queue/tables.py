"""Where jobs are kept: on SQLite all of it here, on PostgreSQL in procrastinate's tables and a note beside them.

Times are microseconds since 1970, JSON is text.
"""

from sqlalchemy import BigInteger, Index, Integer, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from learntrac.kit.db import Base

_WAITING = text("status = 'waiting'")


class QueueJob(Base):
    """A job on SQLite. `status`: waiting, running, done, failed."""

    __tablename__ = "queue_job"

    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=True)
    task: Mapped[str] = mapped_column(String(128))
    payload: Mapped[str] = mapped_column(Text)
    key: Mapped[str | None] = mapped_column(String(255))
    status: Mapped[str] = mapped_column(String(10))
    due_at: Mapped[int] = mapped_column(BigInteger)
    failures: Mapped[int]
    interruptions: Mapped[int]
    error: Mapped[str | None] = mapped_column(Text)
    ended_at: Mapped[int | None] = mapped_column(BigInteger)

    __table_args__ = (
        Index("ix_queue_job_due", "status", "due_at", "id"),
        Index("uq_queue_job_key", "key", unique=True, sqlite_where=_WAITING),
        {"info": {"dialect": "sqlite"}},
    )


class QueuePeriod(Base):
    """The latest period, by its beginning, for which a periodic task got its job on SQLite."""

    __tablename__ = "queue_period"

    task: Mapped[str] = mapped_column(String(128), primary_key=True)
    begun_at: Mapped[int] = mapped_column(BigInteger)

    __table_args__ = ({"info": {"dialect": "sqlite"}},)


class QueueNote(Base):
    """What procrastinate does not keep of a job on PostgreSQL: its last error, and how often its worker died."""

    __tablename__ = "queue_note"

    job_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    error: Mapped[str] = mapped_column(Text)
    interruptions: Mapped[int]
    noted_at: Mapped[int] = mapped_column(BigInteger)

    __table_args__ = ({"info": {"dialect": "postgresql"}},)
