"""The catalog: LearnTrac's own indexed copy of what Trac's tickets mean. Times are microseconds since 1970, JSON is
text.

It can be deleted and is rebuilt from Trac. Learners' records name concepts by ticket number only, so that they
outlive it.
"""

from sqlalchemy import BigInteger, Index, Integer, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from learntrac.kit.db import Base

_BY_CODE_POINT = String(200).with_variant(String(200, collation="C"), "postgresql")


class CatalogConcept(Base):
    """A ticket as a thing to learn.

    `doc_head` and `doc_tail` are the concept's list JSON, ready but for the learner's status between them.
    `level` is the whole number that a filter by difficulty means. `sorted_title` is the beginning of the title, which
    fits into an index, and is compared by code point on either database. `standing` is the status that the ticket's own
    status stands for. `problems` lists what could not be read.
    """

    __tablename__ = "concept"

    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    title: Mapped[str] = mapped_column(Text)
    sorted_title: Mapped[str] = mapped_column(_BY_CODE_POINT)
    description: Mapped[str] = mapped_column(Text)
    type: Mapped[str] = mapped_column(Text)
    difficulty: Mapped[float]
    level: Mapped[int]
    mastery_threshold: Mapped[float]
    component: Mapped[str] = mapped_column(Text)
    milestone: Mapped[str] = mapped_column(Text)
    owner: Mapped[str] = mapped_column(Text)
    standing: Mapped[str] = mapped_column(String(12))
    estimated_minutes: Mapped[int]
    created_at: Mapped[int] = mapped_column(BigInteger)
    updated_at: Mapped[int] = mapped_column(BigInteger)
    objectives: Mapped[str] = mapped_column(Text)
    links: Mapped[str] = mapped_column(Text)
    custom_fields: Mapped[str] = mapped_column(Text)
    problems: Mapped[str] = mapped_column(Text)
    doc_head: Mapped[str] = mapped_column(Text)
    doc_tail: Mapped[str] = mapped_column(Text)
    fingerprint: Mapped[str] = mapped_column(String(32))

    __table_args__ = (
        Index("ix_concept_type", "type", "id"),
        Index("ix_concept_component", "component", "id"),
        Index("ix_concept_milestone", "milestone", "id"),
        Index("ix_concept_owner", "owner", "id"),
        Index("ix_concept_standing", "standing", "id"),
        Index("ix_concept_level", "level", "id"),
        # Two filters at once would read through all that fit one of them, the longer the larger the course.
        Index("ix_concept_component_milestone", "component", "milestone", "id"),
        Index("ix_concept_component_level", "component", "level", "id"),
        Index("ix_concept_milestone_level", "milestone", "level", "id"),
        Index("ix_concept_difficulty", "difficulty", "id"),
        Index("ix_concept_sorted_title", "sorted_title", "id"),
        Index("ix_concept_created_at", "created_at", "id"),
        Index("ix_concept_updated_at", "updated_at", "id"),
        Index("ix_concept_estimated_minutes", "estimated_minutes", "id"),
        # All that recommendations compare of a course's starts, so that the wide rows need not be read for it.
        Index("ix_concept_ranking", "milestone", "difficulty", "estimated_minutes", "id"),
    )


class CatalogPrerequisite(Base):
    """An edge as somebody wrote it. `state`: kept, dangling (no such ticket) or cyclic (it would close a cycle)."""

    __tablename__ = "prerequisite"

    concept_id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    prerequisite_id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    source: Mapped[str] = mapped_column(String(80))
    state: Mapped[str] = mapped_column(String(10))

    __table_args__ = (Index("ix_prerequisite_reverse", "prerequisite_id", "state", "concept_id"),)


class CatalogPage(Base):
    """A wiki page that a course may send its readers to: its text, and how many words they will read."""

    __tablename__ = "page"

    name: Mapped[str] = mapped_column(Text, primary_key=True)
    version: Mapped[int]
    words: Mapped[int]
    content: Mapped[str] = mapped_column(Text, server_default=text("''"))


class CatalogState(Base):
    """One row: `generation` grows with every change of the catalog, so that whoever keeps totals knows when they are
    old. `synced_at` is when the catalog was last seen to be what Trac is, to a few seconds; 0: never yet. `identity` is
    drawn by lot when the tables are made: a copy of the graph says which catalog it is a copy of.
    """

    __tablename__ = "catalog_state"

    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    generation: Mapped[int] = mapped_column(BigInteger)
    changed_at: Mapped[int] = mapped_column(BigInteger)
    synced_at: Mapped[int] = mapped_column(BigInteger, server_default="0")
    identity: Mapped[str] = mapped_column(String(32), server_default="unnamed")


class CatalogChange(Base):
    """The generation in which a concept or one of its edges was last written or removed, for whoever keeps a copy."""

    __tablename__ = "catalog_change"

    concept_id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    generation: Mapped[int] = mapped_column(BigInteger)

    __table_args__ = (Index("ix_catalog_change_generation", "generation"),)
