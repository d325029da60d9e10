"""Evidence, the learner model's states, standings, contests and the learner's log. Times are microseconds since 1970.

Concepts are named by ticket number without a foreign key: the catalog can be rebuilt, and these rows outlive a ticket.
"""

from sqlalchemy import BigInteger, Boolean, Index, Integer, LargeBinary, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from learntrac.kit.db import Base, BigKey


class Evidence(Base):
    """One graded answer: `outcome` 0 to 1, `weight` 0 to 1, `source` quiz, exercise or reported (by the client).

    `predicted` is the model's probability before the answer; `threshold` and `prerequisites` (JSON) are the concept's
    at that moment, so that the log can be replayed; `voided` says that it was contested and struck.
    """

    __tablename__ = "evidence"

    id: Mapped[int] = mapped_column(BigKey, primary_key=True, autoincrement=True)
    user_id: Mapped[str] = mapped_column(String(255))
    concept_id: Mapped[int]
    item_id: Mapped[str] = mapped_column(String(120))
    outcome: Mapped[float]
    weight: Mapped[float]
    source: Mapped[str] = mapped_column(String(20))
    threshold: Mapped[float]
    prerequisites: Mapped[str] = mapped_column(Text)
    predicted: Mapped[float | None]
    score_before: Mapped[float | None]
    score_after: Mapped[float | None]
    voided: Mapped[bool] = mapped_column(Boolean)
    at: Mapped[int] = mapped_column(BigInteger)

    __table_args__ = (
        Index("ix_evidence_learner", "user_id", "concept_id", "at"),
        Index("ix_evidence_log", "user_id", "id"),
    )


class LearnerState(Base):
    """A learner's state of the model, made from the log of evidence: it can be made again at any time.

    `model` is the digest of the parameters it was made with, empty where there was no answer yet. Whoever changes what
    a learner knows holds this row.
    """

    __tablename__ = "learner_state"

    user_id: Mapped[str] = mapped_column(String(255), primary_key=True)
    model: Mapped[str] = mapped_column(String(64))
    state: Mapped[bytes] = mapped_column(LargeBinary)
    updated_at: Mapped[int] = mapped_column(BigInteger)


class Standing(Base):
    """Where a learner stands with a concept. Made from evidence and sessions, kept because every list shows it.

    `mastery_score` is as of the last answer, and `terms` (JSON) are its parts in logits. `stability` (days) and
    `difficulty` are of the memory model, which fades the score from `reviewed_at` on; `due_at` is when a mastered
    concept falls below `threshold`. `mastered_at` stays once it is set, until a failure clears it.
    """

    __tablename__ = "standing"

    user_id: Mapped[str] = mapped_column(String(255), primary_key=True)
    concept_id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    status: Mapped[str] = mapped_column(String(12))
    mastery_score: Mapped[float]
    answers: Mapped[int]
    threshold: Mapped[float]
    terms: Mapped[str] = mapped_column(Text)
    stability: Mapped[float | None]
    difficulty: Mapped[float | None]
    reviewed_at: Mapped[int | None] = mapped_column(BigInteger)
    due_at: Mapped[int | None] = mapped_column(BigInteger)
    begun_at: Mapped[int] = mapped_column(BigInteger)
    completed_at: Mapped[int | None] = mapped_column(BigInteger)
    mastered_at: Mapped[int | None] = mapped_column(BigInteger)
    updated_at: Mapped[int] = mapped_column(BigInteger)

    __table_args__ = (Index("ix_standing_status", "user_id", "status", "concept_id"),)


class Contest(Base):
    """A learner's objection to a piece of evidence: `status` is pending, accepted (it is struck) or rejected."""

    __tablename__ = "contest"

    id: Mapped[int] = mapped_column(BigKey, primary_key=True, autoincrement=True)
    evidence_id: Mapped[int] = mapped_column(BigInteger)
    user_id: Mapped[str] = mapped_column(String(255))
    concept_id: Mapped[int]
    reason: Mapped[str] = mapped_column(Text)
    status: Mapped[str] = mapped_column(String(12))
    created_at: Mapped[int] = mapped_column(BigInteger)
    decided_by: Mapped[str | None] = mapped_column(String(255))
    note: Mapped[str] = mapped_column(Text)
    decided_at: Mapped[int | None] = mapped_column(BigInteger)

    __table_args__ = (
        Index("uq_contest_evidence", "evidence_id", unique=True),
        Index("ix_contest_status", "status", "id"),
    )


class LearningEvent(Base):
    """What a learner did, never changed: `kind` is started, completed, mastered, abandoned, answered,
    solved (an exercise, the first time), contested, voided (a contest was accepted), upheld (it was not), struggled
    or milestone (achieved).

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


class Achievement(Base):
    """An achievement that a learner earned, once; `evidence` is JSON of the figures that earned it."""

    __tablename__ = "achievement"

    user_id: Mapped[str] = mapped_column(String(255), primary_key=True)
    achievement_id: Mapped[str] = mapped_column(String(40), primary_key=True)
    at: Mapped[int] = mapped_column(BigInteger)
    evidence: Mapped[str] = mapped_column(Text)
