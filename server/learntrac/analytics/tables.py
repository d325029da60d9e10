"""Orders in which learners worked, and reports to take away. Times are microseconds since 1970, JSON is text."""

from sqlalchemy import BigInteger, Index, Integer, LargeBinary, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from learntrac.kit.db import Base


class CommonPath(Base):
    """An order in which learners worked, counted now and then; `path` is JSON of the concepts' numbers."""

    __tablename__ = "common_path"

    timeframe: Mapped[str] = mapped_column(String(8), primary_key=True)
    place: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    path: Mapped[str] = mapped_column(Text)
    learners: Mapped[int]
    mastered: Mapped[int]
    seconds: Mapped[int] = mapped_column(BigInteger)


class Export(Base):
    """A report that an instructor ordered. `status`: processing, completed, failed, cancelled or expired.

    `progress` is in percent. `sections` and `filters` are JSON of the order. `expires_at` is when the file goes.
    """

    __tablename__ = "export"

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    owner: Mapped[str] = mapped_column(String(255))
    report_type: Mapped[str] = mapped_column(String(20))
    format: Mapped[str] = mapped_column(String(4))
    sections: Mapped[str] = mapped_column(Text)
    filters: Mapped[str] = mapped_column(Text)
    status: Mapped[str] = mapped_column(String(12))
    progress: Mapped[int]
    estimated_seconds: Mapped[int]
    error: Mapped[str] = mapped_column(Text)
    size: Mapped[int] = mapped_column(BigInteger)
    created_at: Mapped[int] = mapped_column(BigInteger)
    finished_at: Mapped[int | None] = mapped_column(BigInteger)
    expires_at: Mapped[int | None] = mapped_column(BigInteger)

    __table_args__ = (
        Index("ix_export_owner", "owner", "created_at"),
        Index("ix_export_expires", "expires_at"),
    )


class ExportPiece(Base):
    """A megabyte of an export's file: in the database, where every server and worker finds it."""

    __tablename__ = "export_piece"

    export_id: Mapped[str] = mapped_column(String(40), primary_key=True)
    place: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    content: Mapped[bytes] = mapped_column(LargeBinary)
